"""The curvature of each class by the few rows that make it, and the diagonal of all others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from luce.solvers.blocks import each
from luce.solvers.linear_softmax import Doubles, Floats, LinearSoftmax

_LARGEST_MATRICES = 1 << 24  # numbers in the matrices of all classes: 128 MB
_SLIGHT = 0.05  # of the penalty: rows that bend a class less are left to the diagonal
_LEAST = 0.01  # of an intercept's curvature, that is always left to the diagonal


class RowWhitening:
    r"""For each class the rows that bend it most, spelled out, and the diagonal of the rest.

    .. math:: M_j = D_j + \sum_{i \in S_j} w_{ij} x_i x_i^T, \qquad w_{ij} = s_i p_{ij} (1 - p_{ij})

    Texts have more words than a matrix may have columns; but a class is bent by its own texts
    and those it is mistaken for, a few hundred. With Woodbury's identity

    .. math:: M_j^{-1} = D_j^{-1} - D_j^{-1} X^T (W^{-1} + X D_j^{-1} X^T)^{-1} X D_j^{-1}

    a division costs two products with those rows and one with a matrix of their number.

    Parameters
    ----------
    objective : LinearSoftmax
        The function.
    p : (n, k) array
        The probabilities at which the curvature is taken.
    most : int
        At most so many rows of a class are spelled out.

    Notes
    -----
    Source: M. Woodbury (1950), Inverting modified matrices, Statistical Research Group Princeton.
    """

    def __init__(self, objective: LinearSoftmax, p: Floats, most: int) -> None:
        k, d = objective.shape
        self._shape, self._order = (k, d), objective.design.order
        weights = objective.weights[:, None] * (p * (1 - p))  # (n, k)
        chosen = _chosen(objective, weights, most)
        rest = weights.copy()
        for j, rows in enumerate(chosen):
            rest[rows, j] = 0.0
        diagonal = objective.weighted_squares(rest)
        if objective.intercept:
            least = _LEAST * weights.sum(axis=0)
            diagonal[:, -1] = np.maximum(diagonal[:, -1], least)
        diagonal += objective.penalty
        diagonal += np.finfo(np.float32).tiny
        self._inverse_diagonal = np.reciprocal(diagonal, dtype=np.float64)
        self._ends = np.cumsum([0, *map(len, chosen)])

        def of_class(j: int) -> tuple[Any, Any]:
            return self._spelled_out(objective, j, chosen[j], weights[chosen[j], j])

        parts = list(each(of_class, range(k)))
        self._factors = [factor for _, factor in parts]
        self._rows = sparse.csr_array(sparse.vstack([rows for rows, _ in parts]))
        self._shift = objective.design.by_row(np.arange(0)).shift
        self._inverse_diagonal = self._inverse_diagonal.astype(objective.penalty.dtype, copy=False)

    def solve(self, gradient: Doubles) -> Doubles:
        """Return the step (k, d) that belongs to a gradient (k, d)."""
        step = gradient * self._inverse_diagonal
        if self._ends[-1] == 0:
            return step
        along = self._rows @ step.ravel(self._order)
        shifted = step @ self._shift.astype(step.dtype) if self._shift.any() else None
        totals = np.zeros(len(step), step.dtype)
        for j, (start, end) in enumerate(zip(self._ends[:-1], self._ends[1:], strict=True)):
            mine = along[start:end]
            if shifted is not None:
                mine -= shifted[j]
            if len(mine):
                mine[:] = cho_solve(self._factors[j], mine, check_finite=False)
            totals[j] = mine.sum()
        back = (self._rows.T @ along).reshape(self._shape, order=self._order)
        if shifted is not None:
            back -= np.outer(self._shift.astype(step.dtype), totals).T
        back *= self._inverse_diagonal
        step -= back
        return step

    def _spelled_out(
        self, objective: LinearSoftmax, j: int, chosen: NDArray[np.intp], weights: Floats
    ) -> tuple[Any, Any]:
        """Return a class's rows, with columns numbered as in memory, and what is divided by."""
        (k, d), stored = self._shape, objective.design.by_row(chosen)
        rows, shift = stored.matrix, stored.shift
        inverse = np.ascontiguousarray(self._inverse_diagonal[j])
        scaled = rows.astype(np.float64)
        scaled.data *= np.sqrt(inverse)[rows.indices]
        matrix = (scaled @ scaled.T).toarray()
        cross = rows @ (inverse * shift)
        matrix -= cross[:, None] + cross
        matrix += inverse @ np.square(shift)
        matrix[np.diag_indices(len(chosen))] += 1.0 / weights.astype(np.float64)
        placed = rows.indices.astype(np.int64 if k * d > np.iinfo(np.int32).max else np.int32)
        placed = placed * k + j if self._order == "F" else placed + j * d
        flat = sparse.csr_array((rows.data, placed, rows.indptr), shape=(len(chosen), k * d))
        if len(chosen) == 0:
            return flat, None
        return flat, cho_factor(matrix, lower=True, check_finite=False, overwrite_a=True)


def _chosen(objective: LinearSoftmax, weights: Floats, most: int) -> list[NDArray[np.intp]]:
    """Return for each class the rows that bend it most, beside the penalty."""
    k = objective.classes
    room = int(min(most, np.sqrt(_LARGEST_MATRICES / k)))
    free = objective.penalty > 0
    inverse = np.where(free, 1.0 / np.where(free, objective.penalty, 1.0), 0.0)
    bend = np.ascontiguousarray(weights.T) * objective.design.squares(inverse)  # (k, n)
    found = []
    for own in bend:
        rows = np.arange(len(own))
        if len(own) > room:
            rows = np.argpartition(own, len(own) - room)[len(own) - room :]
        found.append(np.sort(rows[own[rows] > _SLIGHT]))
    return found
