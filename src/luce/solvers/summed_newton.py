"""Minimise a sum over parts of the rows: every pass is dear, so each one is made the most of."""

import numpy as np

from luce.solvers.certificate import self_concordant_gap
from luce.solvers.dual import conjugate, half_inverse
from luce.solvers.factor import Factor, with_gauge
from luce.solvers.linear_softmax import Doubles
from luce.solvers.memory import Memory
from luce.solvers.result import Journal, Result
from luce.solvers.summed_softmax import SummedSoftmax
from luce.solvers.whitening import Metric, whitening_by

_LARGEST_HESSIAN = 600  # parameters: 3 MB from every part
_LARGEST_BLOCKS = 1 << 24  # numbers in the matrices of all classes: 128 MB from every part
_DRAWS_PER_COLUMN = 8
_FIRST_WHITENING = 5  # iterations with the shared matrix; each later period is twice as long
_DESCENT = 1e-4  # of the fall that the slope promises, at least (Armijo)
_MOST_TRIALS = 40
_ROUNDING = 1e-14  # of f


def summed_newton(
    objective: SummedSoftmax,
    start: Doubles,
    *,
    tol: float,
    max_iter: int,
    journal: Journal | None = None,
) -> Result:
    """Minimise by Newton steps, or by whitened L-BFGS where the Hessian is too large to travel.

    Parameters
    ----------
    objective : SummedSoftmax
        Of k classes and d columns.
    start : (k, d) array
        Where to begin.
    tol : float
        Stop when the proven bound on (f - f*) / f* is at most this.
    max_iter : int
        At most this many iterations.
    journal : Journal, optional
        Where the history is written.

    Returns
    -------
    Result

    Notes
    -----
    A Newton iteration is one pass that sums value, gradient and Hessian over the parts; up to 600
    parameters. Above, the metric is the Gram matrix and later the blocks of the classes, as in
    `lbfgs`, and an iteration is one pass for value and gradient. A step that has to be cut costs a
    pass for each trial. The proofs are those of ``docs/certificates.md``: their sums and maxima
    over rows are taken over the parts.
    """
    journal = journal or Journal()
    run = _Run(objective, start - start.mean(axis=0), tol, journal)
    interrupted = False
    try:
        while run.iteration < max_iter and not run.finished:
            run.iterate()
    except KeyboardInterrupt:
        interrupted = True
    return journal.result(run.theta, run.value, tol, interrupted)


class _Run:
    """The state of one minimisation."""

    def __init__(
        self, objective: SummedSoftmax, theta: Doubles, tol: float, journal: Journal
    ) -> None:
        self.objective, self.tol, self.journal = objective, tol, journal
        k, d = objective.shape
        self._whole = k * d <= _LARGEST_HESSIAN
        self._factor: Factor | None = None
        self._metric: Metric | None = None
        self._next_whitening = _FIRST_WHITENING
        self.pairs = Memory()
        self.iteration, self.finished = 0, False
        self._go(theta)

    def iterate(self) -> None:
        self.iteration += 1
        direction = self._direction()
        slope = float(np.vdot(self.gradient, direction))
        self._prove(-slope)
        self.journal.step(self.value, self.gradient, self.accuracy)
        self.finished = self.journal.relative_gap(self.value) <= self.tol
        if not self.finished:
            self._search(direction, slope)

    def _go(self, theta: Doubles) -> None:
        """Take a point: one pass."""
        self.theta = theta
        if self._whole:
            self.value, self.gradient, self.accuracy, hessian = self.objective.bend(theta)
            self._factor = Factor(with_gauge(hessian, self.objective.classes))
        else:
            self.value, self.gradient, self.accuracy = self.objective.scan(theta)

    def _direction(self) -> Doubles:
        if self._factor is not None:
            step = -self._factor.solve(self.gradient.ravel()).reshape(self.theta.shape)
            return np.asarray(step - step.mean(axis=0))
        if self._metric is None or self.iteration == self._next_whitening:
            self._metric = self._whiten()
        return -self.pairs.times_inverse_hessian(self.gradient, self._metric)

    def _whiten(self) -> Metric:
        k, d = self.objective.shape
        if self._metric is None or k * d * d > _LARGEST_BLOCKS:
            share = (k - 1) / k**2  # p (1 - p) of equal probabilities
            self._next_whitening = _FIRST_WHITENING if self._metric is None else -1
            return whitening_by([share * self.objective.gram()] * k, self.objective.penalty)
        self._next_whitening = 2 * self.iteration + _FIRST_WHITENING
        self.pairs.clear()
        draws = _DRAWS_PER_COLUMN * d
        grams = self.objective.class_grams(self.theta, draws, self.iteration)
        return whitening_by(grams, self.objective.penalty)

    def _prove(self, decrement: float) -> None:
        """Raise the lower bound by whichever proof may be good enough; `decrement` is squared."""
        main = conjugate(self.gradient, half_inverse(self.objective.penalty))
        if main <= self.tol * self.value or 0.5 * decrement <= self.tol * self.value:
            bound = self.objective.dual_value(self.theta, self.gradient)
            self.journal.raise_lower_bound(bound)
        near = 0.5 * decrement <= self.tol * self.value
        proven = self.journal.relative_gap(self.value) <= self.tol
        if self._factor is not None and near and not proven and self._factor.trusted:
            reach = self.objective.reach(self._factor.solve(np.eye(self.theta.size)))
            gap = self_concordant_gap(float(np.sqrt(max(0.0, decrement))), reach)
            self.journal.raise_lower_bound(self.value - gap)

    def _search(self, direction: Doubles, slope: float) -> None:
        """Go along the direction until the value falls enough."""
        before, value, gradient = self.theta, self.value, self.gradient
        if not -slope > _ROUNDING * value:
            self._give_up()
            return
        t = 1.0
        for _ in range(_MOST_TRIALS):
            self._go(before + t * direction)
            if self.value <= value + _DESCENT * t * slope:
                if not self._whole:
                    self.pairs.learn(self.theta - before, self.gradient - gradient)
                return
            bend = self.value - value - t * slope
            t *= min(max(-0.5 * t * slope / bend, 0.1), 0.5) if bend > 0 else 0.1
        self._go(before)
        self._give_up()

    def _give_up(self) -> None:
        """No step helps: forget the past, then stop."""
        self.finished = not len(self.pairs)
        self.pairs.clear()
