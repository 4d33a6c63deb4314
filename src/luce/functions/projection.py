"""Rows on the simplex: the probabilities and slopes of sparsemax and entmax, NumPy (n, k)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import (
    Axis,
    as_alpha,
    as_axes,
    as_float_array,
    as_floats,
    as_like,
    as_one_axis,
    as_temperature,
)
from luce.functions.any_alpha import above_two, below_two
from luce.functions.candidates import find_candidates, width_of
from luce.functions.derivatives import softmax_jacobian, softmax_jvp, softmax_vjp
from luce.functions.exact_sums import piece_bits
from luce.functions.layout import along_axes, joined, masked, parted
from luce.functions.softmax import softmax
from luce.functions.threshold import distances
from luce.functions.tiles import by_tiles, tiles
from luce.kernels.pairs import Doubles


class Support(NamedTuple):
    """The classes with a probability above 0, row after row."""

    at: NDArray[np.intp]  # place in the flattened rows
    row: NDArray[np.intp]
    starts: NDArray[np.intp]
    p: Doubles
    slope: Doubles  # p**(2 - alpha), which the Jacobian is made of


class Family(NamedTuple):
    """One member of the entmax family; alpha 1 is left to softmax."""

    alpha: float
    temperature: float

    def support(self, z: NDArray[Any]) -> Support:
        """Return the support of rows with a finite largest logit."""
        width = width_of(self.temperature, self.alpha - 1.0)
        w, bits = width.mantissa, piece_bits(z.shape[1])
        found = find_candidates(z, z.max(axis=1), width)
        if self.alpha == 2.0:
            found, u = distances(found, w, 1, bits)
            p, slope = u / w, np.ones_like(u)
        elif self.alpha == 1.5:
            found, u = distances(found, w, 2, bits)
            p, slope = (u / w) ** 2, u / w
        elif self.alpha < 2.0:
            found, p, slope = below_two(found, w, width.rest, self.alpha, bits)
        else:
            found, p, slope = above_two(found, w, self.alpha, bits)
        if not p.all():
            found, p, slope = found.kept(p > 0), p[p > 0], slope[p > 0]
        return Support(found.at, found.row, found.starts, p, slope)

    def probabilities(self, z: NDArray[Any]) -> NDArray[Any]:
        """Return the probabilities of rows."""
        p = np.zeros(z.shape, z.dtype)
        s = self.support(z)
        p.ravel()[s.at] = s.p
        return p

    def product(self, z: NDArray[Any], v: NDArray[Any]) -> NDArray[Any]:
        """Return the product of the (symmetric) Jacobian and a vector for each row."""
        result = np.zeros(z.shape, z.dtype)
        s = self.support(z)
        weight, near = s.slope, v.ravel()[s.at].astype(np.float64)
        total = np.add.reduceat(weight, s.starts)
        # The second mean, that of what the first one leaves, removes the rounding of the first.
        for _ in range(2):
            near = near - (np.add.reduceat(weight * near, s.starts) / total)[s.row]
        result.ravel()[s.at] = weight * near / self.temperature
        return result

    def matrices(self, z: NDArray[Any]) -> NDArray[Any]:
        """Return the Jacobian of each row, (n, k, k)."""
        n, k = z.shape
        dense = np.zeros((n, k))
        s = self.support(z)
        dense.ravel()[s.at] = s.slope
        total = dense.sum(axis=1, keepdims=True)
        matrix = -(dense / total)[:, :, None] * dense[:, None, :]
        others = total - dense
        # One slope may be nearly all of the total: its others are summed apart.
        rest, largest = dense.copy(), dense.argmax(axis=1)[:, None]
        np.put_along_axis(rest, largest, 0.0, axis=1)
        np.put_along_axis(others, largest, rest.sum(axis=1, keepdims=True), axis=1)
        matrix[:, range(k), range(k)] = dense * others / total
        result: NDArray[Any] = (matrix / self.temperature + 0.0).astype(z.dtype)  # no -0
        return result


def values(
    family: Family, x: ArrayLike, axis: Axis, where: ArrayLike | None, out: NDArray[Any] | None
) -> NDArray[Any]:
    """Return the probabilities, in the form of `x`."""
    if family.alpha == 1.0:
        return softmax(x, axis, temperature=family.temperature, where=where, out=out)

    def kernel(z: NDArray[Any], p: NDArray[Any], place: int) -> None:
        by_tiles(_possible(family.probabilities), p, place, z)

    return along_axes(kernel, x, axis, where, out)


def product(
    family: Family, x: ArrayLike, v: ArrayLike, axis: Axis, where: ArrayLike | None, name: str
) -> NDArray[Any]:
    """Return the product of the Jacobian and `v`, in the form of `x`."""
    if family.alpha == 1.0:
        known = softmax_vjp if name == "v" else softmax_jvp
        return known(x, v, axis, temperature=family.temperature, where=where)
    z, dtype = as_floats(x)
    axes = as_axes(axis, z.shape)
    ready, place = joined(masked(z, where), axes)
    vector, _ = joined(as_like(as_float_array(v, name), z.shape, name), axes)
    result = np.empty_like(ready)
    if ready.size:
        by_tiles(_possible(family.product), result, place, ready, vector)
    with np.errstate(over="ignore", under="ignore"):  # one rounding from float32 to float16
        return np.ascontiguousarray(parted(result, axes, z.shape), dtype)


def jacobian(family: Family, x: ArrayLike, axis: int, where: ArrayLike | None) -> NDArray[Any]:
    """Return the Jacobians, (..., k, k)."""
    if family.alpha == 1.0:
        return softmax_jacobian(x, axis, temperature=family.temperature, where=where)
    z, dtype = as_floats(x)
    (place,) = as_axes(as_one_axis(axis), z.shape)
    rows = np.moveaxis(masked(z, where), place, -1)
    *leading, k = rows.shape
    rows = np.ascontiguousarray(rows).reshape(-1, k) if k else rows.reshape(0, 0)
    result = np.empty((*leading, k, k), z.dtype)
    flat = result.reshape(len(rows), k, k)
    with np.errstate(all="ignore"):
        for part in tiles(len(rows), k * k):
            flat[part] = _possible(family.matrices)(rows[part])
        return result.astype(dtype, copy=False)


def checked(alpha: float, temperature: float) -> Family:
    """Return the member of the family with these parameters."""
    return Family(as_alpha(alpha), as_temperature(temperature))


def _possible(function: Callable[..., NDArray[Any]]) -> Callable[..., NDArray[Any]]:
    """Return the function with NaN for the rows that have no finite largest logit."""

    def guarded(z: NDArray[Any], *others: NDArray[Any]) -> NDArray[Any]:
        possible = np.isfinite(z.max(axis=1))
        if possible.all():
            return function(z, *others)
        result = function(np.where(possible[:, None], z, z.dtype.type(0)), *others)
        result[~possible] = np.nan
        return result

    return guarded
