"""A Hessian that can be divided by: scaled, its gauge filled, factored by Cholesky."""

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from luce.solvers.linear_softmax import Doubles

_TRUSTED_PIVOT = 1e-10  # of a matrix with unit diagonal: rounding changes it by 1e-3 at most


def with_gauge(hessian: Doubles, k: int) -> Doubles:
    """Fill the directions that no probability feels, in which neither gradient nor step moves."""
    d = len(hessian) // k
    cells = hessian.reshape(k, d, k, d)
    classes, columns = np.arange(k), np.arange(d)
    means = cells[classes, :, classes, :][:, columns, columns].mean(axis=0) / k
    cells[:, columns, :, columns] += means[:, None, None]
    return hessian


class Factor:
    """Cholesky factor of a matrix that is scaled to a unit diagonal first.

    It is `trusted` where every pivot is far above rounding. A matrix that is singular but for
    rounding still gives a direction to go, with a little added to its diagonal; but the decrement
    then misses what could be gained along the directions that were filled, and proves nothing.
    """

    def __init__(self, matrix: Doubles) -> None:
        diagonal = matrix.diagonal()
        self._scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))  # 0: a column of zeros
        scaled = matrix * self._scale[:, None] * self._scale
        jitter = 0.0
        while True:  # LAPACK itself: half the time of a small problem would go into wrappers
            added = scaled + jitter * np.eye(len(scaled)) if jitter else scaled
            self._factor, failed = dpotrf(added.T, lower=1, clean=0)
            if not failed:
                break
            jitter = max(10 * jitter, 1e-15)  # rounding has made it indefinite
            if not np.isfinite(jitter):
                break  # there is a NaN in it
        pivots = self._factor.diagonal() ** 2
        self.trusted = jitter == 0 and bool(pivots.min() > _TRUSTED_PIVOT)

    def solve(self, right: Doubles) -> Doubles:
        """Return the solution of the system for one right-hand side, or a matrix of them."""
        rows = right.reshape(len(self._scale), -1) * self._scale[:, None]
        solution, _ = dpotrs(self._factor, rows, lower=1)
        solution *= self._scale[:, None]
        return np.ascontiguousarray(solution).reshape(right.shape)
