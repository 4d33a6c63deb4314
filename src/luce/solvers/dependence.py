"""Columns that say nothing new: combinations of the others."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from luce.solvers.linear_softmax import Doubles, LinearSoftmax

_ROUNDING = 1e-13  # of a column of norm 1
_WIDEST = 4000  # columns; what the factorisation of more would cost, no Hessian is worth


def independent_columns(objective: LinearSoftmax) -> NDArray[np.intp]:
    """Return columns that span all of them, none a combination of the others up to rounding.

    Asked where nothing is penalised: there a dependent column (the last of a one-hot group beside
    an intercept, say) leaves the minimum as it is and only hides it behind a singular Hessian.
    With a penalty all columns are returned, for then every one matters; and so they are where
    there are more than 4,000, for then no Hessian fits in any case.

    Notes
    -----
    From a QR factorisation with pivots, which sees dependence to 1e-13; in the Gram matrix, whose
    condition is the square, everything below 1e-8 looks the same. Blocks of rows are factorised
    one after another, each below the triangle of those before it. Cost: 4 n d^2 operations.
    """
    d = objective.design.shape[1]
    if objective.penalty.any() or d > _WIDEST:
        return np.arange(d)
    triangle = _triangle(objective)
    if objective.intercept:  # it came first: what is left below its row are the centred columns
        norms, triangle = np.linalg.norm(triangle[:, 1:], axis=0), triangle[1:, 1:]
    else:
        norms = np.linalg.norm(triangle, axis=0)
    left = np.linalg.norm(triangle, axis=0)
    scaled = triangle * np.where(left > _ROUNDING * norms, 1 / np.where(left > 0, left, 1.0), 0.0)
    r, order = qr(scaled, mode="r", pivoting=True, overwrite_a=True, check_finite=False)
    rank = np.count_nonzero(np.abs(r.diagonal()) > _ROUNDING)
    kept = np.sort(order[:rank]).astype(np.intp)
    return np.append(kept, d - 1) if objective.intercept else kept


def with_columns(objective: LinearSoftmax, kept: NDArray[np.intp]) -> LinearSoftmax:
    """Return the function of some of the columns (of all: itself)."""
    if len(kept) == objective.design.shape[1]:
        return objective
    return replace(
        objective, design=objective.design.columns(kept), penalty=objective.penalty[kept]
    )


def _triangle(objective: LinearSoftmax) -> Doubles:
    """Return R of the weighted rows, with the intercept as the first column."""
    d = objective.design.shape[1]
    triangle = np.zeros((0, d))

    def weighted(part: slice, x: Doubles) -> Doubles:
        rows: Doubles = np.roll(x, objective.intercept, axis=1)
        rows *= np.sqrt(objective.weights[part])[:, None]
        return rows

    for rows in objective.design.each_dense(weighted, 8 * d):
        stacked = np.vstack([triangle, rows])
        triangle = qr(stacked, mode="r", overwrite_a=True, check_finite=False)[0][:d]
    return triangle
