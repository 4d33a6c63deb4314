"""A quadratic model with a penalty that shrinks, minimised where its matrix can be spelled out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from luce import kernels

Doubles = NDArray[np.float64]

_PASSES = 40  # of coordinate descent, between two Newton steps
_ROUNDS = 30
_JITTER = 1e-10  # of a matrix with unit diagonal: keeps dependent coefficients apart
_OF_STEP = (1.0, 0.3, 0.1, 0.01)  # lengths of a Newton step for groups, which do not cross zero


@dataclass(frozen=True)
class Quadratic:
    r"""``gradient (v - origin) + (v - origin) matrix (v - origin) / 2 + sum_b weight_b |v_b|_2``.

    Parameters
    ----------
    matrix : (m, m) array of float64
        Symmetric, without negative eigenvalues.
    gradient, origin : (m,) arrays
        The model is exact in value and gradient at `origin`.
    weight : (m / group,) array
        Of the 2-norm of each block of `group` neighbours; blocks of 1 are the lasso.
    group : int
        The size of a block.
    """

    matrix: Doubles
    gradient: Doubles
    origin: Doubles
    weight: Doubles
    group: int = 1

    def minimise(self, tol: float) -> Doubles:
        """Return the minimiser, up to a distance `tol` of minus the gradient from the subgradients.

        Passes of coordinate descent find out which coefficients are zero, and a Newton step on
        those that are not brings them to their values, however they depend on each other. Neither
        ever raises the model.
        """
        v, slope = self.origin.copy(), self.gradient.copy()
        bound = self._bounds()
        for _ in range(_ROUNDS):
            kernels.descend_matrix(
                self.matrix, slope, v, bound, self.weight, self.group, _PASSES, 0.1 * tol
            )
            if self._distance(v, slope) <= tol:
                break
            alive = len(v) + 1
            while np.count_nonzero(v) < alive:  # what a step sends to zero stays there for a while
                alive = int(np.count_nonzero(v))
                v, slope = self._newton(v, slope)
        return v

    def value(self, v: Doubles, slope: Doubles) -> float:
        """Return the model at v, relative to its smooth part at the origin."""
        smooth = 0.5 * float((self.gradient + slope) @ (v - self.origin))
        return smooth + float(self.weight @ self._sizes(v))

    def _sizes(self, v: Doubles) -> Doubles:
        return np.asarray(np.linalg.norm(v.reshape(-1, self.group), axis=1))

    def _bounds(self) -> Doubles:
        """Return the largest eigenvalue of each block on the diagonal."""
        g = self.group
        if g == 1:
            return self.matrix.diagonal().copy()
        starts = np.arange(0, len(self.matrix), g)
        cells = np.stack([self.matrix[i : i + g, i : i + g] for i in starts])
        return np.asarray(np.maximum(np.linalg.eigvalsh(cells)[:, -1], 0.0))

    def _directions(self, v: Doubles) -> Doubles:
        """Return the gradient of the penalty where it has one; 0 in blocks that are zero."""
        size = self._sizes(v)
        factor = self.weight / np.where(size > 0, size, 1.0)
        return np.asarray(v * np.repeat(factor, self.group))

    def _distance(self, v: Doubles, slope: Doubles) -> float:
        """Return how far minus the gradient is from the subdifferential of the penalty."""
        left = self._sizes(slope + self._directions(v))
        at_zero = np.maximum(left - self.weight, 0.0)
        return float(np.where(self._sizes(v) > 0, left, at_zero).max(initial=0.0))

    def _newton(self, v: Doubles, slope: Doubles) -> tuple[Doubles, Doubles]:
        """Move the coefficients that are not zero, as far as that lowers the model."""
        alive = self._sizes(v) > 0
        alive |= self.weight == 0
        own = np.flatnonzero(np.repeat(alive, self.group))
        if not len(own):
            return v, slope
        right = -(slope + self._directions(v))[own]
        try:
            step = _solved(self.matrix[np.ix_(own, own)] + self._bend(v, own), right)
        except LinAlgError:
            return v, slope
        found = [(after, slope + (after - v)[own] @ self.matrix[own])
                 for after in self._candidates(v, own, step, right)]  # fmt: skip
        return min([(v, slope), *found], key=lambda place: self.value(*place))

    def _bend(self, v: Doubles, own: NDArray[np.intp]) -> Doubles | float:
        """Return the second derivative of the 2-norms among some coefficients."""
        if self.group == 1:
            return 0.0
        size = np.repeat(self._sizes(v), self.group)[own]
        safe = np.where(size > 0, size, 1.0)
        unit = v[own] / safe
        factor = np.repeat(self.weight, self.group)[own] / safe
        block = own // self.group
        cells = (block[:, None] == block) * factor[:, None]
        bend: Doubles = cells * (np.eye(len(own)) - np.outer(unit, unit))
        return bend

    def _candidates(
        self, v: Doubles, own: NDArray[np.intp], step: Doubles, right: Doubles
    ) -> list[Doubles]:
        """Return where the step may lead.

        Single coefficients: the whole step, but what would change its sign stops at zero; and to
        the minimum along the line, across zeros: a matrix that is singular has long ways on which
        the signs alone decide.
        """
        if self.group > 1:
            return [_moved(v, own, v[own] + length * step) for length in _OF_STEP]
        old, weight = v[own], self.weight[own]
        crossing = (old * step < 0) & (weight > 0)
        way = np.full(len(own), np.inf)
        way[crossing] = -old[crossing] / step[crossing]
        stopped = np.where(way <= 1, 0.0, old + step)
        bend = float(step @ self.matrix[np.ix_(own, own)] @ step)
        length = _lowest(way, 2 * weight * np.abs(step), float(-right @ step), bend)
        across = np.where(way == length, 0.0, old + length * step)
        return [_moved(v, own, stopped), _moved(v, own, across)]


def _moved(v: Doubles, own: NDArray[np.intp], values: Doubles) -> Doubles:
    after = v.copy()
    after[own] = values
    return after


def _lowest(kinks: Doubles, jumps: Doubles, slope: float, bend: float) -> float:
    """Return where a line's slope, ``slope + bend t`` and the jumps at its kinks, is no longer < 0.

    0 where it rises at once, and where it falls without an end.
    """
    for k in np.argsort(kinks):
        if kinks[k] == np.inf or slope + bend * kinks[k] >= 0:
            break
        slope += jumps[k]
        if slope + bend * kinks[k] >= 0:
            return float(kinks[k])
    return max(0.0, -slope / bend) if bend > 0 else 0.0


def _solved(matrix: Doubles, right: Doubles) -> Doubles:
    """Return the solution with a symmetric matrix that may be singular."""
    diagonal = matrix.diagonal()
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = matrix * scale[:, None] * scale
    scaled[np.diag_indices(len(scaled))] += _JITTER
    factor = cho_factor(scaled, overwrite_a=True, check_finite=False)
    return np.asarray(cho_solve(factor, right * scale, check_finite=False) * scale)
