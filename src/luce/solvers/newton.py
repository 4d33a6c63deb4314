"""Newton's method with the full Hessian, for models of up to about a thousand parameters."""

from typing import NamedTuple

import numpy as np

from luce.solvers.certificate import self_concordant_gap
from luce.solvers.dependence import independent_columns, with_columns
from luce.solvers.factor import Factor
from luce.solvers.inner_product import inner
from luce.solvers.line_search import falls, flat_length, is_flat, point_at, search
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.memory import Memory
from luce.solvers.result import Journal, Result
from luce.solvers.whitening import Metric, SharedWhitening

_FIRST_EXTRA = 1e-2  # of the path of decreasing penalties, in units of the features' variances
_EXTRA_FALL = 10.0
_LAST_EXTRA = 1e-12  # where there is no penalty at all
_ROUNDING = 1e-14  # a decrement below this share of f is noise
_CUT = 0.5  # a plain step that should be shorter is a sign that the path is quicker
_PAIRS = 12  # of steps between two Hessians
_OVERHEAD = 5e5  # operations: what a pass costs beside its arithmetic
_A_PROBABILITY = 40.0  # operations
_WORTH = 2.0  # passes that a Hessian must cost, for steps without one to be tried
_HOPED_FOR = 1e-2  # of the gap that is left after a Hessian and its step


def newton(
    objective: LinearSoftmax,
    start: Doubles,
    *,
    tol: float,
    max_iter: int,
    journal: Journal | None = None,
) -> Result:
    r"""Minimise by Newton steps with an exact Hessian, each from one pass over the rows.

    Most problems take 5 to 15 plain steps. Where a full step would overshoot (heavy tails,
    classes that nearly separate), the same minimum is reached along a path of decreasing
    penalties, on which every problem begins inside the region where Newton's method is quick.
    Where a Hessian costs many passes, the last one also serves as the metric of L-BFGS for as
    long as its steps, one pass each, are worth more.

    Parameters
    ----------
    objective : LinearSoftmax
        Of k classes and d columns; float64 rows.
    start : (k, d) array
        Where to begin.
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
    Cost of a Hessian: n (kd)^2 / 2 and (kd)^3 / 3 operations, (kd)^2 numbers of memory.

    Source: U. Marteau-Ferey, F. Bach, A. Rudi (2019), Globally convergent Newton methods for
    ill-conditioned generalized self-concordant losses, NeurIPS 32 (the path).
    """
    journal = journal or Journal()
    kept = independent_columns(objective)
    part = with_columns(objective, kept).by_panels()
    run = _Run(part, start[:, kept] - start[:, kept].mean(axis=0), tol, journal)
    interrupted = False
    try:
        for _ in range(max_iter):
            if not run.iterate():
                break
    except KeyboardInterrupt:
        interrupted = True
    value, best = run.best_of_all()
    if not journal.relative_gap(value) < np.inf:  # say at least something
        journal.raise_lower_bound(part.dual_value(best))
    theta = np.zeros(objective.shape)
    theta[:, kept] = best
    return journal.result(theta, value, tol, interrupted)


class _Place:
    """Parameters, and what one pass over the rows finds of the function there."""

    __slots__ = ("accuracy", "gradient", "theta", "value")

    def __init__(self, f: LinearSoftmax, theta: Doubles) -> None:
        self.theta = theta
        self.value, self.gradient, self.accuracy = f.scan(theta)


class _Hessian:
    """The Hessian at a point, in the classes other than the one with the most rows."""

    def __init__(self, f: LinearSoftmax, theta: Doubles, left_out: int) -> None:
        self._shape = f.shape
        self._before, self._after = slice(left_out), slice(left_out + 1, None)
        self._factor = Factor(f.reduced_hessian_at(theta, left_out))
        self.trusted = self._factor.trusted

    def solve(self, gradient: Doubles) -> Doubles:
        """Return the step, whose columns sum to 0."""
        before, after = gradient[self._before], gradient[self._after]
        kept = self._factor.solve(np.concatenate([before, after]))
        step = np.zeros(self._shape)
        step[self._before] = kept[self._before]
        step[self._after] = kept[len(before) :]
        step -= step.mean(axis=0)
        return step

    def gap(self, f: LinearSoftmax, decrement: float) -> float:
        """Return the proven bound on f - f* at the point."""
        k, d = self._shape
        return self_concordant_gap(decrement, f.reach(self._factor.solve(np.eye((k - 1) * d))))


