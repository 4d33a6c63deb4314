"""CSV and TSV as columns of text.

Blocks of whole records are checked first - the number of fields in each record, quotation marks in
their places - and then split into columns by polars. Every cell is read as text: what a column
means is decided on all of its rows (`luce.data.kinds`), not on the first hundred.
"""

import csv
import io
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data.column_order import Namer
from luce.data.records import (
    NEWLINE,
    QUOTE,
    RETURN,
    Block,
    Indices,
    outside_quotes,
    record_blocks,
)
from luce.data.suggest import listed
from luce.errors import DataError

_WIDEST = 100_000  # columns


@dataclass(frozen=True)
class Header:
    """The columns' names, and the character between fields; ``is_line``: a line holds the names."""

    names: tuple[str, ...]
    unnamed: tuple[str, ...]
    separator: str
    notes: tuple[str, ...]
    is_line: bool = True


def read_delimited(
    chunks: Iterable[bytes],
    where: str,
    separator: str | None = None,
    namer: Namer | None = None,
) -> tuple[Header, Iterator[pl.DataFrame]]:
    """Return the header and an iterator over frames of text columns, in the order of the file.

    separator : the character between fields; None takes from comma, semicolon and tab the one that
        the first line holds most often
    namer : names the columns of a file without a header; None: its first line does

    Raises DataError, here or while iterating, for missing and repeated column names, more than
    100,000 columns, records with too few or too many fields, stray quotation marks, and all that
    `luce.data.records` refuses.
    """
    blocks = record_blocks(chunks, where, quoted=True)
    first = next(blocks, None)
    if first is None:
        raise DataError(f"{where} must hold a header line and rows, but it is empty.")
    record, rest = first.split_first()
    header = _read_header(record, where, separator, namer)
    begin = rest if header.is_line else _without_mark(first)
    return header, _frames(chain([begin], blocks), header, where)


def _read_header(
    record: bytes, where: str, separator: str | None, namer: Namer | None = None
) -> Header:
    line = record.decode("utf-8-sig").rstrip("\r\n")
    if not line.strip():
        raise DataError(
            f"the first line of {where} must name the columns, but it is blank. Add a header line."
        )
    chosen = separator or max(",;\t", key=line.count)
    names = _fields(line, chosen, where)
    if len(names) > _WIDEST:
        raise DataError(
            f"{where} may have at most {_WIDEST} columns, got {len(names)}. Is its first line a "
            "header, with line ends?"
        )
    given = None if namer is None else namer(names, where)
    if given is not None:
        said = f"There is no header line; the columns are called {given[0]!r} to {given[-1]!r}."
        notes = *_header_notes((), chosen, separator), said
        return Header(given, (), chosen, notes, is_line=False)
    named = tuple(name if name.strip() else f"column {i}" for i, name in enumerate(names, 1))
    _require_unique(named, where)
    unnamed = tuple(new for new, old in zip(named, names, strict=True) if not old.strip())
    return Header(named, unnamed, chosen, tuple(_header_notes(unnamed, chosen, separator)))


def _fields(line: str, separator: str, where: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator))
    except csv.Error as error:
        raise DataError(
            f"the first line of {where} must name the columns, but it cannot be read ({error}). "
            "Correct the header line."
        ) from error


def _header_notes(unnamed: tuple[str, ...], chosen: str, asked: str | None) -> Iterator[str]:
    if asked is None and chosen != ",":
        yield f"Fields are separated by {chosen!r}."
    for name in unnamed:
        yield f"A column has no name in the header; it is called {name!r}."


