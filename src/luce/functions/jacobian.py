"""What is known of rows of logits where a derivative is taken, and products with the Jacobian.

The formulas see a tile of rows with the classes last, in float64. Where the caller's logits are
float64 as well, probabilities are pairs of numbers, for a product of two that are rounded would
miss the promised accuracy.
"""

from collections.abc import Callable
from math import frexp
from typing import Any, NamedTuple

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
from luce.functions.layout import masked
from luce.functions.rows import as_rows, from_rows, without
from luce.functions.softmax_pairs import product, softmax_pairs, sum_of_pairs
from luce.functions.tiles import tiles
from luce.kernels.pairs import Doubles, Pair, product_of, sum_of, sum_of_rows

_LARGEST = 960  # exponent of the largest direction whose sums and quotients cannot overflow


class Tile(NamedTuple):
    """Some rows at the point where the derivative is taken."""

    p: Pair  # (n, k) each  probabilities; NaN in a row that has none
    rest: Pair  # (n, 1) each  1 - p of the winner
    possible: NDArray[np.bool_]  # (n, k)  neither masked nor -inf
    masked: NDArray[np.bool_] | None  # (n, k)
    temperature: float
    plain: bool  # no low parts: float64 has digits to spare for the caller's dtype

    @classmethod
    def of(cls, z: NDArray[Any], masked: NDArray[np.bool_] | None, temperature: float) -> "Tile":
        wide, plain = z.astype(np.float64), z.dtype != np.float64
        measure = _softmax_alone if plain else softmax_pairs
        p, rest = measure(wide, temperature)
        return cls(p, rest, z != -np.inf, masked, temperature, plain)

    @property
    def winner(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return np.arange(len(self.p.high)), self.p.high.argmax(axis=1)

    def mean(self, a: Pair) -> Doubles:
        """Return the mean of each row under p, (n, 1); what stands at impossible classes is 0."""
        high, low = (np.where(self.possible, part, 0.0) for part in a)
        if self.plain:
            return sum_of_rows(self.p.high * high)
        terms = product_of(self.p.high, high)
        left = terms.low + (self.p.low * high + self.p.high * low)
        total: Doubles = sum_of_pairs(terms.high, left).high
        return total

    def complement(self) -> Pair:
        """Return 1 - p, for the winner the sum of the others."""
        high, low = sum_of(1.0, -self.p.high)
        low -= self.p.low
        high[self.winner], low[self.winner] = self.rest.high[:, 0], self.rest.low[:, 0]
        return Pair(high, low)

    def times(self, a: Doubles) -> Doubles:
        """Return p a, rounded about once."""
        result: Doubles = self.p.high * a
        return result if self.plain else result + self.p.low * a

    def unmasked(self, a: Doubles) -> Doubles:
        """Return `a` with 0 at masked classes, and NaN in rows without probabilities."""
        return a if self.masked is None else np.where(self.masked, 0.0 * self.p.high, a)


Formula = Callable[[Tile, Doubles], Doubles]


def _softmax_alone(z: Doubles, temperature: float) -> tuple[Pair, Pair]:
    """Return what `softmax_pairs` returns, without low parts."""
    p = np.empty_like(z)
    kernels.softmax(z, p, 1, temperature)
    losers = p.copy()
    np.put_along_axis(losers, p.argmax(axis=1)[:, None], 0.0, 1)
    rest = sum_of_rows(losers)
    return Pair(p, np.zeros_like(p)), Pair(rest, np.zeros_like(rest))


def _centred(tile: Tile, u: Doubles) -> Doubles:
    """Return ``u_i - sum_j p_j u_j``, accurate to the size of ``sum_j p_j |u_i - u_j|``.

    First measured from the winner's u: then the part of the winner, which may be all of p, is 0.
    That gives a centre close to the mean, and what it misses is small in the second sum.
    """
    centre = u[tile.winner][:, None]
    centre = centre + tile.mean(Pair(u - centre, 0.0))
    away = sum_of(u, -centre)
    result: Doubles = away.high + (away.low - tile.mean(away))
    return result


def softmax_product(tile: Tile, u: Doubles) -> Doubles:
    """Return ``p_i (u_i - sum_j p_j u_j) / T``, 0 at impossible classes."""
    seen = np.where(tile.possible, u, 0.0)
    return tile.times(_centred(tile, seen) / tile.temperature)


def log_softmax_forward(tile: Tile, u: Doubles) -> Doubles:
    """Return ``(u_i - sum_j p_j u_j) / T``."""
    return tile.unmasked(_centred(tile, u) / tile.temperature)


def log_softmax_backward(tile: Tile, v: Doubles) -> Doubles:
    """Return ``(v_i - p_i sum(v)) / T``; the winner leaves its own v out of the sum."""
    own = v[tile.winner]
    others = v.copy()
    others[tile.winner] = 0.0
    rest = sum_of_rows(others)  # (n, 1)
    result = v - tile.times(rest + own[:, None])
    result[tile.winner] = (own[:, None] * tile.rest.high)[:, 0] - tile.times(rest)[tile.winner]
    return tile.unmasked(result / tile.temperature)


def scaled(tile: Tile, v: Doubles) -> Doubles:
    """Return ``v p``; an infinite v times a low part, of either sign, is left out."""
    high = tile.p.high * np.where(tile.possible, v, 0.0)
    result: Doubles = high + tile.p.low * np.where(np.isfinite(v), v, 0.0)
    return result


def mean(tile: Tile, u: Doubles) -> Doubles:
    """Return ``sum_j p_j u_j``."""
    return tile.mean(Pair(u, 0.0))


def softmax_matrix(tile: Tile) -> Doubles:
    """Return p_i (delta_ij - p_j) / T; a small T lifts p first, so that no product underflows."""
    lift: float = 2.0 ** min(max(-frexp(tile.temperature)[1], 0), 500)
    lifted = Pair(tile.p.high * lift, tile.p.low * lift)
    across = Pair(lifted.high[:, :, None], lifted.low[:, :, None])
    down = Pair(tile.p.high[:, None, :], tile.p.low[:, None, :])
    result: Doubles = 0.0 - product(across, down)
    _diagonal(result)[...] = product(lifted, tile.complement())
    result /= tile.temperature * lift
    return result


def log_softmax_matrix(tile: Tile) -> Doubles:
    """Return ``(delta_ij - p_j) / T``."""
    p = tile.p.high
    result: Doubles = np.repeat((0.0 - p)[:, None, :], p.shape[1], axis=1)
    _diagonal(result)[...] = tile.complement().high
    if tile.masked is not None:
        result *= ~(tile.masked[:, :, None] | tile.masked[:, None, :])
    result /= tile.temperature
    return result


def _diagonal(matrices: Doubles) -> Doubles:
    diagonal: Doubles = np.einsum("nii->ni", matrices)  # a view
    return diagonal


class Point(NamedTuple):
    """Logits with the classes last, and what brings a result back to their form."""

    rows: NDArray[Any]  # (n, k), masked classes at -inf
    masked: NDArray[np.bool_] | None  # (n, k)
    temperature: float
    axes: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def checked(
        cls, x: ArrayLike, axis: Axis, temperature: Any, where: ArrayLike | None
    ) -> "Point":
        t = as_temperature(temperature)
        z, dtype = as_floats(x)
        axes = as_axes(axis, z.shape)
        out = None if where is None else as_rows(~as_where(where, z.shape), axes)
        return cls(as_rows(masked(z, where), axes), out, t, axes, z.shape, dtype)

    @property
    def classes(self) -> int:
        return int(self.rows.shape[1])

    def rows_of(self, u: ArrayLike, name: str) -> NDArray[Any]:
        """Return a vector for each row, (n, k)."""
        return as_rows(as_like(as_float_array(u, name), self.shape, name), self.axes)

    def back(self, rows: NDArray[Any]) -> NDArray[Any]:
        return from_rows(rows, self.axes, self.shape)

    def along(self, formula: Formula, u: ArrayLike, name: str) -> NDArray[Any]:
        """Return what a formula makes of a vector for each row, in the form of x."""
        return self.back(self.tiles(formula, self.rows_of(u, name), self.classes))

    def tiles(self, formula: Formula, u: NDArray[Any], width: int) -> NDArray[Any]:
        """Return the formula of all rows, (n, width), computed tile by tile."""
        result = np.full((len(self.rows), width), np.nan, self.dtype)  # NaN where k is 0
        if self.rows.size:
            with np.errstate(all="ignore"):
                for part in tiles(*self.rows.shape):
                    tile, wide = self.tile(part), u[part].astype(np.float64)
                    if tile.masked is not None and u.shape == self.rows.shape:
                        wide[tile.masked] = 0.0
                    result[part] = _with_room(formula, tile, wide)
        return result

    def matrices(self, formula: Callable[[Tile], Doubles]) -> NDArray[Any]:
        """Return a (k, k) matrix for each row, in the last two axes."""
        n, k = self.rows.shape
        result = np.empty((n, k, k), self.dtype)
        if self.rows.size:
            with np.errstate(all="ignore"):
                for part in tiles(n, k**2):
                    result[part] = formula(self.tile(part))
        return result.reshape(*without(self.axes, self.shape, keepdims=False), k, k)

    def tile(self, part: slice) -> Tile:
        out = None if self.masked is None else self.masked[part]
        return Tile.of(self.rows[part], out, self.temperature)


def _with_room(formula: Formula, tile: Tile, u: Doubles) -> Doubles:
    """Return the formula, which is linear in u, of rows so scaled that nothing overflows inside."""
    _, exponent = np.frexp(np.fmax.reduce(np.abs(u), axis=1, keepdims=True))
    shift = np.maximum(exponent - min(frexp(tile.temperature)[1], 0) - _LARGEST, 0)
    if not shift.any():
        return formula(tile, u)
    result: Doubles = np.ldexp(formula(tile, np.ldexp(u, -shift)), shift)
    return result
