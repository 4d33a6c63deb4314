"""L-BFGS in coordinates whitened by the curvature of each class, for larger models."""

import numpy as np

from luce.solvers.inner_product import inner
from luce.solvers.line_search import flat_length
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.memory import Memory, pairs_that_pay
from luce.solvers.proof_due import ProofDue
from luce.solvers.result import Journal, Result
from luce.solvers.whitening import Metric, class_whitening, shared_whitening

_FIRST_WHITENING = 5  # iterations with the shared matrix; each later period is twice as long
_QUICK, _QUICK_STEPS = 0.25, 3  # of the gap left by a step, in so many steps
_PATIENCE = 30  # iterations


def lbfgs(
    objective: LinearSoftmax,
    start: Doubles,
    *,
    tol: float,
    max_iter: int,
    journal: Journal | None = None,
    stop_when_stalled: bool = False,
) -> Result:
    r"""Minimise by L-BFGS, one pass over the rows an iteration.

    The initial inverse Hessian of the recursion is not a multiple of the identity but the inverse
    of the diagonal blocks of the Hessian (one a class): first of the Böhning-Lindsay bound
    :math:`\tfrac12 X^T X`, one factorisation for all classes, later of sampled blocks at the
    current probabilities, which follow the curvature to where the classes nearly separate.
    Every step stays in the space of columns that sum to zero: outside it the blocks are
    blind, and without the projection ten times as many iterations are needed.

    Parameters
    ----------
    objective : LinearSoftmax
        Of k classes and d columns.
    start : (k, d) array
        Where to begin.
    tol : float
        Stop when the proven bound on (f - f*) / f* is at most this.
    max_iter : int
        At most this many iterations.
    journal : Journal, optional
        Where the history is written.
    stop_when_stalled : bool
        Return once 30 iterations together have lowered the value by less than a hundredth of
        `tol`, because another method will take over.

    Returns
    -------
    Result

    Notes
    -----
    Cost of an iteration: 4 n d k operations; of a new whitening about k (8 d^3 + d^3 / 3).

    Source: D. Böhning, B. Lindsay (1988), Monotonicity of quadratic-approximation algorithms,
    AISM 40; J. Nocedal, S. Wright (2006), Numerical Optimization, algorithm 7.4.
    """
    journal = journal or Journal()
    run = _Run(objective.by_panels(), objective.laid_out(start), tol, journal)
    interrupted = False
    try:
        while run.iteration < max_iter and not run.finished:
            run.iterate()
            if stop_when_stalled and run.stalled():
                break
    except KeyboardInterrupt:
        interrupted = True
    return journal.result(run.theta, run.value, tol, interrupted)


class _Run:
    """The state of one minimisation."""

    def __init__(
        self, objective: LinearSoftmax, theta: Doubles, tol: float, journal: Journal
    ) -> None:
        self.objective, self.theta, self.tol, self.journal = objective, theta, tol, journal
        self._arrive(theta)
        self.metric: Metric = shared_whitening(objective)
        self.pairs = Memory(pairs_that_pay(objective))
        self.iteration = 0
        self.finished = False
        self.values = [self.value]
        self._slopes: list[float] = []  # twice the gap that each step promised to close
        self._next_whitening = _FIRST_WHITENING
        self._length = 1.0  # of the step that the metric alone took last
        self._due = ProofDue(tol)

    def iterate(self) -> None:
        self.iteration += 1
        if self.iteration >= self._next_whitening and not self._quick():
            self._next_whitening = 2 * self.iteration + _FIRST_WHITENING
            self._rewhiten()
        direction = -self.pairs.times_inverse_hessian(
            self.gradient, self.metric, scaled=not self.objective.paneled
        )
        if not self.pairs:  # nothing tells the size of the metric, but what it came to before
            direction *= self._length
        moved = self._search(direction)
        self.values.append(self.value)
        self._prove_if_near()
        self.journal.step(self.value, self.gradient, self.accuracy)
        self.finished = self.journal.relative_gap(self.value) <= self.tol
        if not self.finished and (not moved or self._hidden_by_rounding()):
            self._recover()

    def stalled(self) -> bool:
        """Whether the last iterations gained next to nothing."""
        before = self.values[-_PATIENCE - 1 : -_PATIENCE]
        return bool(before) and before[0] - self.value < 0.01 * self.tol * self.value

    def _arrive(self, theta: Doubles) -> None:
        """Compute everything at theta, in one pass over the rows.

        Logits are not kept: the first length tried nearly always is the last, and arrays of the
        size of all logits cost more than the products that would be saved.
        """
        self.theta = theta
        self.value, self.gradient, self.accuracy = self.objective.scan(theta)

    def _quick(self) -> bool:
        """Whether the last iterations gained so much that no other metric is needed."""
        before = self._slopes[-_QUICK_STEPS - 1 :]
        return len(before) > _QUICK_STEPS and before[-1] <= _QUICK**_QUICK_STEPS * before[0]

    def _search(self, direction: Doubles) -> bool:
        """Take the whole step if the value falls; else go to where the slope turns flat."""
        slope = inner(self.gradient, direction)
        self._slopes.append(-slope)
        theta, value, gradient, accuracy = self.theta, self.value, self.gradient, self.accuracy

        def at(length: float) -> tuple[float, float]:
            self._arrive(theta + length * direction)
            return self.value, inner(self.gradient, direction)

        length = flat_length(at, value, slope, content=True)
        if not (self.value < value + self._noise() and np.linalg.norm(self.gradient) > 0):
            self.theta, self.value, self.gradient, self.accuracy = theta, value, gradient, accuracy
            return False
        if not self.pairs:
            self._length *= length
        self.pairs.learn(self.theta - theta, self.gradient - gradient)
        return True

    def _rewhiten(self) -> None:
        self.metric = class_whitening(self.objective, self.theta, self.iteration)
        self.pairs.clear()

    def _near(self) -> bool:
        """Whether the main term of the dual gap, |g|^2 / 2 rho, is small enough."""
        return self.objective.gradient_gap(self.gradient) <= self.tol * self.value

    def _hidden_by_rounding(self) -> bool:
        """Whether float32 has come as far as it can."""
        if self.objective.dtype != np.float32:
            return False
        coarse = 10 * self._noise() > self.tol * self.value
        return self.stalled() or (coarse and self._near())

    def _prove_if_near(self) -> None:
        main = self.objective.gradient_gap(self.gradient)
        if self._due.at(main, self.value):
            bound = self.objective.dual_value(self.theta)
            self.journal.raise_lower_bound(bound - self._noise())
            self._due.learn(main, self.value, bound)

    def _noise(self) -> float:
        """Return the rounding of a value, below which neither a rise nor a gap says anything."""
        return float(4 * np.finfo(self.objective.dtype).eps * self.value)

    def _recover(self) -> None:
        """No step helps: forget the past, then compute in float64, then give up."""
        self._length = 1.0
        if self.pairs and not self._hidden_by_rounding():
            self.pairs.clear()
        elif self.objective.dtype == np.float32:
            self.objective = self.objective.in_double().by_panels()
            self._arrive(self.theta)
            self._due.forget()
        else:
            self.finished = True
