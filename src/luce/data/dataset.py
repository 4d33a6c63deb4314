"""A data set: features, target, and every guess that was made in reading them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data.column_order import ColumnOrder
from luce.data.kinds import Kind
from luce.data.suggest import did_you_mean, listed
from luce.errors import ColumnError, DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows to learn from or to predict, as the source holds them.

    Attributes
    ----------
    name : "digits", or the file's name without its ending
    kind : ``"table"``, ``"images"`` or ``"array"``
    features : what a row is described by

        - table: the columns (polars). Those of a CSV file are text, exactly as the file spells
          them; ``kinds`` says how each one is read, and the encoding reads it.
        - images: ``(n, h, w)`` or ``(n, h, w, 3)``, uint8 or float
        - array: ``(n, d)`` float32 or float64
    target : ``(n,)`` labels: int64, bool, float64, or str in an object array; None if absent
    target_name : the column or array that the target came from
    class_names : display names where the labels are ``0..k-1``
    notes : every guess made, one sentence each
    fingerprint : ``"sha256:<hex>"`` of the content of the source
    kinds : how each column of a table is read, guessed on all of its rows
    row_names : what identifies a row, where the source says so (the file of an image)
    order : of a file to learn from that has no header, how a model finds its columns again
    header_doubt : why the first line, taken for the names of the columns, may be a row; or None
    """

    name: str
    kind: str
    features: pl.DataFrame | NDArray[Any]
    target: NDArray[Any] | None = None
    target_name: str | None = None
    class_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    row_names: NDArray[np.object_] | None = None
    order: ColumnOrder | None = None
    header_doubt: str | None = None

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: NDArray[np.intp]) -> "Dataset":
        """Return the data set of these rows, in this order."""
        return replace(
            self,
            features=self.features[rows],
            target=None if self.target is None else self.target[rows],
            row_names=None if self.row_names is None else self.row_names[rows],
        )


def drop_columns(
    frame: pl.DataFrame, ignore: Collection[str], where: str
) -> tuple[pl.DataFrame, list[str]]:
    """Leave out columns; returns the others, and a note on it.

    Raises DataError for a column that is not there.
    """
    for name in ignore:
        if name not in frame.columns:
            raise ColumnError(
                f"{where} has no column {name!r} to leave out.{did_you_mean(name, frame.columns)}"
                f" Columns: {listed(frame.columns)}."
            )
    notes = [f"Left out, as asked for: {listed(ignore)}."] if ignore else []
    return frame.drop(ignore), notes


def without(dataset: Dataset, ignore: Collection[str], where: str) -> Dataset:
    """Return a data set without some of its columns."""
    if not ignore:
        return dataset
    table = dataset.features if isinstance(dataset.features, pl.DataFrame) else pl.DataFrame()
    frame, notes = drop_columns(table, ignore, where)
    if not frame.width:
        raise DataError(
            f"{where} must keep at least one column to learn from, but all are to be left out."
            " Leave out fewer."
        )
    kinds = {name: dataset.kinds[name] for name in frame.columns}
    return replace(dataset, features=frame, kinds=kinds, notes=(*dataset.notes, *notes))
