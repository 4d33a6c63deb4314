"""A Hessian that can be divided by: scaled, its gauge filled, factored by Cholesky."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from luce.solvers.linear_softmax import Doubles

_TRUSTED_PIVOT = 1e-10  # of a matrix with unit diagonal: rounding changes it by 1e-3 at most


def with_gauge(hessian: Doubles, k: int) -> Doubles:
    """Fill the directions that no probability feels, in which neither gradient nor step moves."""
    d = len(hessian) // k
    blocks = hessian.reshape(k, d, k, d)
    for c in range(d):
        blocks[:, c, :, c] += blocks[np.arange(k), c, np.arange(k), c].mean() / k
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
        while True:
            try:
                added = scaled + jitter * np.eye(len(scaled))
                self._factor = cho_factor(added, check_finite=False)
                break
            except LinAlgError:  # rounding has made it indefinite
                jitter = max(10 * jitter, 1e-15)
        pivots = self._factor[0].diagonal() ** 2
        self.trusted = jitter == 0 and bool(pivots.min() > _TRUSTED_PIVOT)

    def solve(self, right: Doubles) -> Doubles:
        """Return the solution of the system for one right-hand side, or a matrix of them."""
        rows = right.reshape(len(self._scale), -1) * self._scale[:, None]
        solution = cho_solve(self._factor, rows, check_finite=False) * self._scale[:, None]
        return np.asarray(solution.reshape(right.shape))
