"""The quadratic model of a step where its matrix is too large: columns and probabilities."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from luce import kernels
from luce.solvers.design import Columns
from luce.solvers.linear_softmax import Doubles
from luce.solvers.penalised import Chosen, Penalised, Point, complement

_PASSES = 200


def minimise_by_columns(
    problem: Penalised, point: Point, p: Doubles, chosen: Chosen, damping: float, tol: float
) -> Doubles:
    """Return new values (m,) of the chosen coefficients, by coordinate descent on their model.

    Parameters
    ----------
    problem : Penalised
        The function; its penalty is that of the model.
    point : Point
        Where the model is that of the function in value, gradient and curvature.
    p : (n, k) array
        The probabilities there.
    chosen : Chosen
        The coefficients; blocks of the penalty one after another.
    damping : float
        What is added to the curvature of each coefficient, as a share of it.
    tol : float
        A pass in which no block is farther from its optimum, as a gradient, is the last.

    Notes
    -----
    A pass costs a few operations for each stored value of a chosen column and each of its chosen
    classes, whatever the number of rows and columns.
    """
    group = problem.penalty.group(problem.shape[0])
    kept = np.unique(chosen.columns)
    place = np.searchsorted(kept, chosen.columns).astype(np.int64)
    columns = problem.objective.design.by_column(kept)
    weights = problem.objective.weights
    shape = (problem.shape[0], len(weights))
    single = problem.single
    by_class = (p[:, :1] * p[:, 1:]).T if single else np.ascontiguousarray(p.T)
    # The columns are worked on without their shift, for a sparse column stays sparse only so; the
    # intercept takes it up.
    last = problem.shape[1] - 1
    gradient = (
        chosen.of(point.gradient) + columns.shift[place] * point.gradient[chosen.classes, last]
    )
    old = chosen.of(point.W)
    new, change, mean = old.copy(), np.zeros(shape), np.zeros(shape[1])
    blocks = place[::group].copy()
    bound = _bounds(columns, p, weights, blocks, chosen.classes, group)
    ridge = problem.ridge[chosen.columns] + damping * np.repeat(bound, group)
    bound += ridge[::group]
    kernels.descend_columns(
        columns.start, columns.rows, columns.values, blocks, chosen.classes, gradient, ridge, old,
        bound, problem.penalty.weight[chosen.columns[::group]], weights * by_class,
        None if single else by_class, change, mean, new, group, _PASSES, tol,
    )  # fmt: skip
    if not columns.shift.any():
        return new
    moved = chosen.placed(columns.shift[place] * (new - old), problem.shape).sum(axis=1)
    return new + np.where(chosen.columns == last, moved[chosen.classes], 0.0)


def _bounds(
    columns: Columns,
    p: Doubles,
    weights: Doubles,
    blocks: NDArray[np.int64],
    classes: NDArray[np.int64],
    group: int,
) -> Doubles:
    r"""Return the curvature of each coefficient, or a bound on the largest one in each group.

    With the variance of u about the mean of all but the largest probability p_w taken apart,
    :math:`u^T (\mathrm{diag}\,p - p p^T) u \le \sum_j m_j u_j^2` for :math:`m_w = 2 p_w (1 - p_w)`
    and :math:`m_j = \max(1, 2 p_w) p_j`; where p_w is at most one half, for m = p.
    """
    if group == 1:
        bend = p * complement(p)
    else:
        own = np.arange(len(p)), p.argmax(axis=1)
        top = p[own]
        bend = p * np.maximum(1, 2 * top)[:, None]
        bend[own] = top * np.minimum(1, 2 * complement(p)[own])
    squares = columns.values**2
    if columns.rows is None:
        held = squares.reshape(len(columns.start) - 1, -1)
    else:
        shape = (len(columns.start) - 1, len(p))
        held = sparse.csr_array((squares, columns.rows, columns.start), shape)
    by_class = np.asarray(held @ (weights[:, None] * bend))  # (c, k)
    if group == 1:
        return np.asarray(by_class[blocks, classes])
    return np.asarray(by_class[blocks].max(axis=1))
