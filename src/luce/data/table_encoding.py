"""Tables as numbers: one feature for a number, one for each category."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data.cells import with_plain_numbers
from luce.data.column_order import ColumnOrder
from luce.data.columns import CategoryColumn, Column, NumberColumn, Place, column_from_json
from luce.data.encoding import Encoded, Encoding, require_memory
from luce.data.json_fields import Fields
from luce.data.kinds import LEFT_OUT, Kind, guess_kinds
from luce.data.suggest import did_you_mean, listed
from luce.errors import ColumnError, DataError

_MOST_VALUES = 240_000  # in JSON; a model file takes 250,000 in all


@dataclass(frozen=True)
class TableEncoding(Encoding):
    """Columns of a table, matched by name, as float64 features."""

    parts: tuple[Column, ...]
    order: ColumnOrder | None = None

    @classmethod
    def learn(cls, frame: pl.DataFrame, kinds: Mapping[str, Kind]) -> "TableEncoding":
        """Learn from training rows; kinds that are not given are guessed from them."""
        kinds = kinds or guess_kinds(frame, (), "the training data")[0]
        frame = _with_numbers(frame, [n for n in frame.columns if kinds[n] is Kind.NUMBER])
        parts = tuple(
            CategoryColumn.learn(column)
            if kinds[column.name] is Kind.CATEGORY
            else NumberColumn.learn(column, kinds[column.name])
            for column in frame
            if kinds[column.name] not in (*LEFT_OUT, Kind.WORDS)
        )
        _require_storable(parts)
        return cls(parts)

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
        frame = _with_numbers(frame, [p.name for p in self.parts if p.kind is Kind.NUMBER])
        used = set(self.columns)
        ignored = tuple(name for name in frame.columns if name not in used)
        width = sum(part.width for part in self.parts)
        require_memory(8 * len(frame) * width, f"{len(frame)} rows with {width} features", where)
        X = np.zeros((len(frame), width))
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
            raise ColumnError(
                f"{where} must have the columns that the model was trained on, but "
                f"{listed(absent)} {'is' if len(absent) == 1 else 'are'} missing."
                f"{did_you_mean(absent[0], present - set(self.columns))} "
                "Columns are matched by name; rename or add them."
            )
        return features

    def to_json(self) -> dict[str, Any]:
        tree = {"kind": "table", "columns": [part.to_json() for part in self.parts]}
        return tree if self.order is None else {**tree, "order": self.order.to_json()}


def _require_storable(parts: tuple[Column, ...]) -> None:
    """Refuse, before the training and not after it, what no model file could hold."""
    values = sum(5 + part.width for part in parts)
    if values > _MOST_VALUES:
        raise DataError(
            f"columns and categories of the training data must fit into a model file ("
            f"{_MOST_VALUES} values), but {len(parts)} columns with "
            f"{sum(part.width for part in parts)} features need {values}. Leave out columns."
        )


def _with_numbers(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    return frame.with_columns(with_plain_numbers(frame.select(names))) if names else frame


def table_encoding_from_json(fields: Fields) -> TableEncoding:
    """Read a table encoding, strictly."""
    parts = tuple(column_from_json(column) for column in fields.objects("columns"))
    fields.done()
    names = [part.name for part in parts]
    if not names or len(set(names)) < len(names):
        raise fields.error("columns", "at least one column and no name twice", names[:10])
    return TableEncoding(parts)