def _require_unique(names: tuple[str, ...], where: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(
            f"the columns of {where} must have different names, got {listed(repeated)} more than "
            "once in line 1. Rename them. If that line is a row and no header: --no-header "
            "(no_header=True) names the columns column_1, column_2, ..."
        )


def _without_mark(block: Block) -> Block:
    """Return a block without the byte order mark, which is no part of the first cell."""
    mark = len(BOM_UTF8) if block.data.startswith(BOM_UTF8) else 0
    return Block(block.data[mark:], block.ends - mark, block.line, block.offset + mark)


def _frames(blocks: Iterable[Block], header: Header, where: str) -> Iterator[pl.DataFrame]:
    for block in blocks:
        if not len(block.ends):  # nothing came with the header
            continue
        codes = np.frombuffer(block.data, np.uint8)
        _require_tidy_quotes(block, codes, header.separator, where)
        _require_tidy_returns(block, codes, where)
        blank = _blank_records(block, codes) if len(header.names) > 1 else np.zeros(0, np.intp)
        _require_even(block, codes, blank, header, where)
        data, rows = _without(block, blank), len(block.ends) - len(blank)
        if rows:
            yield _split(data, rows, header)


def _require_tidy_quotes(
    block: Block, codes: NDArray[np.uint8], separator: str, where: str
) -> None:
    """A quotation mark opens or closes a field or is doubled; else fields cannot be told apart."""
    quotes = np.flatnonzero(codes == QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    borders = [ord(separator), NEWLINE, QUOTE]
    stray = (opening > 0) & ~np.isin(codes[opening - 1], borders)
    stray |= ~np.isin(codes[closing + 1], [*borders, RETURN])
    if stray.any():
        line = block.line_of(int(opening[stray.argmax()]))
        raise DataError(
            f"a quotation mark must enclose a whole field, but one stands inside a field or next "
            f"to a blank in line {line} of {where}. Double it and quote the field, or drop it."
        )


def _require_tidy_returns(block: Block, codes: NDArray[np.uint8], where: str) -> None:
    """Outside quotation marks a carriage return belongs to the end of a line."""
    returns = np.flatnonzero(codes == RETURN)  # a newline is last, so there is a next byte
    stray = returns[codes[returns + 1] != NEWLINE]
    stray = stray[outside_quotes(stray, codes)]
    if len(stray):
        raise DataError(
            f"the lines of {where} must all end in the same way, but a carriage return stands "
            f"alone in line {block.line_of(int(stray[0]))}, where others end in a newline. Save "
            "the file again with one kind of line end."
        )


def _blank_records(block: Block, codes: NDArray[np.uint8]) -> Indices:
    """Return the indices of the records that are blank lines."""
    starts = np.concatenate([[0], block.ends[:-1] + 1])
    length = block.ends - starts
    return np.flatnonzero((length == 0) | ((length == 1) & (codes[starts] == RETURN)))


def _require_even(
    block: Block, codes: NDArray[np.uint8], blank: Indices, header: Header, where: str
) -> None:
    separators = np.flatnonzero(codes == ord(header.separator))
    separators = separators[outside_quotes(separators, codes)]
    fields = np.diff(np.searchsorted(separators, block.ends), prepend=0) + 1
    fields[blank] = len(header.names)
    uneven = fields != len(header.names)
    if uneven.any():
        record = int(uneven.argmax())
        start = int(block.ends[record - 1]) + 1 if record else 0
        raise DataError(
            f"every row must have {len(header.names)} fields like the "
            f"{'header' if header.is_line else 'first row'}, got {fields[record]} "
            f"in line {block.line_of(start)} of {where} (rows at fault here: {uneven.sum()}). "
            f"Complete the line, or put quotation marks around a field that holds "
            f"{header.separator!r}."
        )


def _without(block: Block, blank: Indices) -> bytes:
    """Return the bytes of the block without its blank lines."""
    starts = np.concatenate([[0], block.ends + 1])
    pieces, done = [], 0
    for record in blank:
        pieces.append(block.data[done : starts[record]])
        done = int(starts[record + 1])
    return b"".join([*pieces, block.data[done:]])


def _split(data: bytes, rows: int, header: Header) -> pl.DataFrame:
    """Let polars split the records into columns.

    The block gets plain column names of its own: polars would take some texts at the very start
    of the bytes for a compressed stream.
    """
    plain = [str(i) for i in range(len(header.names))]
    line = header.separator.join(plain).encode() + b"\n"
    frame = pl.read_csv(io.BytesIO(line + data), separator=header.separator, infer_schema=False)
    assert frame.shape == (rows, len(plain)), "polars counts fields as we do"
    return frame.rename(dict(zip(plain, header.names, strict=True)))
