"""What kind of column this is: guessed once, on the whole training table, and said aloud."""

from collections.abc import Callable, Iterable
from enum import StrEnum

import polars as pl

from luce.data import cells
from luce.data.suggest import did_you_mean, listed
from luce.errors import DataError

_STRAY = 0.1  # a column with at most this share of unreadable cells is one of numbers, with errors
_DISTINCT = 0.9  # a text column with a larger share of different texts describes single rows
_FEW = 20  # ... if there are at least this many
_DECIMAL_COMMA = r"^\s*[+-]?\d+,\d+\s*$"


class Kind(StrEnum):
    """How the cells of a column are read."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    CATEGORY = "category"
    TEXT = "text"  # left out: a different text in (nearly) every row
    EMPTY = "empty"  # left out: not one value
    COUNTER = "counter"  # left out: a column without a name that numbers the rows


READERS: dict[Kind, Callable[[pl.Series], cells.Cells]] = {
    Kind.NUMBER: cells.as_numbers,
    Kind.BOOLEAN: cells.as_booleans,
    Kind.DATE: cells.as_seconds,
}
LEFT_OUT = (Kind.TEXT, Kind.EMPTY, Kind.COUNTER)


def guess_kinds(frame: pl.DataFrame, categorical: Iterable[str], where: str) -> dict[str, Kind]:
    """Guess the kind of every column; those in `categorical` are categories without a guess."""
    forced = set(categorical)
    for name in forced.difference(frame.columns):
        raise DataError(
            f"{where} has no column {name!r} to read as categories."
            f"{did_you_mean(name, frame.columns)} Columns: {listed(frame.columns)}."
        )
    return {
        column.name: Kind.CATEGORY if column.name in forced else guess_kind(column, where)
        for column in frame
    }


def guess_kind(column: pl.Series, where: str) -> Kind:
    """Guess the kind of one column from its type and, where that is text, from its cells.

    Text is, in this order: empty; true/false; numbers; dates (ISO 8601); else categories, or free
    text where at least 20 and more than 90 % of the cells differ. A column of numbers with a few
    other texts in it (at most 10 %, or a single one among five cells and more) is an error.
    """
    dtype = column.dtype
    if dtype == pl.Boolean:
        return Kind.EMPTY if column.null_count() == len(column) else Kind.BOOLEAN
    if dtype.is_numeric():
        values = require_finite(cells.as_numbers(column).values, where)
        return Kind.EMPTY if values.null_count() == len(values) else Kind.NUMBER
    if dtype in (pl.Date, pl.Datetime):
        return Kind.EMPTY if column.null_count() == len(column) else Kind.DATE
    if dtype == pl.Null:
        return Kind.EMPTY
    if dtype in (pl.Categorical, pl.Enum):
        return Kind.CATEGORY
    if dtype == pl.String:
        return _guess_text(column, where)
    raise DataError(
        f"the columns of {where} must hold numbers, texts, booleans or dates, got {dtype} in "
        f"column {column.name!r}. Remove the column or convert it."
    )


def require_finite(values: pl.Series, where: str, first_row: int = 1) -> pl.Series:
    """Refuse infinity in a column of numbers."""
    infinite = values.is_infinite().fill_null(False)
    if infinite.any():
        row = infinite.arg_max() or 0
        raise DataError(
            f"column {values.name!r} of {where} must hold finite numbers, got {values[row]} at row "
            f"{first_row + row} (rows at fault: {infinite.sum()}). Correct the cell, or leave it "
            "empty: an empty cell is a missing value."
        )
    return values


def _guess_text(column: pl.Series, where: str) -> Kind:
    text = cells.as_text(column)
    numbers = cells.as_numbers(text)
    present = text.filter(numbers.bad | numbers.values.is_not_null())
    if present.is_empty():
        return Kind.EMPTY
    if not numbers.bad.any():
        require_finite(numbers.values, where)
        return Kind.NUMBER
    if not cells.as_booleans(text).bad.any():
        return Kind.BOOLEAN
    _refuse_strays(text, numbers.bad, len(present), where)
    if not cells.as_seconds(text).bad.any():
        return Kind.DATE
    _refuse_decimal_commas(present, where)
    distinct = present.n_unique()
    return Kind.TEXT if distinct >= _FEW and distinct > _DISTINCT * len(present) else Kind.CATEGORY


def _refuse_strays(text: pl.Series, bad: pl.Series, present: int, where: str) -> None:
    strays = int(bad.sum())
    if strays <= _STRAY * present or (strays == 1 and present >= 5):
        row = bad.arg_max() or 0
        raise DataError(
            f"column {text.name!r} of {where} must hold numbers like nearly all of its cells, got "
            f"text {text[row]!r} at row {row + 1} (rows at fault: {strays}). Correct the cell, "
            "leave it empty for a missing value, or have the column read as categories: "
            f"categorical=[{text.name!r}]."
        )


def _refuse_decimal_commas(present: pl.Series, where: str) -> None:
    commas = present.str.contains(_DECIMAL_COMMA)
    if commas.sum() > (1 - _STRAY) * len(present):
        raise DataError(
            f"numbers must be written with a decimal point, got {present.filter(commas)[0]!r} in "
            f"column {present.name!r} of {where}. Replace the commas by points."
        )
