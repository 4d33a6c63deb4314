"""Rows of bytes are read as Python's JSON reader reads them, or left to it."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from luce.kernels import _numpy

native = pytest.importorskip("luce.kernels._native")

BLANKS = st.text(alphabet=" \n\r\t", max_size=2)
ROWS = st.lists(st.lists(st.integers(0, 255), min_size=3, max_size=3), min_size=1, max_size=4)


def slowly(text, width):
    """The bytes that a body holds, or None."""
    try:
        tree = json.loads(text, parse_float=lambda digits: None, parse_constant=lambda name: None)
        if tree.keys() != {"rows"} or {len(row) for row in tree["rows"]} != {width}:
            return None
        return b"".join(map(bytes, tree["rows"]))
    except (ValueError, TypeError, AttributeError):
        return None


@given(ROWS, BLANKS, BLANKS)
def test_rows_of_bytes_are_read(rows, before, after):
    text = json.dumps({"rows": rows}, separators=(f"{before},{after}", f"{after}:{before}"))
    body = f"{before}{text}{after}".encode()
    assert native.byte_rows(body, 3) == slowly(body, 3)
    assert native.byte_rows(body, 2) is None


@given(ROWS, st.integers(0, 200), st.sampled_from(list(b'0129-+.eE,[]{}:" \0\n\xff')))
@example([[0, 0, 0]], 10, ord("0"))
def test_what_is_spoilt_is_left_to_the_reader_of_json(rows, place, byte):
    body = bytearray(json.dumps({"rows": rows}).encode())
    place %= len(body)
    for spoilt in (
        body[:place] + bytes([byte]) + body[place:],
        body[:place] + bytes([byte]) + body[place + 1 :],
        body[:place],
    ):
        found = native.byte_rows(bytes(spoilt), 3)
        assert found is None or found == slowly(bytes(spoilt), 3)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"rows":[[1,2,3]]',
        b'{"rows":[[1,2,3]]}x',
        b'{"rows":[[1,2,3],]}',
        b'{"rows":[]}',
        b'{"rows":[[]]}',
        b'{"rows":[[01,2,3]]}',
        b'{"rows":[[256,2,3]]}',
        b'{"rows":[[1000,2,3]]}',
        b'{"rows":[[-1,2,3]]}',
        b'{"rows":[[1.0,2,3]]}',
        b'{"rows":[[1e1,2,3]]}',
        b'{"rows":[[1,2,[3]]]}',
        b'{"rows":[[1,2,true]]}',
        b'{"rows":[[1,2,3]],"rows":[[1,2,3]]}',
        b'{"a":1,"rows":[[1,2,3]]}',
        b'\xef\xbb\xbf{"rows":[[1,2,3]]}',
    ],
    ids=repr,
)
def test_everything_else_is_left_to_it_too(text):
    assert native.byte_rows(text, 3) is None


def test_the_twin_leaves_all_to_it():
    assert _numpy.byte_rows(b'{"rows":[[1,2,3]]}', 3) is None
