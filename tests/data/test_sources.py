import gzip
import zipfile

import numpy as np
import polars as pl
import pytest
from PIL import Image

from luce.data import learn_encoding, load
from luce.errors import DataError, ParameterError


def test_arrays_and_images_come_from_npz(tmp_path):
    rng = np.random.default_rng(0)
    y = np.array([0, 1, 1])
    for name, X, kind in (
        ("flat", rng.normal(size=(3, 4)), "array"),
        ("single", rng.normal(size=(3, 4)).astype(np.float32), "array"),
        ("whole", rng.integers(9, size=(3, 4)), "array"),
        ("pixels", rng.integers(255, size=(3, 2, 2), dtype=np.uint8), "images"),
    ):
        np.savez(tmp_path / f"{name}.npz", X=X, y=y)
        dataset = load(tmp_path / f"{name}.npz")
        assert (dataset.name, dataset.kind, dataset.target_name) == (name, kind, "y")
        np.testing.assert_array_equal(dataset.features, X)
        np.testing.assert_array_equal(dataset.target, y)
        assert len(learn_encoding(dataset).apply(dataset.features)) == 3
        assert dataset.fingerprint.startswith("sha256:")


def test_values_like_1e300_are_accepted(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.array([[1e300], [-1e300]]), y=[0, 1])
    dataset = load(tmp_path / "a.npz")
    assert learn_encoding(dataset).apply(dataset.features).X.tolist() == [[1e300], [-1e300]]
    (tmp_path / "a.csv").write_text("x,y\n1e300,0\n-1e300,1\n1.7e308,1\n,0\n")
    dataset = load(tmp_path / "a.csv")
    assert np.isfinite(learn_encoding(dataset).apply(dataset.features).X).all()


def test_more_than_2_to_the_31_elements_can_be_indexed(tmp_path):
    """A zero-stride view stands for an array of 2^33 elements: nothing counts them in 32 bits."""
    from luce.data import Dataset

    images = np.broadcast_to(np.uint8(7), (1 << 23, 32, 32))
    dataset = Dataset("huge", "images", images, np.zeros(1 << 23, np.int64))
    some = dataset.take(np.array([0, (1 << 23) - 1]))
    assert len(dataset) * 1024 > 2**31
    assert learn_encoding(some).apply(some.features).X.shape == (2, 1024)


def test_one_class_is_enough_to_predict_or_evaluate(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.eye(2), y=[1, 1])
    assert load(tmp_path / "a.npz", needs_target=False).target.tolist() == [1, 1]
    encoding = learn_encoding(load(tmp_path / "a.npz", needs_target=False))
    assert load(tmp_path / "a.npz", encoding=encoding).target.tolist() == [1, 1]
    with pytest.raises(DataError, match="two classes"):
        load(tmp_path / "a.npz")


def test_a_single_array_is_for_prediction_only(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(3))
    assert load(tmp_path / "a.npy", needs_target=False).target is None
    with pytest.raises(DataError, match=r"no labels.*numpy.savez"):
        load(tmp_path / "a.npy")


def test_images_for_a_model_come_in_its_size(tmp_path):
    for name in "ab":
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.new("L", (6, 4)).save(tmp_path / "set" / name / "1.png")
    encoding = learn_encoding(load("digits"))
    dataset = load(tmp_path / "set", encoding=encoding)
    assert dataset.features.shape == (2, 8, 8)
    assert load(str(tmp_path / "set" / "a" / "1.png"), needs_target=False).features.shape == (
        1,
        4,
        6,
    )


def workbook(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")


def text(content):
    return lambda path: path.write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )


def arrays(**kwargs):
    return lambda path: np.savez(path, **kwargs)