class _Direction(NamedTuple):
    """Where to go, and the slope there."""

    step: Doubles
    slope: float
    exact: _Hessian | None  # the Hessian here, if the step is Newton's


class _Run:
    """Where the iteration stands: plain Newton first, along decreasing penalties if that fails."""

    def __init__(self, f: LinearSoftmax, start: Doubles, tol: float, journal: Journal) -> None:
        self.f, self.tol, self.journal = f, tol, journal
        self._start = self.here = _Place(f, start)
        self._level, self.extra, self._plain = f, 0.0, True
        self._best = np.inf, start
        penalised = f.penalty[f.penalty > 0]
        self._smallest = penalised.min() if len(penalised) else _LAST_EXTRA
        self._has_dual = f.penalty.size - penalised.size <= f.intercept
        self._left_out = int(f.targets.totals(f.weights).argmax())
        self._metric: Metric | None = None
        self._pairs = Memory(_PAIRS)
        self._before = 0.0  # twice the gap that the last step promised to close
        self._dear = _passes_a_hessian(f)
        if self._dear > _WORTH and not start.any():
            self._metric = _hessian_at_zero(f)

    def iterate(self) -> bool:
        """Judge the point, and take a step; return whether another may help."""
        value = self._judge()
        if self.journal.relative_gap(value) <= self.tol:
            return False
        direction = self._direction(value)
        if self.extra == 0 and direction.exact is not None:
            self._prove(value, direction.slope, direction.exact)
        proven = self.journal.relative_gap(value) <= self.tol
        if self.extra == 0 and not -direction.slope > _ROUNDING * value:
            return False  # rounding is all that is left (or it is no number at all)
        self._follow(direction, last=proven)
        return not proven

    def best_of_all(self) -> tuple[float, Doubles]:
        """Return the best point seen, the last one included: its step was paid for already."""
        here = self.here
        return (here.value, here.theta) if here.value <= self._best[0] else self._best

    def _judge(self) -> float:
        """Write down the function itself, without the extra penalty; ask for the dual bound."""
        here = self.here
        if here.value < self._best[0]:
            self._best = here.value, here.theta
        near = self._has_dual and self.f.gradient_gap(here.gradient) <= 2 * self.tol * here.value
        if near:  # it needs no Hessian
            self.journal.raise_lower_bound(self.f.dual_value(here.theta))
        extra = {"extra_penalty": self.extra} if self.extra > 0 else {}
        self.journal.step(here.value, here.gradient, here.accuracy, **extra)
        return here.value

    def _prove(self, value: float, slope: float, hessian: _Hessian) -> None:
        """Bound the gap by self-concordance, where it may do: the price is an inverse."""
        if -0.5 * slope <= self.tol * value and hessian.trusted:
            decrement = float(np.sqrt(max(0.0, -slope)))
            self.journal.raise_lower_bound(value - hessian.gap(self.f, decrement))
            self.journal.amend(value)

    def _value(self, place: _Place) -> float:
        """Return the value on the level."""
        if self.extra == 0:
            return place.value
        return place.value + 0.5 * inner(self._more * place.theta, place.theta)

    def _gradient(self, place: _Place) -> Doubles:
        """Return the gradient on the level."""
        return place.gradient if self.extra == 0 else place.gradient + self._more * place.theta

    def _direction(self, value: float) -> _Direction:
        """Return the step by the last Hessian, while such steps help; else a new one's."""
        if self._metric is not None and self._dear > _WORTH:
            gradient = self._gradient(self.here)
            step = -self._pairs.times_inverse_hessian(gradient, self._metric)
            slope = inner(gradient, step)
            rate = -slope / self._before if self._before > 0 else 0.0
            if rate <= _HOPED_FOR ** (1 / self._dear) and not self._must_prove(value, slope, rate):
                return _Direction(step, slope, None)
        return self._newton_direction()

    def _must_prove(self, value: float, slope: float, rate: float) -> bool:
        """Whether the gap is small enough, and the dual bound will not show it after the step."""
        if self.extra > 0 or -0.5 * slope > self.tol * value:
            return False
        left = self.f.gradient_gap(self.here.gradient) * rate
        return not self._has_dual or left > self.tol * value

    def _newton_direction(self) -> _Direction:
        self._pairs.clear()
        hessian = _Hessian(self._level, self.here.theta, self._left_out)
        self._metric = hessian
        gradient = self._gradient(self.here)
        step = -hessian.solve(gradient)
        return _Direction(step, inner(gradient, step), hessian)

    def _follow(self, direction: _Direction, *, last: bool) -> None:
        """Move on; begin the path where a plain step had to be cut, else lower the penalty."""
        here = self.here
        after = _Place(self.f, here.theta + direction.step)
        if direction.exact is None and not self._falls(direction, after):
            direction = self._newton_direction()
            after = _Place(self.f, here.theta + direction.step)
        if direction.exact is not None and not last:
            length, after = self._searched(direction, after)
            if self._plain and length < _CUT:
                self._plain, self.here = False, self._start
                self._enter(_FIRST_EXTRA)
                return
        if self._dear > _WORTH:
            change = self._gradient(after) - self._gradient(here)
            self._pairs.learn(after.theta - here.theta, change)
        self._before, self.here = -direction.slope, after
        if self.extra > 0 and self._before <= 0.2 * self._value(here):
            self._enter(self.extra / _EXTRA_FALL if self.extra > 0.1 * self._smallest else 0.0)

    def _enter(self, extra: float) -> None:
        """Go to another level of the path."""
        self.extra, self._metric = extra, None
        self._level = self.f.with_penalty(extra) if extra > 0 else self.f
        self._more = self._level.penalty - self.f.penalty

    def _falls(self, direction: _Direction, after: _Place) -> bool:
        return falls(self._value(self.here), self._value(after), 1.0, direction.slope)

    def _searched(self, direction: _Direction, whole: _Place) -> tuple[float, _Place]:
        """Return the length of the step, and the place, where the slope has fallen to a quarter."""
        step, first = direction.step, direction.slope
        if not self.f.fused:
            if self._falls(direction, whole) and is_flat(inner(self._gradient(whole), step), first):
                return 1.0, whole
            start = point_at(self._level, self.here.theta)
            length, point = search(self._level, start, step, first)
            return length, _Place(self.f, point.theta)
        value, found = self._value(self.here), whole

        def at(t: float) -> tuple[float, float]:
            nonlocal found
            if t != 1:
                found = _Place(self.f, self.here.theta + t * step)
            return self._value(found), inner(self._gradient(found), step)

        return flat_length(at, value, first, enough=_CUT if self._plain else 0.0), found


def _hessian_at_zero(f: LinearSoftmax) -> Metric:
    r"""Return ``G / k + diag(rho)`` for each class: there :math:`p_{ij} = 1 / k` in all rows."""
    return SharedWhitening(f.gram() / f.classes + np.diag(f.penalty))


def _passes_a_hessian(f: LinearSoftmax) -> float:
    """Return how many passes a Hessian and its factor cost."""
    n, (k, d) = len(f), f.shape
    m = (k - 1) * d
    a_pass = n * k * (4 * d + _A_PROBABILITY) + _OVERHEAD
    return (n * m * m / 2 + m**3 / 3) / a_pass + 1e-3
