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


class Units(NamedTuple):
    """The centre and spread of each column, in which coefficients are translated."""

    centre: Doubles  # (d,)
    scale: Doubles  # (d,) positive
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

    def penalty(self, strength: float) -> Doubles:
        """Return the penalty of each standardised column (and 0 for the intercept)."""
        with np.errstate(under="ignore"):
            penalty = strength / self.scale / self.scale
        return np.append(penalty, 0.0) if self.intercept else penalty

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


def units(X: Floats, weights: Doubles, *, intercept: bool) -> Units:
    """Measure the weighted mean and deviation of each column in one pass over the rows.

    Without an intercept nothing may be moved: the centre is 0 and the spread is about 0.
    `weights` sum to 1. Columns that do not vary get the spread 1.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        centre, square = _moments(X, weights, intercept)
    if not (np.isfinite(centre).all() and np.isfinite(square).all()):  # squares overflow
        largest = np.abs(X).max(axis=0).astype(np.float64)
        largest[largest == 0] = 1.0
        inner = units(X / largest, weights, intercept=intercept)
        return Units(inner.centre * largest, inner.scale * largest, intercept)
    scale = np.sqrt(square)
    scale[~(scale > _CONSTANT * np.abs(centre))] = 1.0
    return Units(centre, scale, intercept)


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
