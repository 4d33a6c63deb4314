import gzip
import hashlib
import os
from contextlib import suppress
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from luce.data import Kind, learn_encoding, load
from luce.errors import DataError

REAL = Path(os.environ.get("LUCE_DATA", "")) / "tabular"
FRAME = pl.DataFrame(
    {
        "age": [30, None, 50, 40],
        "colour": ["red", "blue", None, "red"],
        "member": [True, False, None, True],
        "since": [date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1), None],
        "label": ["yes", "no", "no", "yes"],
    }
)


def saved(folder, suffix):
    """Write the same table in any of the formats."""
    path = folder / f"people{suffix}"
    frame = FRAME.with_columns(pl.col("since").cast(pl.String)) if ".jsonl" in suffix else FRAME
    plain = folder / f"people{suffix.removesuffix('.gz')}"
    match plain.suffix:
        case ".csv":
            frame.write_csv(plain)
        case ".tsv":
            frame.write_csv(plain, separator="\t")
        case ".jsonl":
            frame.write_ndjson(plain)
        case ".parquet":
            frame.write_parquet(plain)
    if suffix.endswith(".gz"):
        path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".parquet"])
def test_a_table_is_the_same_in_every_format(tmp_path, suffix):
    path = saved(tmp_path, suffix)
    dataset = load(path)
    assert (dataset.name, dataset.kind, dataset.target_name) == ("people", "table", "label")
    assert dataset.target.tolist() == ["yes", "no", "no", "yes"]
    assert dataset.fingerprint == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    encoding = learn_encoding(dataset)
    np.testing.assert_allclose(
        encoding.apply(dataset.features).X,
        [
            [30, 0, 1, 0, 0, 1, 0, 1704067200, 0],
            [40, 1, 0, 1, 0, 0, 0, 1706745600, 0],
            [50, 0, 0, 0, 1, 2 / 3, 1, 1709251200, 0],
            [40, 0, 1, 0, 0, 1, 0, (1704067200 + 1706745600 + 1709251200) / 3, 1],
        ],
    )


def test_every_guess_is_a_note(tmp_path):
    path = tmp_path / "t.csv"
    rows = [f"{i},{'NA' if i else 5},{'ab'[i % 2]},name {i},,{i % 3}" for i in range(24)]
    path.write_text("\n".join([";number;letter;name;nothing;Class".replace(";", ","), *rows]))
    dataset = load(path)
    assert dataset.notes == (
        "A column has no name in the header; it is called 'column 1'.",
        "The target is 'Class', by its name.",
        "Read as numbers: 'number'.",
        "Read as categories: 'letter (2 different)'.",
        "Left out, a different text in nearly every row: 'name'.",
        "Left out, without a single value: 'nothing'.",
        "Left out, a row number without a name: 'column 1'.",
        "In 'number' these stand for a missing value: 'NA' (cells: 23).",
    )
    assert learn_encoding(dataset).columns == ("number", "letter")


def test_a_column_without_a_name_that_does_not_count_rows_stays(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(",y\n3,a\n1,b\n")
    assert load(path).kinds == {"column 1": Kind.NUMBER}


def test_kinds_come_from_the_whole_file_also_for_some_of_its_rows(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("code,y\n1,a\n2,b\nx,a\ny,b\n")
    numbers_only = load(path).take(np.array([0, 1]))
    assert learn_encoding(numbers_only).feature_names == ("code=1", "code=2")


def test_rows_to_predict_need_no_target(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,label\n1,x\n")
    dataset = load(path, needs_target=False)
    assert dataset.target is None
    assert dataset.features.columns == ["a", "label"]
    assert load(path, needs_target=False, target="label").target.tolist() == ["x"]


def test_rows_for_a_model_are_not_judged_again(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("a,code,y\n1,u,p\n2,v,q\n")
    encoding = learn_encoding(load(path))
    other = tmp_path / "test.csv"
    other.write_text("code,a,y\n" + "7,5,p\n" * 9 + "u,6,p\n")  # one class, a stray text
    dataset = load(other, encoding=encoding)
    encoded = encoding.apply(dataset.features)
    assert encoded.unseen == {"code": 9}
    assert encoded.X[-1].tolist() == [6, 1, 0]
    assert load(other, needs_target=False).kinds == {}
    other.write_text(other.read_text().replace("u,6,p", "u,6,q"))
    with pytest.raises(DataError, match="row 10"):
        load(other)


def test_columns_can_be_made_categories(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("zip,y\n10115,a\n80331,b\n")
    dataset = load(path, categorical=["zip"])
    assert learn_encoding(dataset).feature_names == ("zip=10115", "zip=80331")


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".jsonl"])
@pytest.mark.parametrize("content", ["age,y\n", "age,y"])
def test_a_header_alone_is_no_table(tmp_path, suffix, content):
    path = tmp_path / f"t{suffix}"
    text = b"\n \n" if suffix == ".jsonl" else content.encode()
    path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    with pytest.raises(DataError, match="must hold rows"):
        load(path)


def test_a_table_of_identifiers_is_no_data(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,y\n" + "".join(f"question {i},{i % 2}\n" for i in range(30)))
    with pytest.raises(DataError, match=r"at least one column to learn from.*'text'"):
        load(path)
    path.write_text("y\n1\n2\n")
    with pytest.raises(DataError, match="there is none"):
        load(path)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-9], lambda b: b"age,y\n1,2\n", lambda b: b[:4] + b]
)
def test_a_damaged_parquet_file_is_refused(tmp_path, damage):
    path = saved(tmp_path, ".parquet")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"people\.parquet"):
        load(path)


def test_flipped_bytes_of_a_parquet_file_never_crash(tmp_path):
    path = saved(tmp_path, ".parquet")
    sound = path.read_bytes()
    for position in range(0, len(sound), 7):
        damaged = bytearray(sound)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        with suppress(DataError):  # never polars' own error, never a panic
            load(path)


@pytest.mark.skipif(not os.environ.get("LUCE_DATA") or not REAL.is_dir(), reason="no LUCE_DATA")
@pytest.mark.parametrize(
    ("name", "rows", "features", "classes"),
    [("vehicle", 846, 18, 4), ("shuttle", 58_000, 9, 7), ("adult", 48_842, 14, 2)],
)
def test_reads_real_tables(name, rows, features, classes):
    dataset = load(REAL / f"{name}.csv.gz")
    X = learn_encoding(dataset).apply(dataset.features).X
    expected = np.genfromtxt(REAL / f"{name}.csv.gz", delimiter=",", skip_header=1, max_rows=500)
    assert X.shape == (rows, features)
    assert len(np.unique(dataset.target)) == classes
    np.testing.assert_array_equal(X[:500], expected[:, :-1])
    np.testing.assert_array_equal(dataset.target[:500], expected[:, -1])


@pytest.mark.skipif(not os.environ.get("LUCE_DATA") or not REAL.is_dir(), reason="no LUCE_DATA")
def test_real_texts_are_read_as_text_where_there_is_nothing_else(tmp_path):
    rows = gzip.decompress((REAL.parent / "clinc150" / "train.csv.gz").read_bytes())
    path = tmp_path / "clinc.csv"
    path.write_bytes(b"intent,text,nothing\n" + rows)
    assert load(path, target="intent").kinds == {"text": Kind.WORDS, "nothing": Kind.EMPTY}
