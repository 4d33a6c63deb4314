"""Cholesky factor of a symmetric matrix whose parameters have units of their own."""

from typing import final

import numpy as np
from scipy.linalg import lapack, solve_triangular

from luce.solvers.linear_softmax import Doubles

_SMALLEST_PIVOT = 1e-12  # of a matrix with unit diagonal; rounding is about 1e-15 a row


@final
class ScaledCholesky:
    """``scale A scale = R^T R`` with a unit diagonal, so that no unit decides what is small.

    Parameters
    ----------
    matrix : (m, m) array
        Symmetric.

    Attributes
    ----------
    dependent : int or None
        The first row that is a combination of the rows before it, up to rounding; None: the matrix
        is positive definite, and the methods may be called.
    """

    def __init__(self, matrix: Doubles) -> None:
        diagonal = matrix.diagonal()
        positive = diagonal > 0
        self._scale = 1 / np.sqrt(np.where(positive, diagonal, 1.0))
        scaled = matrix * self._scale[:, None] * self._scale
        self._upper, info = lapack.dpotrf(scaled, lower=0, clean=1)
        self.dependent: int | None = None
        small = ~(self._upper.diagonal()[: info - 1 if info > 0 else None] ** 2 > _SMALLEST_PIVOT)
        if not positive.all():
            self.dependent = int(np.flatnonzero(~positive)[0])
        elif small.any():
            self.dependent = int(np.flatnonzero(small)[0])
        elif info > 0:
            self.dependent = info - 1

    def solve(self, right: Doubles) -> Doubles:
        """Return ``A^-1 right`` for one right-hand side (m,) or a matrix of them (m, r)."""
        rows = (right.T * self._scale).T
        half = solve_triangular(self._upper, rows, trans="T", check_finite=False)
        solution = solve_triangular(self._upper, half, check_finite=False)
        return np.asarray((solution.T * self._scale).T)

    def inverse(self) -> Doubles:
        """Return ``A^-1`` (m, m), symmetric to the last bit."""
        root = solve_triangular(self._upper, np.diag(self._scale), trans="T", check_finite=False)
        return np.asarray(root.T @ root)