@pytest.mark.parametrize(
    ("name", "write", "parts"),
    [
        ("a.csv", text(""), ["empty (0 bytes)"]),
        ("a.csv", text("age,y\n"), ["must hold rows"]),
        ("a.csv", text("age,y\n1,x\n2,x\n"), ["two classes", "'y'", "'x'"]),
        ("a.csv", text("age,age\n1,2\n"), ["different names", "'age'"]),
        ("a.csv", text("age,y\n1,a\n2\n"), ["line 3", "2 fields", "got 1"]),
        ("a.csv", text("age,y\n1,a\n2,caf\xe9\n".encode("latin-1")), ["byte offset 15", "UTF-8"]),
        ("a.csv", text("age,y\n1,a\n2,b\n".encode("utf-16")), ["UTF-16"]),
        ("a.csv", text("age,y\n1,\0\n2,b\n"), ["NUL byte"]),
        ("a.csv", text("age,y\n" + "1,a\n2,b\n" * 9 + "old,a\n"), ["'age'", "'old'", "row 19"]),
        ("a.csv", text("age,y\n1,a\ninf,b\n"), ["finite", "'age'", "row 2"]),
        ("a.csv", text("age,y\n1,a\n2,\n"), ["label", "row 2"]),
        ("a.csv", workbook, ["Excel"]),
        ("a.csv", lambda path: pl.DataFrame({"a": [1]}).write_parquet(path), ["Parquet"]),
        ("a.csv", lambda path: path.write_bytes(gzip.compress(b"a,b\n")), ["gzip"]),
        ("a.csv.gz", text("age,y\n1,a\n"), ["whole gzip file"]),
        ("a.jsonl", text('{"age": 1, "y": "a"}\n{"age": 1,}\n'), ["line 2"]),
        ("a.npz", text("no archive"), ["whole NPZ archive"]),
        ("a.npz", arrays(X=np.array([[1, np.nan]]), y=[0]), ["nan at row 1, column 2"]),
        ("a.npz", arrays(X=np.array([[1], [np.inf]]), y=[0, 1]), ["inf at row 2, column 1"]),
        ("a.npz", arrays(X=np.ones((2, 1)), y=[1, 1]), ["two classes"]),
        ("a.npz", arrays(X=np.ones((3, 1)), y=[1, 2]), ["one label a row (3)"]),
        ("a.npz", arrays(X=np.ones(3), y=[1, 2, 3]), ["got (3,)"]),
        ("a-idx3-ubyte", text("nonsense"), ["IDX file"]),
        ("a.png", text("nonsense"), ["a.png", "sound image"]),
        ("a.xlsx", workbook, ["must end in .csv", "Excel"]),
        ("a.txt", text("hello"), ["must begin with its label", "line 1"]),
        ("a.doc", text("hello"), ["must end in .csv", "unknown"]),
    ],
)
def test_bad_input_gives_one_clear_error(tmp_path, name, write, parts):
    path = tmp_path / name
    write(path)
    with pytest.raises(DataError) as caught:
        load(path)
    message = str(caught.value)
    assert [part for part in [name, *parts] if part not in message] == []
    assert "polars" not in message


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("digts", ["'digts'", "mean 'digits'", "digits, iris, wine, breast_cancer, fashion-mnist"]),
        ("nowhere/at/all.csv", ["CSV", "folder of images"]),
        ("", ["existing path"]),
        ("a\0b", ["existing path"]),
        ("x" * 5000, ["too long"]),
    ],
)
def test_what_is_neither_a_set_nor_a_path_is_one_error(source, parts):
    with pytest.raises(DataError) as caught:
        load(source)
    assert [part for part in parts if part not in str(caught.value)] == []
    assert len(str(caught.value)) < 1000


def test_a_path_with_a_typing_error_is_found(tmp_path):
    (tmp_path / "people.csv").touch()
    with pytest.raises(DataError, match=r"Did you mean '.*people\.csv'"):
        load(tmp_path / "poeple.csv")


def test_splits_belong_to_named_sets(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,a\n2,b\n")
    assert len(load(path, split="all")) == 2
    with pytest.raises(ParameterError, match="only named sets"):
        load(path, split="test")
    with pytest.raises(ParameterError, match="train, test or all, got 'valid'"):
        load("iris", split="valid")
