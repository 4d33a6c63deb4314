"""What a row of a model's input consists of, with values to start from."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from luce.data import Dataset
from luce.data.array_encoding import ArrayEncoding
from luce.data.columns import CategoryColumn, Column, NumberColumn
from luce.data.encoding import Encoding
from luce.data.kinds import READERS, Kind
from luce.data.table_encoding import TableEncoding
from luce.data.text_encoding import TextEncoding
from luce.tasks.explaining.flips import Span

_DIGITS = 4


@dataclass(frozen=True)
class Field:
    """One cell of a row.

    Attributes
    ----------
    name : the column
    kind : ``"number"``, ``"boolean"``, ``"date"``, ``"category"`` or ``"text"``
    start : the value to start from, spelled as a CSV file would: of a number the median of the
        evaluated rows, or where these are not to be had the mean of training; of a category the
        most frequent one
    levels : the categories, the most frequent first
    may_be_missing : whether training has seen empty cells
    low, high, spread : smallest and largest value and standard deviation over the evaluated rows
    whole : whether all these values are whole numbers
    """

    name: str
    kind: str
    start: str
    levels: tuple[str, ...] = ()
    may_be_missing: bool = False
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    whole: bool = False


def fields(encoding: Encoding, rows: Dataset | None) -> list[Field]:
    """Return the cells of a row; of an image none."""
    frame = rows.features if rows is not None else None
    if isinstance(encoding, ArrayEncoding):
        return [_feature(name, i, frame) for i, name in enumerate(encoding.feature_names)]
    table = frame if isinstance(frame, pl.DataFrame) else None
    if isinstance(encoding, TextEncoding):
        names = dict.fromkeys(part.name for part in encoding.texts)
        texts = [Field(name, "text", "") for name in names]
        return [*texts, *(fields(encoding.table, rows) if encoding.table else [])]
    if isinstance(encoding, TableEncoding):
        return [_column(part, table) for part in encoding.parts]
    return []


def spans(fields_: Iterable[Field]) -> dict[str, Span]:
    """Return where the numbers of each column lie, of those of which it is known."""
    return {
        field.name: Span(field.low, field.high, field.spread, field.whole)
        for field in fields_
        if field.low is not None and field.high is not None and field.spread is not None
    }


def to_json(field: Field) -> dict[str, Any]:
    """Return a field as a JSON-ready tree."""
    return {**asdict(field), "levels": list(field.levels)}


def _feature(name: str, i: int, array: Any) -> Field:
    if array is None:
        return Field(name, "number", "0")
    return _number(name, np.asarray(array[:, i], np.float64), "number", False)


def _column(part: Column, frame: pl.DataFrame | None) -> Field:
    if isinstance(part, CategoryColumn):
        start = part.levels[0] if part.levels else ""
        return Field(part.name, "category", start, part.levels, part.flagged)
    assert isinstance(part, NumberColumn), "a column is a category or has a number"
    if frame is not None and part.name in frame.columns:
        values = READERS[part.kind](frame[part.name]).values
        if not np.isnan(values).all():
            return _number(part.name, values, str(part.kind), part.flagged)
    start = spelled(part.mean, part.kind, whole=False)
    return Field(part.name, str(part.kind), start, may_be_missing=part.flagged)


def _number(name: str, values: np.ndarray, kind: str, flagged: bool) -> Field:
    present = values[np.isfinite(values)]
    whole = bool((present == np.rint(present)).all())
    # Of an even count the lower of the two in the middle: a value that occurs.
    middle = float(np.quantile(present, 0.5, method="lower"))
    return Field(
        name,
        kind,
        spelled(middle, Kind(kind), whole=whole),
        may_be_missing=flagged,
        low=float(present.min()),
        high=float(present.max()),
        spread=float(present.std()),
        whole=whole,
    )


def spelled(value: float, kind: Kind, *, whole: bool) -> str:
    """A number, truth value or date as a CSV file spells it."""
    if kind is Kind.BOOLEAN:
        return "true" if value >= 0.5 else "false"
    if kind is Kind.DATE:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d")
    if whole or value == 0:
        return f"{value:.0f}"
    digits = max(_DIGITS, math.ceil(math.log10(abs(value))))
    return f"{value:.{digits}g}" if abs(value) < 1e15 else repr(value)
