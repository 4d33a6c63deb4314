"""Rows to predict, some thousands at a time, in their order and in constant memory."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import NDArray

from luce.data import files
from luce.data.delimited import read_delimited
from luce.data.encoding import Encoded, Encoding, namer_for
from luce.data.jsonl import read_json_lines, to_frame
from luce.data.labelled_lines import SUFFIXES as LINE_SUFFIXES
from luce.data.labelled_lines import line_column, line_frames
from luce.data.set_infos import has_test_split, is_named
from luce.data.sources import load
from luce.data.tables import SEPARATORS
from luce.data.text_encoding import TextEncoding
from luce.errors import DataError

STDIN = "-"
_BLANK = b" \t\r\n\xef\xbb\xbf"  # also the byte order mark
_JSON_SUFFIXES = (".jsonl", ".ndjson")

_Piece = tuple[pl.DataFrame | NDArray[Any], pl.DataFrame | None]


@dataclass(frozen=True, eq=False)
class Batch:
    """Some consecutive rows.

    Attributes
    ----------
    features : the encoded rows
    raw : the columns as they came, to be shown again (for image files their names); None for
        arrays
    """

    features: Encoded
    raw: pl.DataFrame | None


def batches(
    source: str | Path, encoding: Encoding, *, rows: int = 8192, no_header: bool = False
) -> Iterator[Batch]:
    """Yield the rows of a source, encoded, at most `rows` at a time.

    CSV, TSV and JSONL files (also ``.gz``) and ``"-"``, which is CSV or JSONL on standard input,
    are read as they are needed, in constant memory; the first byte that is not blank tells JSONL
    (``{``) from CSV. A ``.txt`` file has a text a line; so has standard input for a model of one
    column of texts, unless its first line names that column or the model was trained without a
    header: then it is CSV. All else is loaded first.

    Of JSONL the columns are the keys of the first line, which must name every column of the
    model; later lines may leave some out.

    A named set gives its test split where it has one. A model that was trained on a file without
    a header reads others so, too: then a CSV file may lack the labels, and may have no header.

    Raises
    ------
    DataError
        While iterating: the source cannot be read or does not fit the encoding.

    Examples
    --------
    >>> from luce.data import learn_encoding, load
    >>> encoding = learn_encoding(load("iris"))
    >>> [batch.features.X.shape for batch in batches("iris", encoding, rows=100)]
    [(100, 4), (50, 4)]
    """
    where = "standard input" if source == STDIN else str(source)
    first_row = 1
    for features, raw in _pieces(source, encoding, where, no_header):
        for start in range(0, len(features), rows):
            piece = slice(start, start + rows)
            encoded = encoding.apply(features[piece], first_row=first_row, where=where)
            yield Batch(encoded, None if raw is None else raw[piece])
            first_row += len(encoded)
    if first_row == 1:
        raise DataError(f"{where} must hold rows to predict, but it has none. Add rows.")


def _pieces(
    source: str | Path, encoding: Encoding, where: str, no_header: bool
) -> Iterator[_Piece]:
    """Yield the blocks of a text table, or a source of another kind as a whole."""
    frames = _stream(source, where, encoding, no_header)
    if frames is not None:
        yield from ((frame, frame) for frame in frames)
        return
    split = "test" if has_test_split(source) else None
    dataset = load(source, split=split, needs_target=False, encoding=encoding, no_header=no_header)
    raw = dataset.features if isinstance(dataset.features, pl.DataFrame) else None
    if dataset.row_names is not None:
        raw = pl.DataFrame({"file": dataset.row_names})
    yield dataset.features, raw


def _stream(
    source: str | Path, where: str, encoding: Encoding, no_header: bool
) -> Iterator[pl.DataFrame] | None:
    """Return the blocks of a text table, or None for a source of another kind."""
    if source == STDIN:
        return _sniffed(files.stdin_chunks(), where, encoding, no_header)
    path = Path(source)
    suffix = files.inner_suffix(path)
    known = (*SEPARATORS, *_JSON_SUFFIXES, *LINE_SUFFIXES)
    if is_named(source) or not path.is_file() or suffix not in known:
        return None
    files.require_file(path)
    namer = namer_for(encoding, no_header, where, delimited=suffix in SEPARATORS)
    if suffix in LINE_SUFFIXES:
        return line_frames(files.chunks(path), where, line_column(encoding))
    if suffix in _JSON_SUFFIXES:
        return _json_frames(files.chunks(path), where)
    return read_delimited(files.chunks(path), where, SEPARATORS[suffix], namer)[1]


def _sniffed(
    chunks: Iterator[bytes], where: str, encoding: Encoding, no_header: bool
) -> Iterator[pl.DataFrame]:
    """Tell JSONL from CSV by the first byte that is not blank, and lines of text by the first."""
    head = b""
    while not head.strip(_BLANK) and (chunk := next(chunks, None)) is not None:
        head += chunk
    is_json = head.strip(_BLANK).startswith(b"{")
    namer = namer_for(encoding, no_header, where, delimited=not is_json)
    if is_json:
        return _json_frames(chain([head], chunks), where)
    if namer is None and isinstance(encoding, TextEncoding) and len(encoding.columns) == 1:
        while b"\n" not in head.lstrip(_BLANK) and (chunk := next(chunks, None)) is not None:
            head += chunk
        if not _names(head, encoding.columns[0]):
            return line_frames(chain([head], chunks), where, encoding.columns[0])
    return read_delimited(chain([head], chunks), where, namer=namer)[1]


def _names(head: bytes, column: str) -> bool:
    """Whether the first line is the header of a table with this column."""
    line = head.lstrip(_BLANK).partition(b"\n")[0].decode(errors="replace")
    cells = (cell.strip().strip('"') for cell in re.split(r"[,;\t|]", line))
    return column in cells


def _json_frames(chunks: Iterable[bytes], where: str) -> Iterator[pl.DataFrame]:
    columns: list[str] = []
    for rows in read_json_lines(chunks, where):
        if rows:
            columns = columns or list(rows[0])
            yield to_frame(rows, columns)
