"""Arrays that only one family of losses takes."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks.arrays import FloatArray, as_array, as_floats
from luce._checks.places import first_of, named_row
from luce.errors import DataError, ParameterError, ShapeError


def as_linear_layer(
    hidden: ArrayLike, weight: ArrayLike, bias: ArrayLike | None
) -> tuple[tuple[FloatArray, FloatArray, FloatArray | None], tuple[np.dtype[Any], ...]]:
    """Return the three in the dtype to compute with, and the dtypes that their gradients have."""
    h, hidden_dtype = as_floats(hidden, "hidden")
    w, weight_dtype = as_floats(weight, "weight")
    b, bias_dtype = (None, weight_dtype) if bias is None else as_floats(bias, "bias")
    if h.ndim == 0:
        raise ShapeError(
            "hidden must have a last axis as long as the rows of weight, got a single number."
            " Pass an array of shape (..., d)."
        )
    if w.ndim != 2 or w.shape[1] != h.shape[-1] or w.shape[0] == 0:
        turned = w.ndim == 2 and w.shape[0] == h.shape[-1]
        cure = "Pass weight.T." if turned else "Pass one row of d numbers for each class."
        raise ShapeError(
            f"weight must have shape (k, d) with d = {h.shape[-1]}, as hidden has it, and at least"
            f" one class, got shape {w.shape} with hidden of shape {h.shape}. {cure}"
        )
    if b is not None and b.shape != w.shape[:1]:
        raise ShapeError(
            f"bias must hold one number for each of the {w.shape[0]} classes, got shape {b.shape}."
            f" Pass bias of shape {w.shape[:1]}."
        )
    wide = np.result_type(h, w) if b is None else np.result_type(h, w, b)
    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a NaN
        layer = (
            h.astype(wide, copy=False),
            w.astype(wide, copy=False),
            None if b is None else b.astype(wide, copy=False),
        )
    return layer, (hidden_dtype, weight_dtype, bias_dtype)


def as_similarities(values: ArrayLike, labelled: bool, symmetric: bool) -> NDArray[Any]:
    """Return a table of similarities that has the diagonal which takes the place of labels."""
    table = as_array(values, "similarities")
    check_table(table.shape, labelled, symmetric)
    return table


def check_table(shape: tuple[int, ...], labelled: bool, symmetric: bool) -> None:
    """Refuse the shape of a table of similarities without the diagonal that labels would spare."""
    if len(shape) != 2:
        raise ShapeError(
            f"similarities must be a table (queries, candidates), got shape {shape}."
            " Pass queries @ candidates.T."
        )
    n, m = shape
    if symmetric and labelled:
        raise ParameterError(
            "symmetric must be False with labels, got True. Order the candidates so that each query"
            " fits the candidate of its number, and leave labels out."
        )
    if (n != m and symmetric) or (n > m and not labelled):
        needed = "as many candidates as queries" if symmetric else "a candidate for each query"
        raise ShapeError(
            f"similarities must have {needed} where there are no labels, got shape {shape}."
            " Pass labels that say which candidate fits each query."
        )


def as_distances(values: ArrayLike) -> tuple[FloatArray, np.dtype[Any]]:
    """Return distances to compute with, none negative, and the dtype of their gradient."""
    distances, dtype = as_floats(values, "distances")
    wrong = distances < 0
    if wrong.any():
        place = first_of(wrong)
        raise DataError(
            f"distances must be 0 or more, got {distances[tuple(place)]} at {named_row(place)}"
            f" (entries at fault: {wrong.sum()}). Pass lengths of differences, such as"
            " np.linalg.norm(a - b, axis=-1)."
        )
    return distances, dtype


def check_cosines(
    cosines: FloatArray,
    counted: NDArray[np.bool_],
    excess: float,
    rows: tuple[int, ...],
    first: int,
) -> None:
    """Refuse cosines beyond -1 or 1 by more than rounding explains, in rows that count.

    They are (t, k), from the row `first` on of those that have the shape `rows`.
    """
    largest = 1 + max(excess, 1e-5)
    wrong = (np.abs(cosines) > largest) & (cosines != -np.inf) & counted[:, None]
    if wrong.any():
        row, column = first_of(wrong)
        place = [int(i) for i in np.unravel_index(first + row, rows)] if rows else []
        raise DataError(
            f"cosines must lie in [-1, 1] (up to {largest - 1:.0e} beyond is taken for rounding),"
            f" got {cosines[row, column]} at {named_row(place)}, class {column} (entries at fault:"
            f" {wrong.sum()}). Divide features and class centres by their lengths first."
        )
