"""Newton's method with the full Hessian, for models of up to about a thousand parameters."""

import numpy as np

from luce.solvers.certificate import self_concordant_gap
from luce.solvers.dependence import independent_columns, with_columns
from luce.solvers.factor import Factor
from luce.solvers.line_search import Point, point_at, search
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.result import Journal, Result

_FIRST_EXTRA = 1e-2  # of the path of decreasing penalties, in units of the features' variances
_EXTRA_FALL = 10.0
_LAST_EXTRA = 1e-12  # where there is no penalty at all
_ROUNDING = 1e-14  # a decrement below this share of f is noise


def newton(
    objective: LinearSoftmax,
    start: Doubles,
    *,
    tol: float,
    max_iter: int,
    journal: Journal | None = None,
) -> Result:
    r"""Minimise by Newton steps with an exact Hessian and a line search on the logits.

    Most problems take 5 to 15 plain steps. Where a full step would overshoot (heavy tails,
    classes that nearly separate), the same minimum is reached along a path of decreasing
    penalties, on which every problem begins inside the region where Newton's method is quick.

    Parameters
    ----------
    objective : LinearSoftmax
        Of k classes and d columns; float64 rows.
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
    Cost of a step: n (kd)^2 + (kd)^3 / 3 operations, (kd)^2 numbers of memory.

    Source: U. Marteau-Ferey, F. Bach, A. Rudi (2019), Globally convergent Newton methods for
    ill-conditioned generalized self-concordant losses, NeurIPS 32 (the path).
    """
    journal = journal or Journal()
    kept = independent_columns(objective)
    part = with_columns(objective, kept)
    result = _newton(part, start[:, kept], tol=tol, max_iter=max_iter, journal=journal)
    theta = np.zeros(objective.shape)
    theta[:, kept] = result.theta
    return result._replace(theta=theta)


def _newton(
    objective: LinearSoftmax, start: Doubles, *, tol: float, max_iter: int, journal: Journal
) -> Result:
    path = _Path(objective, start - start.mean(axis=0))
    interrupted = False
    try:
        for _ in range(max_iter):
            here = _Step(path.objective, path.point)
            value = path.record(here)
            _prove_by_duality(objective, here, value, tol, journal)
            extra = {"extra_penalty": path.extra} if path.extra > 0 else {}
            journal.step(value, here.gradient, here.accuracy, **extra)
            if journal.relative_gap(value) <= tol:
                break
            here.divide()
            if path.extra == 0:
                journal.raise_lower_bound(value - here.gap(tol))
                journal.amend(value)
            converged = journal.relative_gap(value) <= tol
            if path.exhausted(here):
                break
            path.follow(here, *here.line_search(), last=converged)
            if converged:
                break
    except KeyboardInterrupt:
        interrupted = True
    value, point = path.best()
    if not journal.relative_gap(value) < np.inf:  # say at least something
        journal.raise_lower_bound(objective.dual_value(point.theta, point.logits))
    return journal.result(point.theta, value, tol, interrupted)


def _prove_by_duality(
    objective: LinearSoftmax, here: "_Step", value: float, tol: float, journal: Journal
) -> None:
    """Ask for the dual bound where it may do: it needs no Hessian."""
    if objective.gradient_gap(here.gradient) <= 2 * tol * value:
        point = here.point
        journal.raise_lower_bound(objective.dual_value(point.theta, point.logits))


class _Path:
    """Where the iteration stands: plain Newton first, along decreasing penalties if that fails."""

    def __init__(self, objective: LinearSoftmax, start: Doubles) -> None:
        self._objective = objective
        self._start = self.point = point_at(objective, start)
        self.extra = 0.0
        self._plain = True
        self._best = np.inf, self.point
        penalised = objective.penalty[objective.penalty > 0]
        self._smallest = penalised.min() if len(penalised) else _LAST_EXTRA

    @property
    def objective(self) -> LinearSoftmax:
        return self._objective.with_penalty(self.extra) if self.extra > 0 else self._objective

    def record(self, step: "_Step") -> float:
        """Return the value of the function itself, without the extra penalty."""
        value = step.point.loss + self._objective.penalty_at(step.point.theta)
        if value < self._best[0]:
            self._best = value, step.point
        return value

    def follow(self, step: "_Step", length: float, after: Point, *, last: bool) -> None:
        """Move on; begin the path where a plain step had to be cut, else lower the penalty."""
        if self._plain and length < 0.5 and not last:
            self._plain, self.extra, self.point = False, _FIRST_EXTRA, self._start
            return
        self.point = after
        if self.extra > 0 and step.decrement**2 <= 0.2 * step.value:
            self.extra = self.extra / _EXTRA_FALL if self.extra > 0.1 * self._smallest else 0.0

    def exhausted(self, step: "_Step") -> bool:
        """Whether rounding is all that is left of the decrement (or it is no number at all)."""
        return self.extra == 0 and not step.decrement**2 > _ROUNDING * step.value

    def best(self) -> tuple[float, Point]:
        """Return the best point seen, the last one included: its step was paid for already."""
        value = self.point.loss + self._objective.penalty_at(self.point.theta)
        return (value, self.point) if value <= self._best[0] else self._best


class _Step:
    """The Newton step from one point: its direction, its decrement, its proof, its length."""

    _factor: Factor
    direction: Doubles
    decrement: float

    def __init__(self, objective: LinearSoftmax, point: Point) -> None:
        self.objective, self.point = objective, point
        self.accuracy = objective.accuracy(point.logits)
        self.value = point.loss + objective.penalty_at(point.theta)
        self.gradient = objective.pull_back(point.residual, point.theta)

    def divide(self) -> None:
        """Divide the gradient by the Hessian, in the classes other than the largest one."""
        objective = self.objective
        p = objective.probabilities(self.point.logits)
        left_out = int(np.asarray(objective.weights @ p).argmax())
        kept = np.delete(np.arange(objective.classes), left_out)
        self._factor = Factor(objective.reduced_hessian(p, left_out))
        direction = np.zeros(objective.shape)
        direction[kept] -= self._factor.solve(self.gradient[kept])
        self.direction = direction - direction.mean(axis=0)
        self.decrement = float(np.sqrt(max(0.0, -float(np.vdot(self.gradient, self.direction)))))

    def gap(self, tol: float) -> float:
        """Return the proven bound on f - f*; inf while it is not worth the price of a proof."""
        if 0.5 * self.decrement**2 > tol * self.value or not self._factor.trusted:
            return np.inf
        d = self.objective.design.shape[1]
        inverse = self._factor.solve(np.eye((self.objective.classes - 1) * d))
        return self_concordant_gap(self.decrement, self.objective.reach(inverse))

    def line_search(self) -> tuple[float, Point]:
        """Return the step length, and the point where the slope has fallen to a quarter."""
        return search(self.objective, self.point, self.direction, -(self.decrement**2))
