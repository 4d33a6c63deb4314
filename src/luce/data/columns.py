"""One column of a table as numbers: what training learnt about it, and how a cell is written."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data.cells import as_text
from luce.data.json_fields import Fields
from luce.data.kinds import READERS, Kind, require_finite
from luce.errors import DataError

MOST_LEVELS = 1000


class Misfits(NamedTuple):
    """Cells that the encoding had no number for."""

    unseen: int
    missing: int


class Place(NamedTuple):
    """Where rows come from, for messages."""

    where: str
    first_row: int


class Column(ABC):
    """The encoding of one column."""

    name: str
    kind: Kind

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """A name for each feature."""

    @property
    @abstractmethod
    def notes(self) -> tuple[str, ...]:
        """What one might not expect."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of features."""

    @abstractmethod
    def write(self, column: pl.Series, out: NDArray[np.float64], at: Place) -> Misfits:
        """Write the features of a column into ``out`` (n, features), which holds zeros."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the JSON tree of this column."""


@dataclass(frozen=True)
class NumberColumn(Column):
    """A number, a truth value or a date: its value; a missing one is the mean of training.

    If values were missing in training, a second feature is 1 where they are.
    """

    name: str
    kind: Kind
    mean: float
    flagged: bool

    @classmethod
    def learn(cls, column: pl.Series, kind: Kind) -> "NumberColumn":
        values = READERS[kind](column).values
        present = values[~np.isnan(values)]
        return cls(column.name, kind, _mean(present), len(present) < len(values))

    @property
    def width(self) -> int:
        return 1 + self.flagged

    @property
    def feature_names(self) -> tuple[str, ...]:
        return (self.name, f"{self.name} is missing") if self.flagged else (self.name,)

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.flagged:
            return ()
        return (
            f"A missing value of {self.name!r} counts as the mean {self.mean:.6g} and sets the "
            f"feature '{self.name} is missing'.",
        )

    def write(self, column: pl.Series, out: NDArray[np.float64], at: Place) -> Misfits:
        values, bad = READERS[self.kind](column)
        if bad.any():
            row = int(bad.argmax())
            raise DataError(
                f"column {self.name!r} of {at.where} must hold {_PLURAL[self.kind]} as in "
                f"training, got text {str(column[row])!r} at row {at.first_row + row} (rows at "
                f"fault: {bad.sum()}). Correct the cell, or leave it empty for a missing value."
            )
        require_finite(values, self.name, at.where, at.first_row)
        missing = np.isnan(values)
        out[:, 0] = np.where(missing, self.mean, values)
        if self.flagged:
            out[:, 1] = missing
            return Misfits(0, 0)
        return Misfits(0, int(missing.sum()))

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": str(self.kind),
            "mean": self.mean,
            "flagged": self.flagged,
        }


@dataclass(frozen=True)
class CategoryColumn(Column):
    """A category: one feature for each level seen in training, 1 where a row has it.

    A level not seen in training is all zeros. A missing value is a level of its own if it was seen.
    """

    name: str
    kind: Kind = field(default=Kind.CATEGORY, init=False)
    levels: tuple[str, ...]  # most frequent first, of equals by name
    flagged: bool
    dropped: int = 0  # levels beyond the most frequent 1000

    @classmethod
    def learn(cls, column: pl.Series) -> "CategoryColumn":
        text = as_text(column)
        counts = (
            text.drop_nulls()
            .value_counts(name="rows")
            .sort("rows", column.name, descending=[True, False])
        )
        levels = counts[column.name].to_list()
        return cls(
            column.name,
            tuple(levels[:MOST_LEVELS]),
            text.null_count() > 0,
            max(0, len(levels) - MOST_LEVELS),
        )

    @property
    def width(self) -> int:
        return len(self.levels) + self.flagged

    @property
    def feature_names(self) -> tuple[str, ...]:
        names = tuple(f"{self.name}={level}" for level in self.levels)
        return (*names, f"{self.name} is missing") if self.flagged else names

    @property
    def notes(self) -> tuple[str, ...]:
        notes = []
        if self.flagged:
            notes.append(f"A missing value of {self.name!r} is a category of its own.")
        if self.dropped:
            notes.append(
                f"Of {self.name!r} the {MOST_LEVELS} most frequent categories have a feature; "
                f"{self.dropped} rarer ones count as unseen."
            )
        return tuple(notes)

    def write(self, column: pl.Series, out: NDArray[np.float64], at: Place) -> Misfits:
        text = as_text(column)
        missing = text.is_null().to_numpy()
        codes = text.replace_strict(
            list(self.levels), range(len(self.levels)), default=-1, return_dtype=pl.Int64
        ).to_numpy()
        known = np.flatnonzero((codes >= 0) & ~missing)
        out[known, codes[known]] = 1
        unseen = int(len(text) - len(known) - missing.sum())
        if self.flagged:
            out[missing, len(self.levels)] = 1
            return Misfits(unseen, 0)
        return Misfits(unseen, int(missing.sum()))

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": str(Kind.CATEGORY),
            "levels": list(self.levels),
            "flagged": self.flagged,
            "dropped": self.dropped,
        }


def column_from_json(fields: Fields) -> Column:
    """Read the encoding of a column, strictly."""
    name, kind = fields.text("name"), fields.choice("kind", [*READERS, Kind.CATEGORY])
    part: Column
    if kind == Kind.CATEGORY:
        levels = fields.texts("levels", most=MOST_LEVELS)
        part = CategoryColumn(name, levels, fields.flag("flagged"), fields.count("dropped"))
    else:
        part = NumberColumn(name, Kind(kind), fields.number("mean"), fields.flag("flagged"))
    fields.done()
    return part


_PLURAL = {Kind.NUMBER: "numbers", Kind.BOOLEAN: "true or false", Kind.DATE: "ISO 8601 dates"}


def _mean(values: NDArray[np.float64]) -> float:
    """Return the mean of finite numbers, also where their sum overflows; 0 of none."""
    if not len(values):
        return 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(values.mean())
    return mean if np.isfinite(mean) else float((values / len(values)).sum())
