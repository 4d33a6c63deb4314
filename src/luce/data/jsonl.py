"""JSON lines as columns: one object a line, its keys the columns."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import polars as pl

from luce.data.records import Block, record_blocks
from luce.data.suggest import listed
from luce.errors import DataError

Row = dict[str, Any]


def read_json_lines(chunks: Iterable[bytes], where: str) -> Iterator[list[Row]]:
    """Yield the rows of a JSONL file, a list for each block that was read.

    A value is a text, a number, true, false or null. Raises DataError for a line that is no such
    object, for repeated keys, and all that `luce.data.records` refuses.
    """
    for block in record_blocks(chunks, where, quoted=False):
        yield [_row(line, number, where) for number, line in _lines(block)]


def to_frame(rows: list[Row], columns: Iterable[str]) -> pl.DataFrame:
    """Return these columns of the rows; a key that a row does not have is a missing value.

    A column of numbers, or of true and false, keeps its type; a mixed one becomes text.
    """
    return pl.DataFrame([_column(name, [row.get(name) for row in rows]) for name in columns])


def all_keys(rows: list[Row]) -> list[str]:
    """Return the keys of all rows, in the order of their first appearance."""
    return list(dict.fromkeys(key for row in rows for key in row))


def _lines(block: Block) -> Iterator[tuple[int, str]]:
    encoding = "utf-8-sig" if block.offset == 0 else "utf-8"
    for number, line in enumerate(block.data.decode(encoding).split("\n"), block.line):
        if line.strip():
            yield number, line


def load_strictly(text: str) -> Any:
    """Return the tree of a JSON text; raises ValueError or RecursionError for what is no JSON.

    Nor does it take what Python's reader lets pass: a key twice in an object, NaN and Infinity.
    """
    return _DECODER.decode(text)


def check_row(row: Row, place: str) -> None:
    """Refuse an object within an object: it is no cell. `place` tells where it stands."""
    for key, value in row.items():
        if isinstance(value, dict | list):
            raise DataError(
                f"values must be texts, numbers, true, false or null, got "
                f"{'an object' if isinstance(value, dict) else 'a list'} for {key!r} in {place}. "
                "Flatten it into columns of its own."
            )


def _row(line: str, number: int, where: str) -> Row:
    try:
        row = load_strictly(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"every line of {where} must be a JSON object, but line {number} is not: {error}. "
            "Correct the line."
        ) from error
    if not isinstance(row, dict):
        raise DataError(
            f'every line of {where} must be a JSON object like {{"age": 30}}, got '
            f"{type(row).__name__} in line {number}."
        )
    check_row(row, f"line {number} of {where}")
    return row


def _unique(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"it repeats {listed(key for key, n in counts.items() if n > 1)}")
    return row


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; write null for a missing value")


def _column(name: str, values: list[Any]) -> pl.Series:
    types = {type(value) for value in values if value is not None}
    if types <= {bool}:
        return pl.Series(name, values, dtype=pl.Boolean if types else pl.Null)
    if types == {int} and all(v is None or -(2**63) <= v < 2**63 for v in values):
        return pl.Series(name, values, dtype=pl.Int64)
    if types <= {int, float}:
        return pl.Series(name, [_float(v) for v in values], dtype=pl.Float64)
    texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    return pl.Series(name, texts, dtype=pl.String)


def _float(value: float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:  # an integer of more than 308 digits
        return float("inf")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
