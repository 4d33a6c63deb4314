"""Features without units: each column centred and divided by its standard deviation.

A linear model does not care about the units of its features, but every iterative solver does.
The solvers therefore work on standardised columns, while the penalty stays the user's: a
coefficient w of a column with deviation sigma is w sigma there, so its penalty is divided by
sigma squared. The optimum is the same; only the road to it is.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]

_BLOCK = 4096  # rows
_CONSTANT = 8 * np.finfo(float).eps  # a spread below this share of the values is rounding
_SMALLEST_SQUARE = 1e-280  # smaller squares have lost digits
_LARGEST_PENALTY = 1e100  # theta is 0 from here on; more would overflow where it is squared
_SMALLEST_PENALTY = 1e-100  # below it, it changes no value that float64 can hold


class Units(NamedTuple):
    """The centre and spread of each column, in which coefficients are translated."""

    centre: Doubles  # (d,)
    scale: Doubles  # (d,) positive
    penalty: Doubles  # of each standardised column, and 0 for the intercept
    intercept: bool

    def rows(self, X: Floats, dtype: Any) -> Floats:
        """Return the standardised columns, with a last column of ones for the intercept."""
        n, d = X.shape
        result = np.empty((n, d + self.intercept), dtype)
        if self.intercept:
            result[:, -1] = 1
        for start in range(0, n, _BLOCK):
            part = slice(start, start + _BLOCK)
            block = result[part, :d]
            np.subtract(X[part], self.centre.astype(dtype), out=block, dtype=dtype)
            np.divide(block, self.scale.astype(dtype), out=block)
        return result

    def to_raw(self, theta: Doubles) -> tuple[Doubles, Doubles]:
        """Return coefficients and intercepts for the columns as they came."""
        if not self.intercept:
            return theta / self.scale, np.zeros(len(theta))
        coef = theta[:, :-1] / self.scale
        return coef, theta[:, -1] - coef @ self.centre

    def from_raw(self, coef: Doubles, intercept: Doubles) -> Doubles:
        """Return the parameters for standardised columns: the inverse of `to_raw`."""
        if not self.intercept:
            return coef * self.scale
        return np.column_stack([coef * self.scale, intercept + coef @ self.centre])


def units(X: Floats, weights: Doubles, *, intercept: bool, strength: float) -> Units:
    """Measure the weighted mean and deviation of each column in one pass over the rows.

    Without an intercept nothing may be moved: the centre is 0 and the spread is about 0.
    `weights` sum to 1; `strength` is the penalty of the columns as they came.
    """
    centre, scale = _centre_and_spread(X, weights, intercept)
    constant = ~(scale > _CONSTANT * np.abs(centre))
    centre[constant] = X[weights.argmax(), constant] if intercept else 0.0
    scale[constant] = np.where(centre[constant] == 0, 1.0, np.abs(centre[constant]))
    # Any positive scale is right; this one keeps the penalty of tiny columns finite.
    scale = np.maximum(scale, np.sqrt(strength / _LARGEST_PENALTY))
    with np.errstate(under="ignore"):
        penalty = strength / scale / scale
    penalty[penalty < _SMALLEST_PENALTY] = 0.0
    return Units(centre, scale, np.append(penalty, 0.0) if intercept else penalty, intercept)


def _centre_and_spread(X: Floats, weights: Doubles, intercept: bool) -> tuple[Doubles, Doubles]:
    """Return mean and deviation; columns whose squares leave float64 are measured once more."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        centre, square = _moments(X, weights, intercept)
    scale = np.sqrt(square)
    odd = ~((square > _SMALLEST_SQUARE) & (square < np.inf) & np.isfinite(centre))
    if odd.any():
        columns = X[:, odd].astype(np.float64)
        largest = np.abs(columns).max(axis=0)
        largest[largest == 0] = 1.0
        with np.errstate(under="ignore"):
            inner, square = _moments(columns / largest, weights, intercept)
        centre[odd], scale[odd] = inner * largest, np.sqrt(square) * largest
    return centre, scale


def _moments(X: Floats, weights: Doubles, about_mean: bool) -> tuple[Doubles, Doubles]:
    """Merge the moments of blocks of rows (Chan, Golub & LeVeque 1983)."""
    d = X.shape[1]
    mean, square, mass = np.zeros(d), np.zeros(d), 0.0
    for start in range(0, len(X), _BLOCK):
        w = weights[start : start + _BLOCK]
        more = w.sum()
        if more == 0:
            continue
        x = X[start : start + _BLOCK].astype(np.float64)
        block_mean = w @ x / more if about_mean else mean
        x -= block_mean
        x *= x
        mass += more
        shift = block_mean - mean
        mean = mean + shift * (more / mass)
        square += w @ x + shift * shift * more * (1 - more / mass)
    return mean, square
