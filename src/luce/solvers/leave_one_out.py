"""Approximate leave-one-out: what each row's logits would be had the row not been there."""

import numpy as np
from scipy.linalg import solve_triangular

from luce.solvers.factor import Factor, with_gauge
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.sampled_grams import sampled_grams

LARGEST_HESSIAN = 3000  # parameters: 72 MB


def leave_one_out_logits(objective: LinearSoftmax, theta: Doubles) -> Doubles:
    r"""Return the logits (n, k) of each row under the model without that row.

    One Newton step from the minimum of all rows to that of all rows but one. With the Hessian H
    at theta, :math:`A_i = X_i H^{-1} X_i^T` (k, k), :math:`W_i = \mathrm{diag}\,p_i - p_i p_i^T`
    and the residual :math:`r_i = p_i - t_i`

    .. math:: z_{(-i)} = z_i + s_i (I - s_i A_i W_i)^{-1} A_i r_i ,

    derived in ``docs/choosing_C.md``: no model is fitted again, and one factorisation serves all
    rows.

    Parameters
    ----------
    objective : LinearSoftmax
        Of n rows, k classes and d columns.
    theta : (k, d) array
        Its minimum, or nearly so: what is left of the gradient is not corrected.

    Returns
    -------
    (n, k) array of float64
        A row of weight 0 has its logits unchanged.

    Notes
    -----
    Cost: two Hessians, about 2 n (kd)^2 operations. Above 3000 parameters H is replaced by its
    diagonal blocks, one a class, projected to the space where the classes' columns sum to 0: 2 k
    n d^2 operations, and a coarser result.

    Source: K. Rad, A. Maleki (2020), A scalable estimate of the out-of-sample prediction error via
    approximate leave-one-out cross-validation, JRSS B 82, theorem 1, with k outputs a row.
    """
    objective = objective.in_double()
    z = objective.logits(theta).astype(np.float64)
    p: Doubles = objective.probabilities(z).astype(np.float64, copy=False)
    _, residual = objective.at_logits(z, theta)  # s (p - t)
    exact = theta.size <= LARGEST_HESSIAN
    leverage = _FromHessian(objective, p) if exact else _FromClassBlocks(objective, p)
    identity = np.eye(objective.classes)

    def of_rows(part: slice, x: Doubles) -> tuple[slice, Doubles]:
        a = leverage.of(x)  # (b, k, k)
        w = _curvatures(p[part], objective.weights[part])
        moved = np.einsum("bjl,bl->bj", a, residual[part])[:, :, None]
        return part, np.linalg.solve(identity - a @ w, moved)[:, :, 0]

    for part, moved in objective.design.each_dense(of_rows, leverage.row_bytes):
        z[part] += moved
    return z


def _curvatures(p: Doubles, weights: Doubles) -> Doubles:
    """Return ``s_i (diag p_i - p_i p_i^T)``, shape (b, k, k)."""
    k = p.shape[1]
    w = -(weights[:, None] * p)[:, :, None] * p[:, None, :]
    w[:, np.arange(k), np.arange(k)] += weights[:, None] * p
    return np.asarray(w)


class _FromHessian:
    """``A_i`` from the whole inverse."""

    def __init__(self, objective: LinearSoftmax, p: Doubles) -> None:
        self._k, self._d = k, d = objective.shape
        factor = Factor(with_gauge(objective.hessian(p), k))
        self._cells = factor.solve(np.eye(k * d)).reshape(k, d, k, d)
        self.row_bytes = 8 * k * d

    def of(self, x: Doubles) -> Doubles:
        k, d = self._k, self._d
        a = np.empty((len(x), k, k))
        for j in range(k):  # symmetric: the classes from j on
            through = (x @ self._cells[j, :, j:].reshape(d, -1)).reshape(len(x), k - j, d)
            a[:, j, j:] = a[:, j:, j] = np.einsum("bld,bd->bl", through, x)
        return a


class _FromClassBlocks:
    """``A_i`` from the diagonal blocks alone, each factored by itself."""

    def __init__(self, objective: LinearSoftmax, p: Doubles) -> None:
        self._k, d = objective.shape
        every_row = 1 << 62  # more draws than rows: none is left out
        grams = sampled_grams(objective, p, every_row, 0)
        self._roots = [_root(gram + np.diag(objective.penalty)) for gram in grams]
        self.row_bytes = 8 * d

    def of(self, x: Doubles) -> Doubles:
        h = np.empty((len(x), self._k))
        for j, (scale, lower) in enumerate(self._roots):
            half = solve_triangular(lower, (x * scale).T, lower=True, check_finite=False)
            h[:, j] = np.einsum("db,db->b", half, half)
        centred = np.eye(self._k) - 1 / self._k
        return np.asarray(np.einsum("jm,bm,lm->bjl", centred, h, centred))


def _root(matrix: Doubles) -> tuple[Doubles, Doubles]:
    """Return the scaling to a unit diagonal and the Cholesky factor after it."""
    diagonal = matrix.diagonal()
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = matrix * scale[:, None] * scale
    eigenvalues, vectors = np.linalg.eigh(scaled)
    floor = 1e-13 * max(1.0, float(eigenvalues[-1]))
    kept = np.maximum(eigenvalues, floor)
    return scale, np.linalg.cholesky((vectors * kept) @ vectors.T + floor * np.eye(len(kept)))
