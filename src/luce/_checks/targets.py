"""Labels of rows, and distributions over the classes."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks.arrays import FloatArray, as_array, as_float_array, is_bfloat16
from luce._checks.places import first_of, named_row
from luce.errors import DtypeError, LabelError, ShapeError

# Rows that another library's float16 or float32 softmax made pass; typing errors do not.
SUM_TOLERANCE = 1e-3
_SUM_TOLERANCE_OF_BFLOAT16 = 4e-3


def as_labels(
    target: ArrayLike, rows: tuple[int, ...], classes: int, ignore_index: int | None = None
) -> NDArray[np.int64]:
    """Return labels in ``0..classes-1`` as contiguous int64, -1 where a row is to be ignored."""
    labels = _as_integers(as_array(target, "target"))
    if labels.shape != rows:
        raise _target_shape_error(labels, rows, classes)
    if ignore_index is None and _are_ready(labels, classes):
        return labels
    outside = (labels < 0) | (labels >= classes)
    if ignore_index is None:
        if outside.any():
            raise _label_error(labels, outside, classes)
        return labels.astype(np.int64, order="C", copy=not labels.flags.aligned)
    ignored = labels == ignore_index
    if (outside & ~ignored).any():
        raise _label_error(labels, outside & ~ignored, classes)
    return np.where(ignored, np.int64(-1), labels.astype(np.int64))


def as_distributions(
    target: ArrayLike, rows: tuple[int, ...], classes: int, axis: int = -1
) -> FloatArray:
    """Return one distribution over the classes for each row, checked and not rescaled.

    The classes lie along `axis` of the target, and along the last axis of what is returned.
    """
    given = as_array(target, "target")
    t = as_float_array(given.view(np.uint8) if given.dtype == np.bool_ else given, "target")
    if t.shape != _with_classes(rows, classes, axis):
        raise _target_shape_error(t, rows, classes, axis)
    t = np.ascontiguousarray(np.moveaxis(t, axis, -1))  # rows are summed in the same order
    if t.size and not t.min() >= 0:  # also for NaN; no array of the size of t for right ones
        wrong = ~(t >= 0)
        *row, column = first_of(wrong)
        raise LabelError(
            f"target probabilities must be 0 or more, got {t[(*row, column)]} at"
            f" {named_row(row)}, class {column} (entries at fault: {wrong.sum()})."
            " Pass probabilities, not logits: luce.softmax makes them."
        )
    total = t.sum(axis=-1, dtype=np.float64)
    wrong = ~(np.abs(total - 1) <= SUM_TOLERANCE)
    if wrong.any() and _was_bfloat16(t):
        wrong = ~(np.abs(total - 1) <= _SUM_TOLERANCE_OF_BFLOAT16)
    if wrong.any():
        row = first_of(wrong)
        raise LabelError(
            f"target probabilities must sum to 1 in each row (within {SUM_TOLERANCE}), got a sum of"
            f" {total[tuple(row)]:.6g} at {named_row(row)} (rows at fault: {wrong.sum()})."
            " Divide each row by its sum."
        )
    return t


def _was_bfloat16(t: FloatArray) -> bool:
    """Whether bfloat16 holds all the numbers, so that they may have been rounded to it."""
    return t.dtype == np.float32 and not (t.view(np.uint32) & 0xFFFF).any()


def _as_integers(labels: NDArray[Any]) -> NDArray[Any]:
    if labels.dtype.kind in "iu":
        return labels
    if labels.dtype.kind == "b":
        return labels.view(np.uint8)
    if labels.dtype.kind != "f" and not is_bfloat16(labels.dtype):
        raise DtypeError(
            f"labels must be integers, got dtype {labels.dtype} (shape {labels.shape})."
            " Number the classes from 0: np.unique(labels, return_inverse=True)[1]."
        )
    labels = labels.astype(np.float64)
    wrong = (np.trunc(labels) != labels) | ~(np.abs(labels) < 2.0**63)
    if wrong.any():
        row = first_of(wrong)
        raise LabelError(
            f"labels must be whole numbers, got {labels[tuple(row)]} at {named_row(row)}"
            f" (rows at fault: {wrong.sum()}). Number the classes 0, 1, 2, ...; probabilities need"
            " the shape of the logits."
        )
    return labels.astype(np.int64)


def _label_error(labels: NDArray[Any], wrong: NDArray[np.bool_], classes: int) -> LabelError:
    row = first_of(wrong)
    value = labels[tuple(row)]
    if labels.min() == 1 and labels.max() == classes:
        cure = "Classes are counted from 0: subtract 1."
    elif value < 0:
        cure = f"Drop rows that have no label, or pass ignore_index={value}."
    else:
        cure = "Renumber the classes, or give the logits a column for each."
    return LabelError(
        f"labels must lie in 0..{classes - 1} (logits have {classes} classes), got {value} at"
        f" {named_row(row)} (rows at fault: {wrong.sum()}). {cure}"
    )


def _target_shape_error(
    target: NDArray[Any], rows: tuple[int, ...], classes: int, axis: int = -1
) -> ShapeError:
    if target.size == int(np.prod(rows)):
        cure = f"Pass target.reshape({rows})."
    else:
        place = "the last axis" if axis == -1 else f"axis {axis}"
        cure = f"Pass the same rows in logits and target, with the classes along {place}."
    return ShapeError(
        f"target must hold a label for each row, shape {rows}, or a distribution for each row,"
        f" shape {_with_classes(rows, classes, axis)}; got shape {target.shape}. {cure}"
    )


def _with_classes(rows: tuple[int, ...], classes: int, axis: int) -> tuple[int, ...]:
    place = axis % (len(rows) + 1)
    return (*rows[:place], classes, *rows[place:])


def _are_ready(labels: NDArray[Any], classes: int) -> bool:
    """Whether labels need no conversion, and none is out of range: one pass over them."""
    flags = labels.flags
    if not (labels.dtype == np.int64 and flags.c_contiguous and flags.aligned):
        return False
    if 0 < labels.size <= 32:  # Python compares these sooner than NumPy is called
        few = labels.ravel().tolist()
        return bool(min(few) >= 0 and max(few) < classes)
    return bool(labels.view(np.uint64).max(initial=0) < classes)  # negative ones are huge
