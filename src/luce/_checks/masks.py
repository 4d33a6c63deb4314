"""What takes part in a row and with what weight, and rows that nothing is left of."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks.arrays import as_array, as_doubles
from luce._checks.places import first_of, named_row
from luce.errors import DataError, DtypeError, ShapeError


def as_where(where: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the mask as a read-only boolean view of the shape of x."""
    mask = as_array(where, "where")
    if mask.dtype != np.bool_:
        raise DtypeError(
            f"where must be boolean (True = take part), got dtype {mask.dtype}."
            " Pass where=mask.astype(bool), or compare: where=mask > 0."
        )
    try:
        return np.broadcast_to(mask, shape)
    except ValueError as error:
        raise ShapeError(
            f"where must broadcast to the shape of x, {shape}, got shape {mask.shape}."
            " Add axes of length 1 where the mask should repeat."
        ) from error


def as_weights(
    b: ArrayLike | None, shape: tuple[int, ...], where: ArrayLike | None
) -> NDArray[np.float64]:
    """Return the weights b in the shape of x as float64; 0 where the mask is False, None = 1."""
    weights = as_doubles(1.0 if b is None else b, "b")
    try:
        whole = np.broadcast_to(weights, shape)
    except ValueError as error:
        raise ShapeError(
            f"b must broadcast to the shape of x, {shape}, got shape {weights.shape}."
            " Add axes of length 1 where the weights should repeat."
        ) from error
    return whole if where is None else np.where(as_where(where, shape), whole, 0.0)


def check_possible(possible: NDArray[np.bool_], axes: tuple[int, ...]) -> None:
    """Refuse rows in which no class is possible; `possible` keeps the classes' axes at length 1."""
    wrong = ~possible.squeeze(axes)
    if wrong.any():
        raise DataError(
            f"each row must have a class that is possible, got only -inf or masked classes at"
            f" {named_row(first_of(wrong))} (rows at fault: {wrong.sum()})."
            ' Drop the row, or pass empty="zero" or empty="nan".'
        )


def check_drawable(rows: NDArray[Any], left: tuple[int, ...]) -> None:
    """Refuse rows (n, k) that define no distribution; `left` is the shape of the rows."""
    wrong = ~np.isfinite(rows.max(axis=1, initial=-np.inf)).reshape(left)
    if wrong.any():
        raise DataError(
            "each row must have a largest logit that is finite, got NaN, +inf or no possible class"
            f" at {named_row(first_of(wrong))} (rows at fault: {wrong.sum()})."
            " Drop the row: there is no distribution to draw from."
        )
