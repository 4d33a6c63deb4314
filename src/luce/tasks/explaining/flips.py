"""The smallest change of one column, or the one word, that changes the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data.array_encoding import ArrayEncoding
from luce.data.columns import CategoryColumn, Column, NumberColumn
from luce.data.kinds import Kind
from luce.data.table_encoding import TableEncoding
from luce.data.text_encoding import TextEncoding
from luce.tasks.explaining.crossings import Line, crossings
from luce.tasks.explaining.effects import Row
from luce.tasks.explaining.words import fewest_words
from luce.tasks.models import Model
from luce.tasks.reporting.feature_rows import row_of

Doubles = NDArray[np.float64]
MISSING = None  # the value of a cell that is empty
_FAR = 1000.0  # sizes of a change that nobody would make


@dataclass(frozen=True)
class Span:
    """Where numbers lie: smallest, largest, standard deviation; and whether all are whole."""

    low: float
    high: float
    spread: float
    whole: bool = False


@dataclass(frozen=True)
class Flip:
    """A change of one column that changes the answer.

    Attributes
    ----------
    column : its name
    before, after : what stands there and what must: a number (a date in seconds since 1970), a
        truth value, a category, None for a missing value; of a text the words to leave out
    answer : number of the class that is answered then
    probability : of that class then
    boundary : the number at which the two classes are equally probable; None where there is none
    exact : whether no smaller change does it; else it is the smallest that a search has found
    outside : whether the number lies beyond all those that are known
    size : how large the change is, to compare columns by: numbers in standard deviations, or
        relative to themselves where these are not known; another category counts 1
    """

    column: str
    before: Any
    after: Any
    answer: int
    probability: float
    boundary: float | None
    exact: bool
    outside: bool
    size: float


def flips(model: Model, row: Row, spans: Mapping[str, Span] | None = None) -> list[Flip]:
    """Find for each column of one row the smallest change that changes the answer.

    Of images no single pixel is changed; for them see `luce.tasks.explaining.nearest`. Of a text
    the fewest words are sought that, left out, change the answer.

    Parameters
    ----------
    model : a linear model or a network
    row : one row, as the encoding of the model takes it
    spans : where the numbers of a column lie, if that is known; numbers beyond twice the
        distance from the row are not sought then, unless the model is linear

    Returns
    -------
    The flips, the smallest first, and those outside of what is known last. A column whose change
    alone never changes the answer has none.
    A number has two at most, one up and one down, unless they are a thousand times its size or its
    standard deviation away; a category one, the level of the most probable other answer.

    Raises
    ------
    DataError
        The row does not fit the model.
    """
    spans = spans or {}
    X = model.encoding.apply(row, where="the row").X
    found = [flip for flip in _WAYS.get(type(model.encoding), _none)(model, row, X, spans)]
    return sorted(found, key=lambda flip: (flip.outside, flip.size))


def _none(model: Model, row: Row, X: Any, spans: Mapping[str, Span]) -> list[Flip]:
    return []


def _of_array(model: Model, row: Row, X: Any, spans: Mapping[str, Span]) -> list[Flip]:
    x = row_of(X, 0)
    return [
        flip
        for i, name in enumerate(model.encoding.feature_names)
        for flip in _of_number(model, Line(model, X, i), name, float(x[i]), spans.get(name))
    ]


def _of_table(model: Model, row: Row, X: Any, spans: Mapping[str, Span]) -> list[Flip]:
    assert isinstance(model.encoding, TableEncoding), "_WAYS says so"
    return _of_columns(model, row, X, spans, model.encoding, 0)


def _of_text(model: Model, row: Row, X: Any, spans: Mapping[str, Span]) -> list[Flip]:
    encoding = model.encoding
    assert isinstance(encoding, TextEncoding), "_WAYS says so"
    assert isinstance(row, pl.DataFrame), "texts stand in tables"
    found = []
    for name in dict.fromkeys(part.name for part in encoding.texts):
        without = fewest_words(model, row, name)
        if without is not None:
            size = float(len(without.words))
            found.append(
                Flip(name, row[name][0], list(without.words), without.answer,
                     without.probability, None, without.exact, False, size)
            )  # fmt: skip
    if encoding.table is None:
        return found
    first = sum(part.learnt.width for part in encoding.texts)
    return found + _of_columns(model, row, X, spans, encoding.table, first)


_WAYS = {TableEncoding: _of_table, TextEncoding: _of_text, ArrayEncoding: _of_array}


def _of_columns(
    model: Model,
    row: Row,
    X: Any,
    spans: Mapping[str, Span],
    table: TableEncoding,
    first: int,
) -> list[Flip]:
    found: list[Flip] = []
    for part in table.parts:
        way = _of_category if isinstance(part, CategoryColumn) else _of_cell
        found += way(model, row, X, part, first, spans.get(part.name))
        first += part.width
    return found


def _of_cell(
    model: Model, row: Row, X: Any, part: Column, first: int, span: Span | None
) -> list[Flip]:
    """A number, a date or a truth value; a missing one counts as the mean."""
    assert isinstance(part, NumberColumn), "the other kind of column has a way of its own"
    flag = first + 1 if part.flagged else None
    x = row_of(X, 0)
    missing = flag is not None and x[flag] == 1
    before = MISSING if missing else float(x[first])
    line = Line(model, X, first, flag)
    if part.kind is not Kind.BOOLEAN:
        return _of_number(model, line, part.name, before, span, start=float(x[first]))
    values = [value for value in (0.0, 1.0) if value != before]
    p = line.probabilities(np.array(values))
    return [
        Flip(part.name, _truth(before), value == 1, int(row_p.argmax()), float(row_p.max()), None,
             True, False, 1.0)
        for value, row_p in zip(values, p, strict=True)
        if row_p.argmax() != line.answer
    ]  # fmt: skip


def _truth(value: float | None) -> bool | None:
    return None if value is None else value == 1


def _of_number(
    model: Model,
    line: Line,
    name: str,
    before: float | None,
    span: Span | None,
    start: float | None = None,
) -> list[Flip]:
    now = start if start is not None else before
    assert now is not None, "a missing value counts as the mean"
    unit = span.spread if span is not None and span.spread > 0 else abs(now) or 1.0
    low, high = (span.low, span.high) if span is not None else (now - 4 * unit, now + 4 * unit)
    whole = span is not None and span.whole and now == round(now)
    ends = min(low, 2 * low - now), max(high, 2 * high - now)
    return [
        Flip(name, before, point.value, point.answer, point.probability, point.boundary,
             point.exact, span is not None and not low <= point.value <= high,
             abs(point.value - now) / unit)
        for point in crossings(line, now, *ends, whole=whole)
        if abs(point.value - now) <= _FAR * max(unit, 1.0)
    ]  # fmt: skip


def _of_category(
    model: Model, row: Row, X: Any, part: Column, first: int, span: Span | None
) -> list[Flip]:
    """Every other level is tried, and the empty cell if training has seen one."""
    assert isinstance(part, CategoryColumn), "the other kind of column has a way of its own"
    x = row_of(X, 0)
    here = x[first : first + part.width]
    now = int(here.argmax()) if here.any() else -1
    levels: list[str | None] = [*part.levels, *([MISSING] if part.flagged else [])]
    tried = [i for i in range(part.width) if i != now]
    rows = np.repeat(x[None, :], len(tried), axis=0)
    rows[:, first : first + part.width] = 0
    rows[np.arange(len(tried)), [first + i for i in tried]] = 1
    answer = int(model.probabilities(x[None, :].astype(X.dtype)).argmax())
    p = model.probabilities(rows.astype(X.dtype)) if tried else np.zeros((0, 2))
    best, most = None, 0.0
    for i, row_p in zip(tried, p, strict=True):
        if row_p.argmax() != answer and row_p.max() > most:
            best, most = (i, int(row_p.argmax())), float(row_p.max())
    if best is None:
        return []
    assert isinstance(row, pl.DataFrame), "categories stand in tables"
    before = row[part.name][0]
    return [Flip(part.name, before, levels[best[0]], best[1], most, None, True, False, 1.0)]
