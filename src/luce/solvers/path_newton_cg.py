"""Newton-CG along a path of falling penalties, for more columns than a matrix may have."""

from dataclasses import replace
from typing import Any

import numpy as np

from luce import kernels
from luce.solvers.inner_product import inner
from luce.solvers.line_search import point_at, search
from luce.solvers.linear_softmax import Doubles, Floats, LinearSoftmax
from luce.solvers.result import Journal, Result
from luce.solvers.row_whitening import RowWhitening

_SPREAD = 8.0  # of the logits that the first step, along the gradient, may give a row
_FALL = 10.0  # of the penalty, from one level of the path to the next
_NEAR = 0.5  # gap of a level, as a share of its value, at which the next one is begun
_MOST_PRODUCTS = 60  # with the Hessian, in one step
_FORCING = 0.1
_ROWS, _ROWS_ON_THE_WAY = 120, 40  # of a class, that are spelled out
_LEAST_FORCING = 1e-3
_ENOUGH = 0.1  # of the gap that is asked for, promised by the gradient that a step leaves
_ROUNDING = 1e-14  # a decrement below this share of f is noise
_MODEST = 1e-30, 1e30  # penalties that float32 holds, also where they are divided by


def excess(objective: LinearSoftmax) -> float:
    """Return by how much the penalty must grow for the first step from zero to stay modest.

    That is a step along the gradient, as long as the penalty alone would have it. At most 1: the
    minimum is near zero, in the sense that most rows stay undecided.
    """
    free = objective.penalty > 0
    inverse = np.where(free, 1.0 / np.where(free, objective.penalty, 1.0), 0.0)
    _, gradient = objective.value_gradient(objective.laid_out(np.zeros(objective.shape)))
    logits = objective.logits(np.asarray(gradient * -inverse))
    spread = logits.max(axis=1) - logits.min(axis=1)
    return float(objective.weights @ spread) / _SPREAD


def path_newton_cg(
    objective: LinearSoftmax,
    start: Doubles,
    *,
    tol: float,
    max_iter: int,
    journal: Journal | None = None,
) -> Result:
    r"""Minimise by truncated Newton steps, preconditioned by the rows that bend each class.

    Where classes can be told apart and the penalty is small, Newton's steps from zero overshoot;
    the minimum for ten times the penalty is near, and from there they do not. So the penalty
    falls to its value by factors of ten, with about two steps on each level. Steps are
    computed in float32, what they lead to in float64.

    Parameters
    ----------
    objective : LinearSoftmax
        Of k classes and d columns; float64 rows.
    start : (k, d) array
        Where to begin; there is no path unless this is zero.
    tol : float
        Stop when the proven bound on (f - f*) / f* is at most this.
    max_iter : int
        At most this many steps.
    journal : Journal, optional
        Where the history is written.

    Returns
    -------
    Result

    Notes
    -----
    Source: U. Marteau-Ferey, F. Bach, A. Rudi (2019), Globally convergent Newton methods for
    ill-conditioned generalized self-concordant losses, NeurIPS 32 (the path); S. Eisenstat, H.
    Walker (1996), Choosing the forcing terms in an inexact Newton method, SIAM J. Sci. Comput. 17.
    """
    journal = journal or Journal()
    run = _Run(objective, objective.laid_out(start), tol, journal)
    interrupted = False
    try:
        for _ in range(max_iter):
            if not run.iterate():
                break
    except KeyboardInterrupt:
        interrupted = True
    value, point = run.value, run.point
    if not journal.relative_gap(value) < np.inf:
        journal.raise_lower_bound(objective.dual_value(point.theta, point.logits))
    return journal.result(point.theta, value, tol, interrupted)


