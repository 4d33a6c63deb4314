"""Features without units: each column centred and divided by its standard deviation.

A linear model does not care about the units of its features, but every iterative solver does.
The solvers therefore work on standardised columns, while the penalty stays the user's: a
coefficient w of a column with deviation sigma is w sigma there, so its penalty is divided by
sigma squared. The optimum is the same; only the road to it is.
"""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from luce.estimators.sparse_tables import check_places
from luce.solvers import DenseDesign, Design, RawDesign, SparseDesign, Survey

Doubles = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]

_BLOCK_CELLS = 1 << 15  # worked on at a time, in the cache
_SPARSE_BLOCK = 1 << 20  # stored numbers
_SHARE_OF_MEMORY = 0.25  # of the machine's memory, that a copy may take
_SMALLEST_MEMORY = 4 << 30  # bytes, assumed where the system does not tell
_STEEPEST = 1e-6  # of a centre; what is taken off a sparse column must not drown its spread
_CONSTANT = 8 * np.finfo(float).eps  # a spread below this share of the values is rounding
_SMALLEST_SQUARE = 1e-280  # smaller squares have lost digits
_LARGEST_PENALTY = 1e100  # theta is 0 from here on; more would overflow where it is squared
_SMALLEST_PENALTY = 1e-100  # below it, it changes no value that float64 can hold


class Units(NamedTuple):
    """The centre and spread of each column, in which coefficients are translated."""

    centre: Doubles  # (d,)
    scale: Doubles  # (d,) positive; infinite for columns that are left out
    penalty: Doubles  # of each standardised column, and 0 for the intercept
    intercept: bool

    def rows(self, X: Floats, dtype: Any) -> Floats:
        """Return the standardised columns, with a last column of ones for the intercept."""
        n, d = X.shape
        result = np.empty((n, d + self.intercept), dtype)
        if self.intercept:
            result[:, -1] = 1
        for part in _parts(n, d):
            block = result[part, :d]
            np.subtract(X[part], self.centre.astype(dtype), out=block, dtype=dtype)
            np.divide(block, self.scale.astype(dtype), out=block)
        return result

    def design(self, X: Any, dtype: Any) -> Design:
        """Return the standardised columns behind the protocol of the solvers.

        Sparse tables stay sparse. Dense ones are copied once where memory has room for it; tables
        in a mapped file, and too large ones, are standardised block by block in every pass.
        """
        if sparse.issparse(X):
            return self._sparse_design(X, dtype)
        size = X.shape[0] * (X.shape[1] + self.intercept) * np.dtype(dtype).itemsize
        if _is_mapped(X) or size > _SHARE_OF_MEMORY * _memory():
            return RawDesign(X, self.centre, self.scale, self.intercept, np.dtype(dtype))
        return DenseDesign(self.rows(X, dtype))

    def _sparse_design(self, X: Any, dtype: Any) -> SparseDesign:
        data = X.data.astype(dtype)
        data /= self.scale.astype(dtype)[X.indices]
        matrix = sparse.csr_array((data, X.indices, X.indptr), shape=X.shape)
        return SparseDesign(matrix, self.centre / self.scale, self.intercept)

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
        inner = coef * np.where(self.scale == np.inf, 0.0, self.scale)
        return np.column_stack([inner, intercept + coef @ self.centre])


def units(X: Any, weights: Doubles, *, intercept: bool, strength: float) -> Units:
    """Measure the weighted mean and deviation of each column in one pass over the rows.

    Without an intercept nothing may be moved: the centre is 0 and the spread is about 0.
    `weights` sum to 1; `strength` is the penalty of the columns as they came.
    """
    if sparse.issparse(X):
        check_places(X)
        lowest, highest = _sparse_ends(X)
        centre, scale = _sparse_centre_and_spread(
            X, weights, intercept, np.maximum(-lowest, highest).astype(np.float64)
        )
        constant = (highest == lowest) & (intercept | (highest == 0))
        scale = np.maximum(scale, _STEEPEST * np.abs(centre))
        scale[constant & (centre != 0)] = np.inf  # to be left out: the intercept says the same
    else:
        centre, scale = _centre_and_spread(X, weights, intercept)
        constant = ~(scale > _CONSTANT * np.abs(centre))
        centre[constant] = X[weights.argmax(), constant] if intercept else 0.0
        scale[constant] = np.abs(centre[constant])
    scale[constant & (centre == 0)] = 1.0
    return _with_penalty(centre, scale, intercept=intercept, strength=strength)


def surveyed_units(found: Survey, *, intercept: bool, strength: float) -> Units:
    """Return the units of a stream, from the moments that its survey has found."""
    return units_of_moments(
        found.mean,
        found.squares,
        found.first,
        found.largest,
        intercept=intercept,
        strength=strength,
    )


