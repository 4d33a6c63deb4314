"""Targets and weights of single numbers, for losses that know no classes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks.arrays import FloatArray, as_array, as_doubles, as_float_array, as_like
from luce._checks.loss_options import LARGEST_WEIGHT
from luce._checks.places import first_of, named_element
from luce.errors import LabelError, ParameterError, ShapeError


def as_target(target: ArrayLike, shape: tuple[int, ...], name: str) -> FloatArray:
    """Return a target for each number of x."""
    given = as_array(target, "target")
    t = as_float_array(given.view(np.uint8) if given.dtype == np.bool_ else given, "target")
    if t.shape == shape:
        return t
    same = t.size == np.prod(shape)
    cure = f"Pass target.reshape({shape})." if same else "Pass one target for each of them."
    raise ShapeError(
        f"target must have the shape of {name}, {shape}, got shape {t.shape}: it is not repeated."
        f" {cure}"
    )


def as_shares(target: ArrayLike, shape: tuple[int, ...], name: str) -> FloatArray:
    """Return a target in 0..1 for each number of x."""
    t = as_target(target, shape, name)
    wrong = ~((t >= 0) & (t <= 1))
    if wrong.any():
        place = tuple(first_of(wrong))
        raise LabelError(
            f"targets must lie in 0..1, got {t[place]} at {named_element(place)}"
            f" (elements at fault: {wrong.sum()}). Pass probabilities, or classes numbered 0 and 1."
        )
    return t


def as_element_weights(
    values: ArrayLike, shape: tuple[int, ...], name: str = "weight"
) -> NDArray[np.float64]:
    """Return a finite weight of 0 or more for each element of x."""
    weight = as_doubles(values, name)
    wrong = ~((weight >= 0) & (weight <= LARGEST_WEIGHT))
    if wrong.any():
        place = tuple(first_of(wrong))
        raise ParameterError(
            f"{name} must lie in 0..{LARGEST_WEIGHT:g}, got {weight[place]} at"
            f" {named_element(place)} (elements at fault: {wrong.sum()})."
            " Use 0 to leave an element out."
        )
    return as_like(weight, shape, name)