class _Run:
    """The state of one minimisation."""

    def __init__(
        self, objective: LinearSoftmax, start: Doubles, tol: float, journal: Journal
    ) -> None:
        self.objective, self.tol, self.journal = objective, tol, journal
        low, high = _MODEST
        positive = objective.penalty[objective.penalty > 0]
        modest = bool(((positive > low) & (positive < high)).all())
        self._quick = objective.for_steps() if modest else objective
        self.point = point_at(objective, start)
        self._data_gradient = self._pulled()
        self._factor = 1.0 if start.any() else max(1.0, excess(objective))
        self._size = np.inf  # of the last gradient on this level, in its metric

    @property
    def value(self) -> float:
        """The function itself, whatever the level."""
        return self.point.loss + self.objective.penalty_at(self.point.theta)

    def iterate(self) -> bool:
        """Judge the point, and take a step; return whether there was one to take."""
        value = self.value
        gradient = self._gradient(1.0)
        on_level = self._descend_levels(gradient)
        if self.objective.gradient_gap(gradient) <= self.tol * value:
            bound = self.objective.dual_value(self.point.theta, self.point.logits)
            self.journal.raise_lower_bound(bound)
        self.journal.step(
            value,
            gradient,
            self.objective.accuracy(self.point.logits),
            **({"penalty_factor": self._factor} if self._factor > 1 else {}),
        )
        return self.journal.relative_gap(value) > self.tol and self._step(on_level)

    def _descend_levels(self, last: Doubles) -> Doubles:
        """Go on to the level on which there is something to do; return the gradient there."""
        while self._factor > 1:
            level, gradient = self._level(self.objective), self._gradient(self._factor)
            value = self.point.loss + level.penalty_at(self.point.theta)
            if level.gradient_gap(gradient) > _NEAR * value:
                return gradient
            self._factor = max(1.0, self._factor / _FALL)
            self._size = np.inf
        return last

    def _step(self, gradient: Doubles) -> bool:
        level, quick = self._level(self.objective), self._level(self._quick)
        direction = self._direction(quick, gradient).astype(np.float64)
        slope = inner(gradient, direction)
        value = self.point.loss + level.penalty_at(self.point.theta)
        if not -slope > _ROUNDING * value:
            return False
        _, after = search(level, self.point, direction, slope)
        if not after.loss + level.penalty_at(after.theta) < value:
            return False  # rounding is all that is left
        self.point = after
        self._data_gradient = self._pulled()
        return True

    def _direction(self, quick: LinearSoftmax, gradient: Doubles) -> Floats:
        """Return an approximate solution of ``H step = -gradient``, by conjugate gradients."""
        dtype = quick.penalty.dtype
        p = quick.probabilities(self.point.logits.astype(quick.dtype))
        metric = RowWhitening(quick, p, _ROWS if self._factor == 1 else _ROWS_ON_THE_WAY)
        weights = quick.weights.astype(quick.dtype)
        residual = -gradient.astype(dtype)
        solved = _centred(metric.solve(residual))
        conjugate: Any = solved.copy(order="K")
        step = np.zeros_like(solved)
        size = first = inner(residual, solved)
        ratio = first / self._size if self._size < np.inf else 1.0  # of squares, as they are
        forcing, self._size = max(min(_FORCING, ratio), _LEAST_FORCING), first
        enough = _ENOUGH * self.tol * self.value if self._factor == 1 else 0.0
        for _ in range(_MOST_PRODUCTS):
            along = quick.logits(conjugate)
            kernels.softmax_curvature(p, along, weights, along)
            bent = quick.pull_back(along, conjugate)
            curvature = inner(conjugate, bent)
            if not curvature > 0:
                break
            length = dtype.type(size / curvature)
            step += length * conjugate
            bent *= length
            residual -= bent
            solved = _centred(metric.solve(residual))
            size, before = inner(residual, solved), size
            if not size > forcing**2 * first or quick.gradient_gap(residual) <= enough:
                break
            conjugate *= dtype.type(size / before)
            conjugate += solved
        return step if step.any() else solved

    def _level(self, objective: LinearSoftmax) -> LinearSoftmax:
        """Return the function with the penalty of the level."""
        factor = objective.penalty.dtype.type(self._factor)
        return replace(objective, penalty=factor * objective.penalty)

    def _pulled(self) -> Doubles:
        return self.objective.pulled(self.point.residual)

    def _gradient(self, factor: float) -> Doubles:
        gradient = (factor * self.objective.penalty) * self.point.theta
        gradient += self._data_gradient
        return gradient


def _centred(matrix: Floats) -> Floats:
    matrix -= matrix.mean(axis=0)
    return matrix
