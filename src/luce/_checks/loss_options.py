"""Options of the losses."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks.arrays import as_doubles
from luce._checks.scalars import as_number
from luce.errors import DataError, ParameterError, ShapeError

LARGEST_WEIGHT = 1e200  # leaves room for the sum over all rows


def as_smoothing(value: Any) -> float:
    """Return a label smoothing that leaves the label some of its weight."""
    smoothing = as_number(value, "label_smoothing")
    if not 0 <= smoothing < 1:
        raise ParameterError(
            f"label_smoothing must lie in [0, 1), got {value!r}. Usual values are 0 to 0.2."
        )
    return smoothing


def as_softcap(value: Any) -> float | None:
    """Return the bound that logits are squeezed into; None for no bound."""
    if value is None:
        return None
    softcap = as_number(value, "softcap")
    if not 0 < softcap < np.inf:
        raise ParameterError(
            f"softcap must be above 0 and finite, got {value!r}."
            " Usual values are 30 to 50; pass softcap=None for no cap."
        )
    return softcap


def as_ignore_index(value: Any) -> int | None:
    """Return the label value that marks rows without a label."""
    if value is None:
        return None
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    raise ParameterError(
        f"ignore_index must be an integer or None, got {value!r}."
        " Pass the label value that marks the rows to leave out, such as -100."
    )


def refuse_ignore_index(ignore_index: int | None) -> None:
    """Refuse to look for a label among probabilities."""
    if ignore_index is not None:
        raise ParameterError(
            f"ignore_index must be None for a target of probabilities, got {ignore_index}."
            " Drop the rows to be ignored."
        )


def as_class_weights(values: ArrayLike, classes: int) -> NDArray[np.float64]:
    """Return one finite weight for each class as float64, none negative and not all zero."""
    weight = as_doubles(values, "weight")
    if weight.shape != (classes,):
        raise ShapeError(
            f"weight must hold one number for each of the {classes} classes, got shape"
            f" {weight.shape}. Pass weight of shape ({classes},)."
        )
    wrong = ~((weight >= 0) & (weight <= LARGEST_WEIGHT))
    if wrong.any():
        first = int(wrong.argmax())
        raise ParameterError(
            f"weight must lie in 0..{LARGEST_WEIGHT:g}, got {weight[first]} for class {first}"
            f" (classes at fault: {wrong.sum()}). Use 0 to leave a class out."
        )
    if not weight.any():
        raise ParameterError(
            f"weight must hold a number above 0, got zeros for all {classes} classes."
            " Pass weight=None to weigh them alike."
        )
    return weight


def as_normalizer(value: Any, reduction: str) -> float | None:
    """Return what the mean divides by instead of the rows' number or weight; None for those."""
    if value is None:
        return None
    normalizer = as_number(value, "normalizer")
    if reduction != "mean":
        raise ParameterError(
            f"normalizer must be None for reduction={reduction!r}, got {value!r}."
            " It replaces what the mean divides by: pass reduction='mean', or leave it out."
        )
    if not 0 < normalizer < np.inf:
        raise ParameterError(
            f"normalizer must be above 0 and finite, got {value!r}."
            " Pass the number (or weight) of rows that the sum is to be divided by."
        )
    return normalizer


def nothing_to_average(rows: int) -> DataError:
    """Return the error for a mean of no row, or of rows that all count nothing."""
    came = f"{rows} rows, all ignored or of weight 0" if rows else "no rows"
    return DataError(
        f"a mean needs at least one row that counts, got {came} (empty='raise')."
        " Leave such a batch out, or pass empty='zero', empty='nan' or a normalizer."
    )


def check_taught(alpha: float, labelled: bool) -> None:
    """Refuse to mix in the loss of labels that are not there."""
    if alpha < 1 and not labelled:
        raise ParameterError(
            f"alpha must be 1 without labels, got {alpha!r}. Pass labels, or leave alpha out."
        )
