"""Products with a Jacobian by the native core, and by a formula for rows that it leaves open."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import (
    Axis,
    as_axes,
    as_float_array,
    as_floats,
    as_like,
    as_temperature,
    as_where,
)
from luce.functions.jacobian import Formula, Point
from luce.functions.layout import joined, masked, parted

Kernel = Callable[[NDArray[Any], NDArray[Any], NDArray[Any], int, float], bool]


def product(
    kernel: Kernel,
    formula: Formula,
    x: ArrayLike,
    v: ArrayLike,
    name: str,
    axis: Axis,
    temperature: float,
    where: ArrayLike | None,
) -> NDArray[Any]:
    """Return the product at `x` with the vector `v`, called `name`, in the form of `x`."""
    t = as_temperature(temperature)
    z, dtype = as_floats(x)
    axes = as_axes(axis, z.shape)
    ready, place = joined(masked(z, where), axes)
    vector = as_float_array(v, name)
    if z.dtype == np.float64:
        vector = vector.astype(np.float64, copy=False)
    vector = joined(as_like(vector, z.shape, name), axes)[0]
    mask = None if where is None else joined(as_where(where, z.shape), axes)[0]
    if mask is not None:
        vector = np.where(mask, vector, vector.dtype.type(0))
    result = kernels.empty_like(ready)
    if ready.size and not kernel(ready, vector, result, place, t):
        _complete(result, place, formula, ready, vector, mask, t)
    if mask is not None:
        np.copyto(result, 0, where=~mask & ~np.isnan(result))
    with np.errstate(over="ignore", under="ignore"):  # one rounding from float32 to float16
        return np.ascontiguousarray(parted(result, axes, z.shape), dtype)


def _complete(
    result: NDArray[Any],
    axis: int,
    formula: Formula,
    z: NDArray[Any],
    v: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    temperature: float,
) -> None:
    """Compute the rows along `axis` that hold NaN by the formula."""
    target = np.moveaxis(result, axis, -1)
    rows = np.isnan(target[..., 0])
    z, v = np.moveaxis(z, axis, -1)[rows], np.moveaxis(v, axis, -1)[rows]
    seen = None if mask is None else np.moveaxis(mask, axis, -1)[rows]
    target[rows] = Point.checked(z, -1, temperature, seen).along(formula, v, "v")
