"""Arrays of numbers as data sets: checks, and the choice between images and plain features."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import DataError, DtypeError, LabelError, ShapeError

_BLOCK = 1 << 22  # elements checked at a time
COLOURS = 3


class Arrays(NamedTuple):
    """The features and labels of a file, and what the labels are called."""

    features: NDArray[Any]
    labels: NDArray[Any] | None
    target_name: str | None
    notes: list[str]


def kind_of(features: NDArray[Any], where: str) -> str:
    """Return ``"array"`` for (n, d) and ``"images"`` for (n, h, w) and (n, h, w, 3)."""
    if features.dtype.kind not in "biuf":
        raise DtypeError(
            f"the features of {where} must be numbers, got dtype {features.dtype}. Convert them."
        )
    if 0 in features.shape:
        raise DataError(f"{where} must hold rows and features, got shape {features.shape}.")
    if features.ndim == 2:
        return "array"
    if features.ndim == 3 or (features.ndim == 4 and features.shape[3] == COLOURS):
        return "images"
    raise ShapeError(
        "features must have shape (rows, features), or (rows, height, width) or (rows, height, "
        f"width, 3) for images, got {features.shape} in {where}. Reshape them."
    )


def require_finite_array(features: NDArray[Any], where: str, first_row: int = 1) -> None:
    """Refuse NaN and infinity, naming the first one."""
    if features.dtype.kind != "f":
        return
    step = max(1, _BLOCK // max(1, features[:1].size))
    for start in range(0, len(features), step):
        bad = ~np.isfinite(features[start : start + step])
        if bad.any():
            row, *column = (int(i) for i in np.argwhere(bad)[0])
            value = features[(start + row, *column)]
            place = ", ".join(str(i + 1) for i in column)
            raise DataError(
                f"arrays must hold finite numbers, got {value} at row {first_row + start + row}, "
                f"column {place} of {where} ({np.count_nonzero(bad)} such cells near there). "
                "Replace such values or drop the rows; only tables may have missing values."
            )


def as_floats(features: NDArray[Any], where: str) -> NDArray[Any]:
    """Return float32 as it is and every other number as float64, C-contiguous."""
    narrow = features.dtype.kind == "f" and features.dtype.itemsize <= 4
    with np.errstate(over="ignore"):  # a long double beyond float64 is found below
        floats = np.ascontiguousarray(features, dtype=np.float32 if narrow else np.float64)
    require_finite_array(floats, where)
    return floats


def labels_of(target: NDArray[Any], rows: int, where: str) -> NDArray[Any]:
    """Return the labels of an array: int64, bool, float64 or str (object).

    Numbers without a fraction become int64, bytes become text.
    """
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if target.shape != (rows,):
        raise ShapeError(
            f"there must be one label a row ({rows}), got shape {target.shape} in {where}. "
            "Labels are a vector of class names or numbers."
        )
    match target.dtype.kind:
        case "b":
            return target
        case "i":
            return target.astype(np.int64)
        case "u" | "f":
            return _number_labels(target, where)
        case "U" | "S":
            return _texts(target, where)
    raise DtypeError(
        f"labels must be whole numbers, texts or booleans, got dtype {target.dtype} in {where}."
    )


def _number_labels(target: NDArray[Any], where: str) -> NDArray[Any]:
    values = target.astype(np.float64)
    if not np.isfinite(values).all():
        row = int(np.argmax(~np.isfinite(values)))
        raise LabelError(
            f"every row must have a label, got {values[row]} at row {row + 1} of {where}. "
            "Drop such rows."
        )
    if (np.abs(values) >= 2.0**53).any():
        raise LabelError(f"labels must be smaller than 2^53, got {values.max():.17g} in {where}.")
    return values.astype(np.int64) if (values == np.rint(values)).all() else values


def _texts(target: NDArray[Any], where: str) -> NDArray[Any]:
    try:
        return target.astype(str).astype(object)
    except UnicodeDecodeError as error:
        raise LabelError(f"labels must be ASCII or Unicode texts in {where} ({error}).") from error
