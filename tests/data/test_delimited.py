import csv
import io

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luce.data import delimited, records
from luce.data.delimited import read_delimited
from luce.errors import DataError

# Any text but the characters that a text file does not hold.
cells = st.text(st.characters(exclude_characters="\0\r", exclude_categories=("Cs",)), max_size=6)
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), max_size=6)
)


def read(data, piece=1 << 20, separator=None):
    pieces = [data[i : i + piece] for i in range(0, len(data), piece)]
    header, frames = read_delimited(pieces, "t.csv", separator)
    empty = pl.DataFrame(schema=dict.fromkeys(header.names, pl.String))
    return pl.concat([empty, *frames])


def refused(data, piece=1 << 20):
    with pytest.raises(DataError) as caught:
        read(data, piece)
    return str(caught.value)


@settings(deadline=None)
@given(tables, st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]), st.integers(1, 40))
def test_reads_what_the_csv_module_writes(rows, separator, line_end, piece):
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    names = [f"c{i}" for i in range(len(rows[0]) if rows else 2)]
    writer.writerows([names, *rows])
    frame = read(stream.getvalue().encode(), piece, separator)
    assert frame.columns == names
    assert [list(row) for row in frame.rows()] == rows


@settings(deadline=None)
@given(tables, st.integers(1, 40))
def test_reads_unquoted_fields_too(rows, piece):
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    names = [f"c{i}" for i in range(len(rows[0]) if rows else 2)]
    writer.writerows([names, *rows])
    frame = read(stream.getvalue().encode(), piece, ",")
    assert [[cell or "" for cell in row] for row in frame.rows()] == rows


@settings(deadline=None, max_examples=300)
@given(st.text("\",\n\ra1 #'", max_size=14), st.integers(1, 20))
def test_any_text_is_refused_or_means_what_it_means_to_the_csv_module(body, piece):
    data = f"h,k\n{body}"
    try:
        rows = [[cell or "" for cell in row] for row in read(data.encode(), piece, ",").rows()]
    except DataError:
        return
    expected = [row for row in csv.reader(io.StringIO(data, newline=""), strict=True) if row]
    assert rows == expected[1:]


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 100])
def test_reads_the_same_however_the_bytes_arrive(piece):
    data = '\ufeffname,"wei""ght"\r\n"Bo\r\nris, jr",1\r\n\r\nxڃ,\r\n"ü",3'.encode()
    assert read(data, piece).rows() == [("Bo\r\nris, jr", "1"), ("xڃ", None), ("ü", "3")]
    assert read(data, piece).columns == ["name", 'wei"ght']


def test_a_text_that_looks_like_a_compressed_stream_is_a_text():
    assert read("a,b\nxڃ,2\n".encode()).rows() == [("xڃ", "2")]


def test_reads_old_mac_line_ends():
    assert read(b"a,b\r1,2\r3,4\r").rows() == [("1", "2"), ("3", "4")]


def test_a_blank_line_is_a_missing_value_of_a_single_column_and_else_nothing():
    assert read(b"a\n1\n\n3\n").rows() == [("1",), (None,), ("3",)]
    assert read(b"a,b\n\n1,2\n\r\n\n").rows() == [("1", "2")]


@pytest.mark.parametrize(
    ("header", "separator"), [("a,b", ","), ("a;b", ";"), ("a\tb", "\t"), ("a", ",")]
)
def test_takes_the_separator_from_the_header(header, separator):
    found, _ = read_delimited([f"{header}\n".encode()], "t.csv")
    assert found.separator == separator
    assert len(found.notes) == (separator != ",")


def test_a_column_without_a_name_gets_one_and_a_note():
    header, frames = read_delimited([b",b\n0,1\n"], "t.csv")
    assert header.names == ("column 1", "b")
    assert header.unnamed == ("column 1",)
    assert "no name" in header.notes[0]
    assert next(frames).rows() == [("0", "1")]


@pytest.mark.parametrize("piece", [1, 5, 100])
@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"a,b\n1,2\n\n1\n", ["2 fields", "got 1", "line 4"]),
        (b"a,b\n1,2\n1,2,3\n1,2\n", ["2 fields", "got 3", "line 3"]),
        (b'a,b\n"x\ny",2\n1,2,3\n', ["got 3", "line 4"]),
        (b"a,b\n1,\xff\n", ["UTF-8", "0xff", "byte offset 6", "line 2"]),
        (b"\xef\xbb\xbfa,b\n1,\xe9\n", ["UTF-8", "0xe9", "byte offset 9"]),
        (b"a,b\n1,\0\n", ["NUL", "byte offset 6", "line 2"]),
        (b'a,b\n1,2\n"x,2\n3,4\n', ["quotation mark", "line 3", "closed"]),
        (b'a,b\n5" pipe,6" pipe\n', ["quotation mark", "line 2", "inside a field"]),
        (b'a,b\n1,2\n1, "x, y"\n', ["quotation mark", "line 3"]),
        (b"a,b,a\n1,2,3\n", ["different names", "'a'", "more than once"]),
        (b"a,b\n1,2\r3,4\n", ["carriage return", "line 2"]),
        (b'a,b\n1,""\r#\n', ["line 2"]),
        (b"a,b\r\n1,2\r\r\n", ["carriage return", "line 2"]),
        (b"\n1,2\n", ["first line", "blank"]),
        (b"", ["empty"]),
    ],
)
def test_says_what_is_wrong_and_where(data, parts, piece):
    message = refused(data, piece)
    assert [part for part in ["t.csv", *parts] if part not in message] == []


def test_bounds_the_length_of_a_record(monkeypatch):
    monkeypatch.setattr(records, "_LONGEST", 1000)
    message = refused(b'a,b\n1,2\n"' + b"x" * 2000, piece=100)
    assert "line 3" in message
    assert "never closed" in message


def test_bounds_the_number_of_columns(monkeypatch):
    monkeypatch.setattr(delimited, "_WIDEST", 5)
    assert "at most 5 columns, got 6" in refused(b"a,b,c,d,e,f\n")


def test_refuses_a_header_field_that_the_csv_module_cannot_read():
    assert "cannot be read" in refused(b"a," + b"x" * 200_000 + b"\n")
