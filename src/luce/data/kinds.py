"""What kind of column this is: guessed once, on the whole training table, and said aloud."""

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data import cells
from luce.data.suggest import did_you_mean, listed
from luce.errors import ColumnError, DataError
from luce.kernels.text import Analysis, count_terms

_STRAY = 0.1  # a column with at most this share of unreadable cells is one of numbers, with errors
_DISTINCT = 0.9  # a text column with a larger share of different texts describes single rows
_LONG = 3  # words in a cell of a column that is read as text without being told so
_SAMPLE = 1000  # cells
_FEW = 20  # ... if there are at least this many
_COMMAS = r"^\s*[+-]?\d[\d.,]*,[\d.,]*\d\s*$"


class Kind(StrEnum):
    """How the cells of a column are read."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    CATEGORY = "category"
    WORDS = "words"  # read as text: its n-grams are the features
    TEXT = "text"  # left out: a different text in (nearly) every row
    EMPTY = "empty"  # left out: not one value
    COUNTER = "counter"  # left out: a column without a name that numbers the rows


READERS: dict[Kind, Callable[[pl.Series], cells.Cells]] = {
    Kind.NUMBER: cells.as_numbers,
    Kind.BOOLEAN: cells.as_booleans,
    Kind.DATE: cells.as_seconds,
}
_TYPED: tuple[tuple[tuple[type[pl.DataType], ...], Kind], ...] = (
    ((pl.Boolean,), Kind.BOOLEAN),
    ((pl.Date, pl.Datetime), Kind.DATE),
    ((pl.Categorical, pl.Enum), Kind.CATEGORY),
    ((pl.Null,), Kind.EMPTY),
)
LEFT_OUT = (Kind.TEXT, Kind.EMPTY, Kind.COUNTER)


class Guess(NamedTuple):
    """A kind, and what was silently taken for a missing value."""

    kind: Kind
    note: str | None = None


def guess_kinds(
    frame: pl.DataFrame, categorical: Collection[str], where: str, text: Collection[str] = ()
) -> tuple[dict[str, Kind], list[str]]:
    """Guess the kind of every column; those in `categorical` and in `text` need no guess.

    Returns the kinds and notes on words that were taken for missing values.
    """
    told = dict.fromkeys(categorical, Kind.CATEGORY) | dict.fromkeys(text, Kind.WORDS)
    for name, kind in told.items():
        if name not in frame.columns:
            read = "categories" if kind is Kind.CATEGORY else "text"
            raise ColumnError(
                f"{where} has no column {name!r} to read as {read}."
                f"{did_you_mean(name, frame.columns)} Columns: {listed(frame.columns)}."
            )
    guesses = {
        column.name: Guess(told[column.name]) if column.name in told else guess_kind(column, where)
        for column in cells.with_plain_numbers(frame)
    }
    kinds = {name: guess.kind for name, guess in guesses.items()}
    return kinds, [guess.note for guess in guesses.values() if guess.note]


def prose(frame: pl.DataFrame, kinds: dict[str, Kind]) -> list[str]:
    """Return the columns of long, mostly different texts, where nothing else is to learn from.

    Long is: three words or characters of a script without spaces in a cell, on average. A table
    with other columns too keeps them: what is in a name or a remark must be asked for.
    """
    long = [
        name
        for name, kind in kinds.items()
        if kind is Kind.TEXT or (kind is Kind.CATEGORY and _mostly_different(frame[name]))
        if _words_a_cell(frame[name]) >= _LONG
    ]
    others = (kind for name, kind in kinds.items() if name not in long)
    return long if all(kind in LEFT_OUT for kind in others) else []


def _mostly_different(column: pl.Series) -> bool:
    present = column.drop_nulls()
    return column.dtype == pl.String and 2 * present.n_unique() > max(len(present), 2 * _FEW)


def _words_a_cell(column: pl.Series) -> float:
    sample = tuple(cells.as_text(column).drop_nulls().head(_SAMPLE).to_list())
    counted = count_terms(sample, Analysis("script"))
    _, occurrences = counted.select(1, max(1, len(sample)))
    return float(occurrences.sum()) / max(1, len(sample))


def guess_kind(column: pl.Series, where: str) -> Guess:
    """Guess the kind of one column from its type and, where that is text, from its cells.

    Text is, in this order: empty; numbers; true/false; dates (ISO 8601); else categories, or free
    text where at least 20 and more than 90 % of the cells differ. A column of numbers with a few
    other texts in it (at most 10 %, or a single one among five cells and more) is an error.
    """
    dtype = column.dtype
    if dtype == pl.String:
        return _guess_text(cells.as_text(column), where)
    if dtype.is_numeric():
        values = cells.as_numbers(column).values
        require_finite(values, column.name, where)
        return Guess(Kind.EMPTY if np.isnan(values).all() else Kind.NUMBER)
    for types, kind in _TYPED:
        if dtype in types:
            return Guess(Kind.EMPTY if column.null_count() == len(column) else kind)
    raise DataError(
        f"the columns of {where} must hold numbers, texts, booleans or dates, got {dtype} in "
        f"column {column.name!r}. Remove the column or convert it."
    )


def require_finite(values: NDArray[np.float64], name: str, where: str, first_row: int = 1) -> None:
    """Refuse infinity in a column of numbers."""
    infinite = np.isinf(values)
    if infinite.any():
        row = int(infinite.argmax())
        raise DataError(
            f"column {name!r} of {where} must hold finite numbers, got {values[row]} at row "
            f"{first_row + row} (rows at fault: {infinite.sum()}). Correct the cell, or leave it "
            "empty: an empty cell is a missing value."
        )


def _guess_text(text: pl.Series, where: str) -> Guess:
    numbers = cells.as_numbers(text)
    present = text.filter(pl.Series(numbers.bad | ~np.isnan(numbers.values)))
    if present.is_empty():
        return Guess(Kind.EMPTY)
    if not numbers.bad.any():
        require_finite(numbers.values, text.name, where)
        return Guess(Kind.NUMBER, _words_note(text, numbers.values))
    booleans = cells.as_booleans(text)
    if not booleans.bad.any():
        return Guess(Kind.BOOLEAN, _words_note(text, booleans.values))
    _refuse_strays(text, numbers.bad, len(present), where)
    dates = cells.as_seconds(text)
    if not dates.bad.any():
        return Guess(Kind.DATE, _words_note(text, dates.values))
    _refuse_commas(present, where)
    distinct = present.n_unique()
    free = distinct >= _FEW and distinct > _DISTINCT * len(present)
    return Guess(Kind.TEXT if free else Kind.CATEGORY)


def _words_note(text: pl.Series, values: NDArray[np.float64]) -> str | None:
    words = text.filter(pl.Series(np.isnan(values))).drop_nulls()
    if words.is_empty():
        return None
    return (
        f"In {text.name!r} these stand for a missing value: {listed(sorted(words.unique()))} "
        f"(cells: {len(words)})."
    )


def _refuse_strays(text: pl.Series, bad: NDArray[np.bool_], present: int, where: str) -> None:
    strays = int(bad.sum())
    if strays <= _STRAY * present or (strays == 1 and present >= 5):
        row = int(bad.argmax())
        raise DataError(
            f"column {text.name!r} of {where} must hold numbers like nearly all of its cells, got "
            f"text {text[row]!r} at row {row + 1} (rows at fault: {strays}). Correct the cell, "
            "leave it empty for a missing value, or have the column read as categories: "
            f"categorical=[{text.name!r}]."
        )


def _refuse_commas(present: pl.Series, where: str) -> None:
    commas = present.str.contains(_COMMAS)
    if commas.sum() > (1 - _STRAY) * len(present):
        raise DataError(
            f"numbers must be written with a decimal point and without thousands separators, got "
            f"{present.filter(commas)[0]!r} in column {present.name!r} of {where}. Write them so, "
            f"or have the column read as categories: categorical=[{present.name!r}]."
        )
