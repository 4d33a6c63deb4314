import gzip
import io
import sys
import tracemalloc

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from luce.data import batches, learn_encoding, load
from luce.data.columns import CategoryColumn, NumberColumn
from luce.data.kinds import Kind
from luce.data.table_encoding import TableEncoding
from luce.errors import DataError

ENCODING = TableEncoding(
    (NumberColumn("age", Kind.NUMBER, 0.0, False), CategoryColumn("colour", ("red", "blue"), False))
)
CSV = "id,colour,age\n" + "".join(
    f"{i},{('red', 'blue', 'green')[i % 3]},{i}\n" for i in range(100)
)
JSONL = "".join(
    f'{{"id": {i}, "colour": "{("red", "blue", "green")[i % 3]}", "age": {i}}}\n'
    for i in range(100)
)
EXPECTED = [[i, i % 3 == 0, i % 3 == 1] for i in range(100)]


def collected(source, encoding=ENCODING, **options):
    found = list(batches(source, encoding, **options))
    return np.concatenate([batch.features.X for batch in found]), found


@pytest.fixture
def stdin(monkeypatch):
    """Put bytes on standard input."""

    def put(content):
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(content)))
        monkeypatch.setattr(sys, "stdin", stream)
        return "-"

    return put


@pytest.fixture(params=["a.csv", "a.csv.gz", "a.tsv", "a.jsonl", "-csv", "-jsonl", "a.parquet"])
def source(request, tmp_path, stdin):
    """Offer the same rows in every way."""
    text = JSONL if "jsonl" in request.param else CSV
    if request.param.startswith("-"):
        return stdin(b"\xef\xbb\xbf" + text.encode())
    path = tmp_path / request.param
    match path.suffix:
        case ".gz":
            path.write_bytes(gzip.compress(text.encode()))
        case ".parquet":
            pl.read_csv(text.encode()).write_parquet(path)
        case ".tsv":
            path.write_text(text.replace(",", "\t"))
        case _:
            path.write_text(text)
    return path


def test_rows_come_in_their_order_with_what_they_were(source):
    X, found = collected(source, rows=7)
    np.testing.assert_array_equal(X, EXPECTED)
    assert max(len(batch.features) for batch in found) == 7
    raw = pl.concat([batch.raw for batch in found])
    assert raw.columns == ["id", "colour", "age"]
    assert raw["id"].cast(pl.Int64).to_list() == list(range(100))
    assert sum(batch.features.unseen.get("colour", 0) for batch in found) == 33
    assert found[0].features.ignored == ("id",)


@settings(deadline=None)
@given(st.integers(5, 200), st.integers(20, 900))
def test_the_size_of_pieces_changes_nothing(rows, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("luce.data.files.BLOCK", chunk)
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(CSV.encode())))
        patch.setattr(sys, "stdin", stream)
        np.testing.assert_array_equal(collected("-", rows=rows)[0], EXPECTED)


@pytest.mark.parametrize("text", [CSV, JSONL], ids=["csv", "jsonl"])
def test_an_error_far_down_names_row_and_column(tmp_path, text):
    path = tmp_path / ("a.csv" if text is CSV else "a.jsonl")
    path.write_text(text.replace(",77\n", ",old\n").replace('"age": 77', '"age": "old"'))
    with pytest.raises(DataError, match=r"column 'age' of .*a\.(csv|jsonl).*'old' at row 78 "):
        collected(path, rows=10)


def test_missing_columns_are_named_before_any_row(stdin):
    with pytest.raises(DataError, match=r"standard input must have .*'age' is missing"):
        next(batches(stdin(b"id,colour\n1,red\n"), ENCODING))
    with pytest.raises(DataError, match="'colour' is missing"):
        next(batches(stdin(b'{"age": 1}\n{"age": 2, "colour": "red"}\n'), ENCODING))


def test_later_lines_of_jsonl_may_leave_out_keys(stdin):
    content = b'{"age": 1, "colour": "red"}\n\n{"colour": "blue", "more": 1}\n{"age": 3}\n'
    X, found = collected(stdin(content))
    assert X.tolist() == [[1, 1, 0], [0, 0, 1], [3, 0, 0]]
    assert found[0].raw.columns == ["age", "colour"]


def test_the_first_line_of_jsonl_tells_the_columns_of_all_batches(stdin, monkeypatch):
    monkeypatch.setattr("luce.data.files.BLOCK", 40)
    first, other = b'{"age": 1, "colour": "red"}\n', b'{"colour": "red", "age": 1, "new": 2}\n'
    _, found = collected(stdin(first + other * 5))
    assert len(found) > 1
    assert {tuple(batch.raw.columns) for batch in found} == {("age", "colour")}


@pytest.mark.parametrize("content", [b"", b"\n", b"id,age,colour\n", b"id,age,colour"])
def test_nothing_to_predict_is_an_error(stdin, content):
    with pytest.raises(DataError, match="standard input"):
        collected(stdin(content))


def test_blank_lines_before_jsonl_do_not_matter(stdin):
    assert len(collected(stdin(b"\n  \n" + JSONL.encode()))[0]) == 100


def test_named_sets_give_their_rows_and_images_their_names(tmp_path):
    iris = load("iris")
    X, found = collected("iris", learn_encoding(iris), rows=100)
    np.testing.assert_array_equal(X, iris.features.to_numpy())
    assert found[1].raw.columns == iris.features.columns
    for name in ("a.png", "b.png"):
        Image.new("L", (8, 8), 255).save(tmp_path / name)
    X, found = collected(tmp_path, learn_encoding(load("digits")))
    assert found[0].raw.to_dict(as_series=False) == {"file": ["a.png", "b.png"]}
    assert X.shape == (2, 64)


def test_arrays_have_no_raw_rows(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.eye(5), y=range(5))
    encoding = learn_encoding(load(tmp_path / "a.npz"))
    X, found = collected(tmp_path / "a.npz", encoding, rows=2)
    np.testing.assert_array_equal(X, np.eye(5))
    assert [batch.raw for batch in found] == [None] * 3


def test_memory_does_not_grow_with_the_input(monkeypatch):
    """Twenty times the rows must not need noticeably more memory (of which Python knows)."""

    def peak(blocks):
        line = b"12345,red,67\n"
        pieces = iter([b"id,colour,age\n", *[line * 20_000] * blocks])
        monkeypatch.setattr("luce.data.files.stdin_chunks", lambda: pieces)
        tracemalloc.start()
        rows = sum(len(batch.features) for batch in batches("-", ENCODING))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert rows == blocks * 20_000
        return used

    assert peak(40) < 1.5 * peak(2)