def units_of_moments(
    mean: Doubles,
    variance: Doubles,
    first: Doubles,
    largest: Doubles,
    *,
    intercept: bool,
    strength: float,
) -> Units:
    """Return the units of columns of which moments, a value and the largest size are known."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        square = variance if intercept else variance + mean**2
        scale = np.sqrt(square)
    centre = mean.copy() if intercept else np.zeros_like(mean)
    odd = ~((square > _SMALLEST_SQUARE) & (square < np.inf) & np.isfinite(mean))
    scale[odd] = largest[odd]  # not the spread, but any positive scale is right
    constant = ~(scale > _CONSTANT * np.abs(mean)) | (largest == 0)
    centre[odd | constant] = first[odd | constant] if intercept else 0.0
    scale[constant] = np.where(largest == 0, 1.0, largest)[constant]
    return _with_penalty(centre, scale, intercept=intercept, strength=strength)


def _with_penalty(centre: Doubles, scale: Doubles, *, intercept: bool, strength: float) -> Units:
    # Any positive scale is right; this one keeps the penalty of tiny columns finite.
    scale = np.maximum(scale, np.sqrt(strength / _LARGEST_PENALTY))
    with np.errstate(under="ignore"):
        penalty = strength / scale / scale
    penalty[penalty < _SMALLEST_PENALTY] = 0.0
    penalty[scale == np.inf] = strength
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


def _parts(n: int, d: int) -> Iterator[slice]:
    step = max(256, _BLOCK_CELLS // max(1, d))
    return (slice(start, start + step) for start in range(0, n, step))


def _moments(X: Floats, weights: Doubles, about_mean: bool) -> tuple[Doubles, Doubles]:
    """Merge the moments of blocks of rows (Chan, Golub & LeVeque 1983)."""
    d = X.shape[1]
    mean, square, mass = np.zeros(d), np.zeros(d), 0.0
    for part in _parts(len(X), d):
        w = weights[part]
        more = w.sum()
        if more == 0:
            continue
        x = X[part].astype(np.float64)
        block_mean = w @ x / more if about_mean else mean
        x -= block_mean
        x *= x
        mass += more
        shift = block_mean - mean
        mean = mean + shift * (more / mass)
        square += w @ x + shift * shift * more * (1 - more / mass)
    return mean, square


def _sparse_ends(X: Any) -> tuple[Floats, Floats]:
    """Return the smallest and the largest number of each column, 0 where one is not stored."""
    columns = X.tocsc()
    columns.sum_duplicates()
    counts = np.diff(columns.indptr)
    filled, starts = counts > 0, columns.indptr[:-1]
    ends = []
    for extreme in (np.minimum, np.maximum):
        end = np.zeros(X.shape[1], columns.dtype)
        if filled.any():
            end[filled] = extreme.reduceat(columns.data, starts[filled])
        ends.append(np.where(counts < X.shape[0], extreme(end, 0), end))
    return ends[0], ends[1]


def _sparse_centre_and_spread(
    X: Any, weights: Doubles, intercept: bool, largest: Doubles
) -> tuple[Doubles, Doubles]:
    """Return mean and deviation from the stored numbers; what is not stored deviates by the mean.

    Columns are divided by their `largest` number first, so that no square leaves float64.
    """
    largest = np.where(largest == 0, 1.0, largest)
    mean, square, mass = np.zeros((3, X.shape[1]))
    for indices, w, x in _stored(X, weights, largest):
        mean += np.bincount(indices, w * x, len(mean))
        mass += np.bincount(indices, w, len(mean))
    if not intercept:
        mean[:] = 0.0
    for indices, w, x in _stored(X, weights, largest):
        square += np.bincount(indices, w * np.square(x - mean[indices]), len(mean))
    square += np.square(mean) * np.maximum(weights.sum() - mass, 0.0)
    return mean * largest, np.sqrt(square) * largest


def _stored(X: Any, weights: Doubles, unit: Doubles) -> Iterator[tuple[Any, Doubles, Doubles]]:
    """Yield column, weight and value of the stored numbers, in pieces of whole rows."""
    step = max(1, _SPARSE_BLOCK * X.shape[0] // max(1, X.nnz))
    for start in range(0, X.shape[0], step):
        stop = min(start + step, X.shape[0])
        some = slice(X.indptr[start], X.indptr[stop])
        w = np.repeat(weights[start:stop], np.diff(X.indptr[start : stop + 1]))
        indices = X.indices[some]
        with np.errstate(under="ignore"):
            yield indices, w, X.data[some].astype(np.float64) / unit[indices]


def _is_mapped(X: Any) -> bool:
    """Return whether an array is a view of a file in memory."""
    while isinstance(X, np.ndarray):
        if isinstance(X, np.memmap):
            return True
        X = X.base
    return False


def _memory() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # not everywhere
        return float(_SMALLEST_MEMORY)
