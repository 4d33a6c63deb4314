import json
from itertools import chain

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luce.data.jsonl import all_keys, read_json_lines, to_frame
from luce.errors import DataError

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=5)
values = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), texts)


def read(data, piece=1 << 20):
    pieces = [data[i : i + piece] for i in range(0, len(data), piece)]
    return list(chain.from_iterable(read_json_lines(pieces, "t.jsonl")))


@settings(deadline=None)
@given(st.lists(st.dictionaries(texts, values, max_size=3), max_size=5), st.integers(1, 30))
def test_reads_what_json_writes(rows, piece):
    data = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()
    assert read(data, piece) == rows


def test_reads_a_byte_order_mark_blank_lines_and_no_newline_at_the_end():
    assert read(b'\xef\xbb\xbf{"a": 1}\r\n\n{"a": 2}') == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        ([1, 2, None], pl.Int64),
        ([1, 2.5, None], pl.Float64),
        ([1, 2**70, None], pl.Float64),
        ([True, None], pl.Boolean),
        ([None, None], pl.Null),
        (["a", None], pl.String),
        (["a", 1, True, None], pl.String),
    ],
)
def test_a_column_keeps_its_type_where_it_has_one(column, dtype):
    frame = to_frame([{"x": value} for value in column] + [{}], ["x"])
    assert frame.schema == {"x": dtype}
    assert frame["x"][-1] is None
    assert len(frame) == len(column) + 1


def test_mixed_values_become_their_json_text():
    assert to_frame([{"x": "a"}, {"x": 1.5}, {"x": True}], ["x"])["x"].to_list() == [
        "a",
        "1.5",
        "true",
    ]


def test_a_number_beyond_float64_is_infinite():
    assert to_frame([{"x": 10**400}], ["x"])["x"].to_list() == [float("inf")]


def test_columns_are_all_keys_in_the_order_of_appearance():
    assert all_keys([{"b": 1}, {"a": 1, "b": 2}, {"c": 0}]) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (b"{", "must be a JSON object"),
        (b"[1]", "got list"),
        (b"3", "got int"),
        (b'{"a": [1]}', "got a list for 'a'"),
        (b'{"a": {"b": 1}}', "got an object for 'a'"),
        (b'{"a": NaN}', "write null"),
        (b'{"a": 1, "a": 2}', "repeats 'a'"),
        (b"[" * 100_000, "must be a JSON object"),
        (b'{"a": ' + b"9" * 5000 + b"}", "must be a JSON object"),
        (b'{"a": "\xff"}', "UTF-8"),
    ],
)
def test_says_which_line_is_wrong(line, part):
    with pytest.raises(DataError, match=r"t.jsonl") as caught:
        read(b'{"a": 1}\n\n' + line + b"\n")
    assert part in str(caught.value)
    assert "line 3" in str(caught.value)
