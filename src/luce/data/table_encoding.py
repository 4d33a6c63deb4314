"""Tables as numbers: one feature for a number, one for each category."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data.cells import as_text
from luce.data.encoding import Encoded, Encoding
from luce.data.json_fields import Fields
from luce.data.kinds import LEFT_OUT, READERS, Kind, guess_kinds, require_finite
from luce.data.suggest import did_you_mean, listed
from luce.errors import DataError

MOST_LEVELS = 1000


class Misfits(NamedTuple):
    """Cells that the encoding had no number for."""

    unseen: int
    missing: int


class Column(ABC):
    """The encoding of one column."""

    name: str

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
    def write(self, column: pl.Series, out: NDArray[np.float64], at: "Place") -> Misfits:
        """Write the features of a column into ``out`` (n, features), which holds zeros."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the JSON tree of this column."""


class Place(NamedTuple):
    """Where rows come from, for messages."""

    where: str
    first_row: int


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
        values = READERS[kind](column).values.drop_nulls()
        return cls(column.name, kind, _mean(values), len(values) < len(column))

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
            row = bad.arg_max() or 0
            raise DataError(
                f"column {self.name!r} of {at.where} must hold {_PLURAL[self.kind]} as in "
                f"training, got text {str(column[row])!r} at row {at.first_row + row} (rows at "
                f"fault: {bad.sum()}). Correct the cell, or leave it empty for a missing value."
            )
        require_finite(values, at.where, at.first_row)
        missing = values.null_count()
        out[:, 0] = values.fill_null(self.mean).to_numpy()
        if self.flagged:
            out[:, 1] = values.is_null().to_numpy()
            return Misfits(0, 0)
        return Misfits(0, missing)

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
        if not self.dropped:
            return ()
        return (
            f"Of {self.name!r} the {MOST_LEVELS} most frequent categories have a feature; "
            f"{self.dropped} rarer ones count as unseen.",
        )

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


@dataclass(frozen=True)
class TableEncoding(Encoding):
    """Columns of a table, matched by name, as float64 features."""

    parts: tuple[Column, ...]

    @classmethod
    def learn(cls, frame: pl.DataFrame, kinds: Mapping[str, Kind]) -> "TableEncoding":
        """Learn from training rows; kinds that are not given are guessed from them."""
        kinds = kinds or guess_kinds(frame, (), "the training data")
        return cls(
            tuple(
                CategoryColumn.learn(column)
                if kinds[column.name] is Kind.CATEGORY
                else NumberColumn.learn(column, kinds[column.name])
                for column in frame
                if kinds[column.name] not in LEFT_OUT
            )
        )

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(name for part in self.parts for name in part.feature_names)

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(note for part in self.parts for note in part.notes)

    def apply(
        self,
        features: pl.DataFrame | NDArray[Any],
        *,
        first_row: int = 1,
        where: str = "the data",
    ) -> Encoded:
        frame = self._require_columns(features, where)
        X = np.zeros((len(frame), sum(part.width for part in self.parts)))
        place, start = Place(where, first_row), 0
        unseen, missing = {}, {}
        for part in self.parts:
            stop = start + part.width
            misfits = part.write(frame[part.name], X[:, start:stop], place)
            start = stop
            if misfits.unseen:
                unseen[part.name] = misfits.unseen
            if misfits.missing:
                missing[part.name] = misfits.missing
        used = set(self.columns)
        ignored = tuple(name for name in frame.columns if name not in used)
        return Encoded(X, unseen, missing, ignored)

    def _require_columns(self, features: pl.DataFrame | NDArray[Any], where: str) -> pl.DataFrame:
        if not isinstance(features, pl.DataFrame):
            raise DataError(
                f"the model reads a table with the columns {listed(self.columns)}, but {where} is "
                f"an array of shape {features.shape}. Give it a table."
            )
        present = set(features.columns)
        absent = [name for name in self.columns if name not in present]
        if absent:
            raise DataError(
                f"{where} must have the columns that the model was trained on, but "
                f"{listed(absent)} {'is' if len(absent) == 1 else 'are'} missing."
                f"{did_you_mean(absent[0], present - set(self.columns))} "
                "Columns are matched by name; rename or add them."
            )
        return features

    def to_json(self) -> dict[str, Any]:
        return {"kind": "table", "columns": [part.to_json() for part in self.parts]}


def table_encoding_from_json(fields: Fields) -> TableEncoding:
    """Read a table encoding, strictly."""
    parts = tuple(_column_from_json(column) for column in fields.objects("columns"))
    fields.done()
    names = [part.name for part in parts]
    if not names or len(set(names)) < len(names):
        raise fields.error("columns", "at least one column and no name twice", names[:10])
    return TableEncoding(parts)


def _column_from_json(fields: Fields) -> Column:
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


def _mean(values: pl.Series) -> float:
    """Return the mean of finite numbers, also where their sum overflows; 0 of none."""
    if values.is_empty():
        return 0.0
    mean = float(values.mean())  # type: ignore[arg-type]  # numbers have a number as mean
    if np.isfinite(mean):
        return mean
    return float(np.mean(values.to_numpy() / len(values)) * len(values))
