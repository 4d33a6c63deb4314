import gzip
import tracemalloc

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from luce import SoftmaxRegression
from luce.data import learn_encoding, load, stream
from luce.errors import DataError, LabelError, ParameterError, ShapeError

pytestmark = pytest.mark.once


def rows(source):
    parts = list(source.blocks())
    return np.concatenate([p.X for p in parts]), np.concatenate([p.y for p in parts])


@pytest.fixture
def frame():
    random = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "length": random.normal(size=5000).round(4),
            "colour": random.choice(["red", "green", "blue"], 5000),
            "kind": random.choice(["x", "y", "z"], 5000),
            "width": np.where(np.arange(5000) % 7 == 0, np.nan, random.normal(size=5000)),
        }
    ).with_columns(pl.col("width").fill_nan(None))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".parquet"])
def test_a_table_gives_the_rows_that_loading_it_gives(frame, suffix, tmp_path, monkeypatch):
    from luce.data import table_stream

    monkeypatch.setattr(table_stream, "_CHUNK", 1000)
    monkeypatch.setattr(table_stream, "_CELLS", 999)
    path = tmp_path / f"table{suffix}"
    if suffix == ".parquet":
        frame.write_parquet(path, row_group_size=777)
    else:
        text = frame.write_csv(separator="\t" if suffix == ".tsv" else ",").encode()
        path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    source = stream(path, target="kind")
    whole = load(path, target="kind")
    for _ in range(2):
        X, y = rows(source)
        assert_array_equal(X, learn_encoding(whole).apply(whole.features).X)
        assert_array_equal(y, whole.target)
    assert source.target_name == "kind"
    assert source.feature_names == learn_encoding(whole).feature_names
    assert any("first 5000 rows" in note for note in source.notes)
    assert len(list(source.blocks())) > 5


def test_a_table_is_fitted_as_in_memory(frame, tmp_path):
    frame.write_parquet(tmp_path / "a.parquet")
    whole = load(tmp_path / "a.parquet", target="kind")
    held = SoftmaxRegression(tol=1e-9).fit(
        learn_encoding(whole).apply(whole.features).X, whole.target
    )
    model = SoftmaxRegression(tol=1e-6).fit(stream(tmp_path / "a.parquet", target="kind"))
    assert_allclose(model.objective_, held.objective_, rtol=1e-6)
    assert_array_equal(model.classes_, held.classes_)


def test_the_scratch_copy_gives_the_same_rows(frame, tmp_path):
    frame.write_csv(tmp_path / "a.csv")
    source = stream(tmp_path / "a.csv", target="kind", scratch=tmp_path)
    first, again = rows(source), rows(source)
    (tmp_path / "a.csv").unlink()
    third = rows(source)
    for one, two, three in zip(first, again, third, strict=True):
        assert_array_equal(one, two)
        assert_array_equal(one, three)
    assert list(tmp_path.iterdir()) == []


def test_a_pass_that_breaks_off_leaves_no_half_copy(frame, tmp_path):
    frame.write_csv(tmp_path / "a.csv")
    source = stream(tmp_path / "a.csv", target="kind", scratch=tmp_path)
    next(source.blocks())
    assert len(rows(source)[0]) == 5000


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int16])
def test_arrays_and_mapped_files_give_their_rows(dtype, tmp_path):
    X = np.random.default_rng(0).integers(0, 200, (3000, 5)).astype(dtype)
    y = np.arange(3000) % 3
    np.save(tmp_path / "X.npy", X)
    for table in (X, np.load(tmp_path / "X.npy", mmap_mode="r")):
        got, labels = rows(stream(table, y))
        assert_array_equal(got, X)
        assert_array_equal(labels, y)
        assert got.dtype == (np.float64 if dtype == np.int16 else dtype)


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_give_their_rows(packed, tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (700, 3, 4)).astype(np.uint8)
    y = (np.arange(700) % 10).astype(np.uint8)
    end = ".gz" if packed else ""
    for name, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", y)):
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        data = head + array.tobytes()
        (tmp_path / f"{name}{end}").write_bytes(gzip.compress(data) if packed else data)
    got, labels = rows(stream(tmp_path / f"images-idx3-ubyte{end}"))
    assert_array_equal(got, images.reshape(700, 12))
    assert_array_equal(labels, y)
    if not packed:
        (tmp_path / "images-idx3-ubyte").write_bytes(data)
        with pytest.raises(DataError, match="IDX file of images"):
            rows(stream(tmp_path / "images-idx3-ubyte"))


def test_memory_does_not_grow_with_the_rows(tmp_path):
    peaks = []
    for n in (100_000, 300_000):
        X = np.lib.format.open_memmap(tmp_path / f"{n}.npy", "w+", np.float64, (n, 20))
        X[:] = 1.0
        source = stream(np.load(tmp_path / f"{n}.npy", mmap_mode="r"), np.zeros(n, np.int8))
        tracemalloc.start()
        for _ in source.blocks():
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 12 << 20


def test_a_row_beyond_two_to_the_32_elements_is_reached(tmp_path):
    X = np.memmap(tmp_path / "X", np.uint8, "w+", shape=((1 << 32) // 1024 + 5, 1024))  # sparse
    X[-1] = 7
    y = np.zeros(len(X), np.int8)
    y[-1] = 1
    source = stream(X, y)
    source._X, source._y = X[-3:], y[-3:]
    got, labels = rows(source)
    assert_array_equal(got[:, 0], [0, 0, 7])
    assert_array_equal(labels, [0, 0, 1])


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("1.0,violet,x,0\n", DataError, "'colour'.*category.*larger head"),
        (",red,x,0\n", DataError, "'length'.*missing value.*larger head"),
        ("long,red,x,0\n", DataError, "'length'.*got text 'long' at row 5001"),
        ("1.0,red,,0\n", LabelError, "every row must have a label"),
    ],
)
def test_what_the_first_rows_do_not_promise_is_refused(frame, tmp_path, line, error, words):
    path = tmp_path / "a.csv"
    path.write_text(frame.write_csv() + line)
    source = stream(path, target="kind", head=5000)
    with pytest.raises(error, match=words):
        rows(source)


def test_labels_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "1,0\n2,1\n" * 500 + "3,zero\n")
    with pytest.raises(LabelError, match="of one kind"):
        rows(stream(path, head=1000))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: stream(np.zeros((3, 2))), ParameterError, "y must be the labels"),
        (lambda: stream(np.zeros(3), np.zeros(3)), ShapeError, "X must be a matrix"),
        (lambda: stream("no-such.csv"), DataError, "cannot be read"),
    ],
)
def test_what_is_no_stream_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_file_of_another_kind_and_labels_beside_a_file_are_refused(frame, tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DataError, match=r"luce\.data\.load"):
        stream(tmp_path / "a.txt")
    frame.write_csv(tmp_path / "a.csv")
    with pytest.raises(ParameterError, match="target="):
        stream(tmp_path / "a.csv", [1, 2])
    with pytest.raises(DataError, match="existing folder"):
        stream(tmp_path / "a.csv", target="kind", scratch=tmp_path / "none")
    (tmp_path / "b.parquet").write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(DataError, match="Parquet"):
        stream(tmp_path / "b.parquet")


def test_a_table_of_texts_alone_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "text,label\n" + "".join(f"order {i} is late,{'ab'[i % 2]}\n" for i in range(40))
    )
    with pytest.raises(DataError, match="has texts alone beside its target: 'text'"):
        stream(path)
