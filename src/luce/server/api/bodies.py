"""Bodies of requests as rows: JSON, NDJSON, CSV and images, checked as strictly as files are.

Nothing here decides what a cell means: the same readers as for files make frames and arrays of
bodies, and the model's encoding does the rest.
"""

import json
from array import array
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from luce import kernels
from luce.data.delimited import read_delimited
from luce.data.encoding import namer_for
from luce.data.images import read_image
from luce.data.jsonl import check_row, load_strictly, read_json_lines, to_frame
from luce.server.api.served import Served
from luce.server.security import Refused
from luce.tasks.crowds import WHERE, Rows

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
IMAGES = ("image/png", "image/jpeg", "image/webp", "image/bmp")
_OF_NUMBERS, _AROUND_THEM = b"0123456789.,-+eE \n\r\t[]", b'{"rows":}'
TYPES = (JSON, NDJSON, CSV, *IMAGES)
_MOST_CELLS = 10_000_000  # of a table; those that a row leaves out take no byte of the body
_MORE_COLUMNS = 1000  # that a CSV table may have besides those of the model
_SHOWN = 20  # columns that the model does not have, for the words of a refusal


def parse_rows(body: bytes, kind: str, served: Served, most: int) -> Rows:
    """Return the rows of a body of the media type `kind`, at most `most` of them.

    Raises
    ------
    Refused
        400 for what cannot be parsed, 413 for too many rows, 415 for a type that the model does
        not read, 422 for rows that it does not understand.
    DataError
        As when a file is read.
    """
    if kind == JSON:
        of_numbers = served.columns is None
        pixels = kernels.byte_rows(body, served.width) if of_numbers else None
        if pixels is not None:
            _require_fewer(len(pixels) // served.width, most)
            return np.frombuffer(pixels, np.uint8).reshape(-1, served.width)
        plain = of_numbers and body.translate(None, _OF_NUMBERS) == _AROUND_THEM
        tree = _parse_numbers(body) if plain else parse_json(body)
        return rows_of_tree(tree, served, most, literal=not plain)
    if kind in IMAGES:
        return _image(body, kind, served)
    if kind not in (CSV, NDJSON):
        raise Refused(415, "UnsupportedType", f"The Content-Type must be {', '.join(TYPES)}.")
    read = _csv if kind == CSV else _ndjson
    return require_rows(read(body, served, most), most)


def parse_json(body: bytes) -> Any:
    """Return the tree of a JSON body: UTF-8, no key twice, no NaN, whole characters."""
    try:
        tree = load_strictly(body.decode())
        if b"\\u" in body:  # perhaps half of a surrogate pair
            json.dumps(tree, ensure_ascii=False).encode()
    except UnicodeError as error:
        raise bad_request(f"The body must be text in UTF-8: {error}.") from None
    except (ValueError, RecursionError) as error:
        raise bad_request(f"The body must be JSON: {error}.") from None
    return tree


def _parse_numbers(body: bytes) -> Any:
    """Return the tree of a body of numbers alone, where nothing can be that `parse_json` refuses.

    orjson is six times as fast as Python's reader, but takes keys twice.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"The body must be JSON: {error}.") from None


def rows_of_tree(tree: Any, served: Served, most: int, *, literal: bool = True) -> Rows:
    """Return the rows of ``{"rows": [...]}``; `literal` as in `numbers`."""
    if not isinstance(tree, dict) or tree.keys() != {"rows"}:
        raise _misfit('The body must be an object with one entry: {"rows": [...]}.')
    rows = tree["rows"]
    if not isinstance(rows, list) or not rows:
        raise _misfit("rows must be a list of at least one row.")
    _require_fewer(len(rows), most)
    columns = served.columns
    if columns is None:
        return numbers(rows, served, literal=literal)
    if len(columns) == 1 and all(isinstance(row, str) for row in rows):
        return pl.DataFrame({columns[0]: rows}, schema={columns[0]: pl.String})
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise _misfit(f"Row {number} must be an object with the cells by column.")
        check_row(row, f"row {number}")
    return _table(rows, dict.fromkeys(chain.from_iterable(rows)), columns)


def numbers(rows: list[Any], served: Served, *, literal: bool = True) -> NDArray[Any]:
    """Return lists of numbers, nested or flat, as rows of the model's width: uint8 or float64.

    literal : whether there may be true or false among the numbers, which are none
    """
    wanted = served.width
    found = [_row(row, number, served, literal) for number, row in enumerate(rows, 1)]
    try:
        # Pixels are whole numbers up to 255, and bytes are made of them in no time.
        pixels = b"".join(map(bytes, found))
        return np.frombuffer(pixels, np.uint8).reshape(len(rows), wanted)
    except (TypeError, ValueError):  # fractions, or other numbers
        pass
    flat = array("d")
    for number, values in enumerate(found, 1):
        try:
            flat += array("d", values)
        except (TypeError, OverflowError):
            raise _misfit(f"Row {number} must hold finite numbers alone.") from None
    return np.frombuffer(flat, np.float64).reshape(len(rows), wanted)


def require_rows(rows: Rows, most: int) -> Rows:
    """Refuse no rows, and too many."""
    if not len(rows):
        raise _misfit("There must be at least one row.")
    _require_fewer(len(rows), most)
    return rows


def bad_request(message: str) -> Refused:
    """Return the refusal of what is no request."""
    return Refused(400, "BadRequest", message[:1000])


def _row(row: Any, number: int, served: Served, literal: bool) -> list[Any]:
    """The numbers of a row, no longer nested."""
    values = row
    while isinstance(values, list) and values and isinstance(values[0], list):
        if not all(isinstance(part, list) for part in values):
            raise _misfit(f"Row {number} must hold {served.width} numbers.")
        values = list(chain.from_iterable(values))
    if not isinstance(values, list) or len(values) != served.width:
        raise _misfit(
            f"Row {number} must be a list of {served.width} numbers, the shape of a row being"
            f" {list(served.shape)}."
        )
    if literal and any(type(value) is bool for value in values):
        raise _misfit(f"Row {number} must hold numbers, got true or false.")
    return values


def _table(rows: list[Any], names: Iterable[str], columns: tuple[str, ...]) -> pl.DataFrame:
    """Return a frame of the model's columns; another key in each row would fill the memory."""
    used = frozenset(columns)
    known: list[str] = []
    others: list[str] = []
    for name in names:
        (known if name in used else others).append(name)
    kept = known + others[:_SHOWN]
    if len(rows) * len(kept) > max(_MOST_CELLS, sum(map(len, rows))):
        raise Refused(
            413,
            "TooLarge",
            f"A request may have {_MOST_CELLS:,} cells, got {len(rows):,} rows with {len(kept):,}"
            " columns. Send them in several requests.",
        )
    return to_frame(rows, kept)


def _csv(body: bytes, served: Served, most: int) -> pl.DataFrame:
    namer = namer_for(served.model.encoding, no_header=False, where=WHERE)
    header, frames = read_delimited([body], WHERE, namer=namer)
    wanted = len(served.columns or ())
    if len(header.names) > wanted + _MORE_COLUMNS:
        raise _misfit(
            f"The table must have the {wanted:,} columns of the model, and may have"
            f" {_MORE_COLUMNS:,} more, got {len(header.names):,}."
        )
    empty = pl.DataFrame(schema=dict.fromkeys(header.names, pl.String))
    return pl.concat([empty, *frames])


def _ndjson(body: bytes, served: Served, most: int) -> pl.DataFrame:
    _require_fewer(body.count(b"\n"), most)
    try:
        rows = list(chain.from_iterable(read_json_lines([body], WHERE)))
        if b"\\u" in body:
            json.dumps(rows, ensure_ascii=False).encode()
    except UnicodeError as error:
        raise bad_request(f"The body must be text in UTF-8: {error}.") from None
    return _table(rows, rows[0] if rows else (), served.columns or ())


def _image(body: bytes, kind: str, served: Served) -> NDArray[Any]:
    shape = served.model.encoding.image_shape
    if shape is None:
        raise Refused(415, "UnsupportedType", "This model reads no images.")
    return read_image(body, WHERE, shape)[None]


def _require_fewer(rows: int, most: int) -> None:
    if rows > most:
        raise Refused(
            413,
            "TooManyRows",
            f"A request may have {most:,} rows, got {rows:,}. Send them in several requests, or"
            " raise --max-rows.",
        )


def _misfit(message: str) -> Refused:
    return Refused(422, "DataError", message)
