"""A stream of text cut into blocks of whole records, in bounded memory.

A record ends at a newline outside quotation marks. Where those are is found by NumPy over the
bytes: a position is outside if an even number of quotation marks stands before it (a doubled one
inside a field leaves that unchanged). So a block can be checked and parsed on its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from luce.data.signatures import HEAD, require_text
from luce.errors import DataError

NEWLINE, RETURN, QUOTE = b'\n\r"'
_ENOUGH = 4  # bytes that tell what a file is; a live stream is not kept waiting for more
_LONGEST = 64 << 20  # bytes in one record

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Block:
    """Whole records: UTF-8 without NUL, and where each one ends."""

    data: bytes
    ends: Indices  # of the newline that ends each record
    line: int  # number of the first line, from 1
    offset: int  # of the first byte in the unpacked file

    def line_of(self, position: int) -> int:
        """Return the number of the line that holds a byte of the block."""
        return self.line + self.data.count(b"\n", 0, position)

    def split_first(self) -> tuple[bytes, "Block"]:
        """Return the first record, and the block of the others."""
        cut = int(self.ends[0]) + 1
        first, rest = self.data[:cut], self.data[cut:]
        line = self.line + first.count(b"\n")
        return first, Block(rest, self.ends[1:] - cut, line, self.offset + cut)


def record_blocks(chunks: Iterable[bytes], where: str, *, quoted: bool) -> Iterator[Block]:
    """Yield the records of a text file, some megabytes at a time.

    quoted : whether a newline between quotation marks belongs to the record (CSV) or not (JSONL)

    Raises DataError for what is not UTF-8 (byte offset) or holds NUL bytes, for a quotation mark
    that is never closed and for a record of more than 64 MB.
    """
    rest, line, offset = b"", 1, 0
    for chunk in _as_text(chunks, where):
        rest += chunk
        ends = record_ends(rest, quoted)
        if len(ends):
            cut = int(ends[-1]) + 1
            yield _checked(Block(rest[:cut], ends, line, offset), where)
            line, offset, rest = line + rest.count(b"\n", 0, cut), offset + cut, rest[cut:]
        _require_bounded(rest, line, where)
    if rest:
        rest += b"" if rest.endswith(b"\n") else b"\n"
        block = Block(rest, record_ends(rest, quoted), line, offset)
        _require_closed(block, where)
        yield _checked(block, where)


def record_ends(data: bytes, quoted: bool) -> Indices:
    """Return the positions of the newlines that end a record."""
    codes = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(codes == NEWLINE)
    return newlines[outside_quotes(newlines, codes)] if quoted else newlines


def outside_quotes(positions: Indices, codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which positions have an even number of quotation marks before them."""
    quotes = np.flatnonzero(codes == QUOTE)
    before: Indices = np.searchsorted(quotes, positions)
    outside: NDArray[np.bool_] = before % 2 == 0
    return outside


def _as_text(chunks: Iterable[bytes], where: str) -> Iterator[bytes]:
    """Refuse other kinds of files, and turn old Mac line ends into LF."""
    stream, head = iter(chunks), b""
    while len(head) < _ENOUGH and (chunk := next(stream, None)) is not None:
        head += chunk
    require_text(head[:HEAD], "a table in text form", where)
    only_returns = b"\r" in head[:-1] and b"\n" not in head
    for chunk in chain([head], stream):
        yield chunk.replace(b"\r", b"\n") if only_returns else chunk


def _checked(block: Block, where: str) -> Block:
    try:
        block.data.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where} must be text in UTF-8, got the byte 0x{block.data[error.start]:02x} at byte "
            f"offset {block.offset + error.start} (line {block.line_of(error.start)}). Save it "
            "again in UTF-8; it may be in Latin-1 or Windows-1252 now."
        ) from None
    if (nul := block.data.find(b"\0")) >= 0:
        raise DataError(
            f"{where} must be text, got a NUL byte at byte offset {block.offset + nul} (line "
            f"{block.line_of(nul)}). Export the file again: it is binary, or damaged."
        )
    return block


def _require_bounded(rest: bytes, line: int, where: str) -> None:
    if len(rest) > _LONGEST:
        raise DataError(
            f"a record of {where} may be {_LONGEST >> 20} MB long, but the one that begins in line "
            f"{line} goes on. Look there for a quotation mark that is never closed."
        )


def _require_closed(block: Block, where: str) -> None:
    start = int(block.ends[-1]) + 1 if len(block.ends) else 0
    if start < len(block.data):
        mark = block.data.index(b'"', start)
        raise DataError(
            f"every quotation mark of {where} must be closed, but the file ends while a quotation "
            f"is open that began in line {block.line_of(mark)} or later. Close it, or double "
            'every quotation mark that belongs to the text ("").'
        )
