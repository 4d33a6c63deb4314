"""Newton's method without a Hessian: conjugate gradients, preconditioned class by class."""

import numpy as np

from luce import kernels
from luce.solvers.inner_product import inner
from luce.solvers.line_search import Point, point_at, search
from luce.solvers.linear_softmax import Doubles, Floats, LinearSoftmax
from luce.solvers.result import Journal, Result
from luce.solvers.whitening import Metric, class_whitening, shared_whitening

_MOST_PRODUCTS = 60  # with the Hessian, in one step
_ROUNDING = 1e-14  # a decrement below this share of f is noise


def newton_cg(
    objective: LinearSoftmax,
    start: Doubles,
    *,
    tol: float,
    max_iter: int,
    journal: Journal | None = None,
) -> Result:
    r"""Minimise by Newton steps from conjugate gradients, two products with the rows each.

    The preconditioner is that of `lbfgs`: the diagonal blocks of the Hessian at the point, from a
    sample of rows, or their diagonal. A step is solved for as far as the gradient deserves.

    Parameters
    ----------
    objective : LinearSoftmax
        Of k classes and d columns.
    start : (k, d) array
        Where to begin.
    tol : float
        Stop when the proven bound on (f - f*) / f* is at most this.
    max_iter : int
        At most this many Newton steps.
    journal : Journal, optional
        Where the history is written.

    Returns
    -------
    Result

    Notes
    -----
    Source: S. Eisenstat, H. Walker (1996), Choosing the forcing terms in an inexact Newton method,
    SIAM J. Sci. Comput. 17 (choice 2); C.-Y. Hsia, W.-L. Chiang, C.-J. Lin (2018), Preconditioned
    conjugate gradient methods in truncated Newton frameworks, ACML.
    """
    journal = journal or Journal()
    point = point_at(objective, objective.laid_out(start))
    metric: Metric = shared_whitening(objective)
    interrupted, previous = False, np.inf
    try:
        for iteration in range(max_iter):
            value = point.loss + objective.penalty_at(point.theta)
            gradient = objective.pull_back(point.residual, point.theta)
            if objective.gradient_gap(gradient) <= tol * value:
                journal.raise_lower_bound(objective.dual_value(point.theta, point.logits))
            journal.step(value, gradient, objective.accuracy(point.logits))
            if journal.relative_gap(value) <= tol:
                break
            if iteration > 0:
                metric = class_whitening(objective, point.theta, iteration)
            size = float(np.sqrt(inner(gradient, metric.solve(gradient))))
            forcing = min(0.5, (size / previous) ** 2) if previous < np.inf else 0.5
            previous = size
            direction = _conjugate_gradients(objective, point, gradient, metric, max(forcing, 1e-3))
            slope = inner(gradient, direction)
            if not -slope > _ROUNDING * value:
                break
            _, after = search(objective, point, direction, slope)
            if not after.loss + objective.penalty_at(after.theta) < value:
                break  # rounding is all that is left
            point = after
    except KeyboardInterrupt:
        interrupted = True
    value = point.loss + objective.penalty_at(point.theta)
    if not journal.relative_gap(value) < np.inf:
        journal.raise_lower_bound(objective.dual_value(point.theta, point.logits))
    return journal.result(point.theta, value, tol, interrupted)


def _conjugate_gradients(
    objective: LinearSoftmax, point: Point, gradient: Doubles, metric: Metric, forcing: float
) -> Doubles:
    """Return an approximate solution of ``H step = -gradient``."""
    p = objective.probabilities(point.logits)
    step = np.zeros_like(gradient)
    residual = -gradient
    solved = _centred(metric.solve(_centred(residual)))
    conjugate = solved.copy(order="K")
    size = first = inner(residual, solved)
    for _ in range(_MOST_PRODUCTS):
        bent = _times_hessian(objective, p, conjugate)
        curvature = inner(conjugate, bent)
        if not curvature > 0:
            break
        length = size / curvature
        step += length * conjugate
        residual -= length * bent
        solved = _centred(metric.solve(_centred(residual)))
        size, before = inner(residual, solved), size
        if not size > forcing**2 * first:
            break
        conjugate = solved + (size / before) * conjugate
    return step if step.any() else -_centred(metric.solve(_centred(gradient)))


def _times_hessian(objective: LinearSoftmax, p: Floats, step: Doubles) -> Doubles:
    along = objective.logits(step)
    kernels.softmax_curvature(p, along, objective.weights.astype(along.dtype), along)
    return objective.pull_back(along, step)


def _centred(matrix: Doubles) -> Doubles:
    return np.asarray(matrix - matrix.mean(axis=0))
