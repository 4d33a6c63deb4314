"""The target column: which one it is, and its cells as class labels."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data import cells
from luce.data.kinds import require_finite
from luce.data.suggest import did_you_mean, listed
from luce.errors import ColumnError, DataError, LabelError

_NAMES = ("target", "label", "class")
_FEW = 20  # more different values than this need a second look
_EXACT = 2.0**53  # beyond it float64 skips integers
_LEADING_ZERO = r"^\s*[+-]?0\d"


class Choice(NamedTuple):
    """The name of the target column, and why it was taken."""

    name: str
    note: str


def choose_target(columns: Sequence[str], target: str | None, where: str) -> Choice:
    """Take the column asked for, else one named target, label or class, else the last one."""
    if target is not None:
        if target not in columns:
            raise ColumnError(
                f"{where} has no target column {target!r}.{did_you_mean(target, columns)} "
                f"Columns: {listed(columns)}."
            )
        return Choice(target, f"The target is {target!r}, as asked for.")
    for wanted in _NAMES:
        for name in columns:
            if name.strip().casefold() == wanted:
                return Choice(name, f"The target is {name!r}, by its name.")
    return Choice(
        columns[-1],
        f"The target is {columns[-1]!r}: no column is named target, label or class, so it is the "
        "last one.",
    )


def read_target(column: pl.Series, where: str) -> NDArray[Any]:
    """Return the labels of a target column.

    Whole numbers become int64, true/false bool, at most 20 different other numbers float64; all
    else is text (an object array of str), also numbers with leading zeros.

    Raises LabelError for a missing label.
    """
    labels = _labels(column, where)
    _require_present(column, labels, where)
    return labels.to_numpy()


def require_classes(labels: NDArray[Any], name: str, where: str) -> None:
    """Refuse to learn from labels that are all the same, or that are no classes but quantities.

    Quantities are more than 20 different numbers with decimals, and more than 20 values of which
    most stand in a single row.
    """
    distinct = len(set(labels.tolist()))
    if distinct == 1:
        raise DataError(
            f"a target must have at least two classes, but {name!r} of {where} is {labels[0]!r} in "
            f"every row ({len(labels)}). Choose another target column or add rows of other classes."
        )
    if distinct > _FEW and (labels.dtype.kind == "f" or distinct > len(labels) // 2):
        raise DataError(
            f"the target must name the class of each row, but {name!r} of {where} has {distinct} "
            f"different values in {len(labels)} rows, e.g. {labels[0]!r}. Choose another target "
            "column, or sort the values into a few classes first."
        )


def lookalikes(labels: NDArray[Any]) -> Iterator[str]:
    """Yield a warning for classes that differ only in capitals, blanks or Unicode spelling."""
    if labels.dtype != object:
        return
    seen: dict[str, str] = {}
    for label in sorted(set(labels)):
        twin = seen.setdefault(unicodedata.normalize("NFKC", label).casefold().strip(), label)
        if twin != label:
            yield f"The classes {twin!r} and {label!r} are different ones but look alike."


def _labels(column: pl.Series, where: str) -> pl.Series:
    if column.dtype == pl.Boolean:
        return column
    text = cells.as_text(column)
    numbers = cells.as_numbers(column)
    if not numbers.bad.any():
        coded = text.str.contains(_LEADING_ZERO).any()
        return text if coded else _number_labels(column, numbers.values, where)
    booleans = cells.as_booleans(text).values
    if np.isnan(booleans).sum() == text.null_count():
        return pl.Series(column.name, booleans, nan_to_null=True).cast(pl.Boolean)
    return text


def _number_labels(column: pl.Series, values: NDArray[np.float64], where: str) -> pl.Series:
    require_finite(values, column.name, where)
    integers = column.cast(pl.Int64, strict=False)
    if integers.null_count() == np.isnan(values).sum() and not column.dtype.is_float():
        return integers
    if (np.abs(values) >= _EXACT).any():  # an identifier of 20 digits must not be rounded
        return cells.as_text(column)
    floats = pl.Series(column.name, values, nan_to_null=True)
    whole = (values == np.rint(values)) | np.isnan(values)
    return floats.cast(pl.Int64) if whole.all() else floats


def _require_present(column: pl.Series, labels: pl.Series, where: str) -> None:
    missing = labels.is_null().arg_true()
    if len(missing):
        rows = ", ".join(str(row + 1) for row in missing[:5])
        raise LabelError(
            f"every row must have a label, but {len(missing)} of {len(labels)} cells of the target "
            f"{column.name!r} in {where} are missing: row {rows}"
            f"{', ...' if len(missing) > 5 else ''}. Fill them in or drop these rows."
        )
