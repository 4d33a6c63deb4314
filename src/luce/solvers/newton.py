"""Newton's method with the full Hessian, for models of up to about a thousand parameters."""

import numpy as np

from luce.solvers.certificate import self_concordant_gap
from luce.solvers.dependence import independent_columns, with_columns
from luce.solvers.factor import Factor, with_gauge
from luce.solvers.line_search import flat_point
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
            here = _Step(path.objective, path.theta)
            value = path.record(here)
            if path.extra == 0:
                journal.raise_lower_bound(value - here.gap(tol))
            journal.raise_lower_bound(objective.dual_value(here.theta))
            extra = {"extra_penalty": path.extra} if path.extra > 0 else {}
            journal.step(value, here.gradient, here.accuracy, **extra)
            converged = journal.relative_gap(value) <= tol
            if path.exhausted(here):
                break
            path.follow(here, *here.line_search(), last=converged)
            if converged:
                break
    except KeyboardInterrupt:
        interrupted = True
    value, theta = path.best()
    return journal.result(theta, value, tol, interrupted)


class _Path:
    """Where the iteration stands: plain Newton first, along decreasing penalties if that fails."""

    def __init__(self, objective: LinearSoftmax, start: Doubles) -> None:
        self._objective, self._start = objective, start
        self.theta = start
        self.extra = 0.0
        self._plain = True
        self._best = np.inf, start
        penalised = objective.penalty[objective.penalty > 0]
        self._smallest = penalised.min() if len(penalised) else _LAST_EXTRA

    @property
    def objective(self) -> LinearSoftmax:
        return self._objective.with_penalty(self.extra)

    def record(self, step: "_Step") -> float:
        """Return the value of the function itself, without the extra penalty."""
        features = step.theta[:, :-1] if self._objective.intercept else step.theta
        value = step.value - 0.5 * self.extra * float(np.vdot(features, features))
        if value < self._best[0]:
            self._best = value, step.theta
        return value

    def follow(self, step: "_Step", length: float, after: Doubles, *, last: bool) -> None:
        """Move on; begin the path where a plain step had to be cut, else lower the penalty."""
        if self._plain and length < 0.5 and not last:
            self._plain, self.extra, self.theta = False, _FIRST_EXTRA, self._start
            return
        self.theta = after
        if self.extra > 0 and step.decrement**2 <= 0.2 * step.value:
            self.extra = self.extra / _EXTRA_FALL if self.extra > 0.1 * self._smallest else 0.0

    def exhausted(self, step: "_Step") -> bool:
        """Whether rounding is all that is left of the decrement (or it is no number at all)."""
        return self.extra == 0 and not step.decrement**2 > _ROUNDING * step.value

    def best(self) -> tuple[float, Doubles]:
        """Return the best point seen, the last one included: its step was paid for already."""
        value, _ = self._objective.value_gradient(self.theta)
        return (value, self.theta) if value <= self._best[0] else self._best


class _Step:
    """The Newton step from one point: its direction, its decrement, its proof, its length."""

    def __init__(self, objective: LinearSoftmax, theta: Doubles) -> None:
        self.objective, self.theta = objective, theta
        self.logits = objective.logits(theta)
        self.accuracy = objective.accuracy(self.logits)
        self.value, residual = objective.at_logits(self.logits, theta)
        self.gradient = objective.pull_back(residual, theta)
        hessian = objective.hessian(objective.probabilities(self.logits))
        self._factor = Factor(with_gauge(hessian, objective.classes))
        direction = -self._factor.solve(self.gradient.ravel()).reshape(theta.shape)
        self.direction = direction - direction.mean(axis=0)
        self.decrement = float(np.sqrt(max(0.0, -np.vdot(self.gradient, self.direction))))

    def gap(self, tol: float) -> float:
        """Return the proven bound on f - f*; inf while it is not worth the price of a proof."""
        if 0.5 * self.decrement**2 > tol * self.value or not self._factor.trusted:
            return np.inf
        inverse = self._factor.solve(np.eye(self.gradient.size))
        return self_concordant_gap(self.decrement, self.objective.reach(inverse))

    def line_search(self) -> tuple[float, Doubles]:
        """Return the step length, and the point where the slope has fallen to a quarter."""
        slope = -(self.decrement**2)
        length = flat_point(self.objective, self.logits, self.theta, self.direction, slope)
        return length, self.theta + length * self.direction
