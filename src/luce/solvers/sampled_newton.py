"""Newton's method with the Hessian of a sample of the rows: few passes over all of them."""

import numpy as np

from luce.solvers.dual import conjugate, half_inverse
from luce.solvers.factor import Factor, with_gauge
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.memory import Memory
from luce.solvers.minimise import minimise
from luce.solvers.proof_due import ProofDue
from luce.solvers.result import Journal, Result
from luce.solvers.streamed_softmax import StreamedSoftmax
from luce.solvers.whitening import Metric, SharedWhitening, class_whitening

_LARGEST_HESSIAN = 1200  # parameters: 12 MB
_LARGEST_BLOCKS = 1 << 24  # numbers in the matrices of all classes: 128 MB
_ENOUGH_ROWS = 10  # a column, for a matrix of each class
_SEEN = 0.5  # of a column's squares; a column of which the sample has less looks flat in it
_PERIOD = 6  # iterations, after which the sample is drawn anew
_LEAST_ROWS = 1000
_DESCENT = 1e-4  # of the fall that the slope promises, at least (Armijo)
_MOST_TRIALS = 12
_START = (1e-5, 200)  # gap and iterations to which the sample is minimised ...
_ROUGH_START = (5e-2, 12)  # ... and those where it has less than ten rows a parameter
_FIRST_WHITENING = 4  # iterations with the matrices of the start; each later period is longer


def sampled_newton(
    objective: StreamedSoftmax,
    sample: LinearSoftmax,
    gram: Doubles,
    *,
    complete: bool,
    tol: float,
    max_iter: int,
    journal: Journal | None = None,
) -> Result:
    r"""Minimise by steps that divide by the Hessian of the sample, corrected by what was seen.

    The sample, a fair one of each class, is minimised first, in memory: that is the start. From
    there each iteration takes one pass for value and gradient; the step is a quasi-Newton step
    (L-BFGS) whose initial matrix is the Hessian of the sample at the current point. Where steps
    have to be cut, and every six iterations, a pass draws a new sample, of the rows that make
    the curvature at that point; where there are too many classes for a matrix each, the first
    sample says how large the one matrix of all is for each of them. So sampling decides how many
    passes are needed - the fewer, the more rows m there are for the kd parameters - but never
    what they lead to. A last pass proves the gap.

    Parameters
    ----------
    objective : StreamedSoftmax
        Of all rows.
    sample : LinearSoftmax
        Of some, weighted to stand for all of them.
    gram : (d, d) or (d,) array
        ``sum_i s_i x_i x_i^T`` of all rows, or its diagonal.
    complete : bool
        Whether the sample holds all rows.
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
    Source: R. Byrd, G. Chin, W. Neveitt, J. Nocedal (2011), On the use of stochastic Hessian
    information in optimization methods for machine learning, SIAM J. Optimization 21; F.
    Roosta-Khorasani, M. Mahoney (2019), Sub-sampled Newton methods, Mathematical Programming 174.
    """
    journal = journal or Journal()
    run = _Run(objective, sample, gram, complete, tol, journal)
    interrupted = False
    try:
        run.begin()
        while run.iteration < max_iter and not run.finished:
            run.iterate()
        run.end()
    except KeyboardInterrupt:
        interrupted = True
    return journal.result(run.theta, run.value, tol, interrupted)


class _Run:
    """The state of one minimisation."""

    def __init__(
        self,
        objective: StreamedSoftmax,
        sample: LinearSoftmax,
        gram: Doubles,
        complete: bool,
        tol: float,
        journal: Journal,
    ) -> None:
        self.objective, self.sample, self.gram = objective, sample, gram
        self.tol, self.journal = tol, journal
        self.theta = np.zeros(objective.shape)
        self.value, self.gradient, self.accuracy = np.inf, self.theta, 0.0
        self.pairs, self._due = Memory(), ProofDue(tol)
        self._proven = False  # at this very theta, in this precision
        self._column_squares, self._least_seen = sample.column_squares(), _SEEN
        k, d = objective.shape
        self._of_each = k * d * d <= _LARGEST_BLOCKS  # a matrix for each class, not one for all
        self._complete, self._poor, self._drawn = complete, False, 0
        self._whitening: Metric | None = None
        self._next_whitening = 0
        self.iteration = 0
        self.finished = False

    def begin(self) -> None:
        """Take the better of the sample's minimum and no features at all as the start."""
        totals = self.objective.target_totals()
        known = totals[totals > 0]
        if self.objective.intercept:
            self.theta[:, -1] = np.log(np.maximum(totals, 1e-12))
            self.theta[:, -1] -= self.theta[:, -1].mean()
        rows, size = len(self.sample), self.theta.size
        tol, max_iter = _START if self._complete or rows >= 10 * size else _ROUGH_START
        start = minimise(self.sample, self.theta, tol=tol, max_iter=max_iter).theta
        found = self.objective.scan(start)
        plain = -float(known @ np.log(known)) if self.objective.intercept else np.log(len(totals))
        if found.value <= plain:
            self.theta = start
        else:
            found = self.objective.scan(self.theta)
        self.value, self.gradient, self.accuracy = found
        self._record()

    def iterate(self) -> None:
        self.iteration += 1
        due = self._poor or self.iteration == self._drawn + _PERIOD
        if due and self._of_each and not self._complete:
            self._draw()
        direction = -self.pairs.times_inverse_hessian(
            self.gradient, self._metric(), scaled=not self._of_each
        )
        moved = self._search(direction)
        if moved:
            self._record()
        elif len(self.pairs):
            self.pairs.clear()
        else:
            self._refine()

    def end(self) -> None:
        """Say how far it has come, if it has not been proven to be far enough."""
        if not self._proven and not self.journal.relative_gap(self.value) <= self.tol:
            self._prove()
            self.journal.amend(self.value)

    def _prove(self) -> None:
        bound = self.objective.dual_value(self.theta, self.gradient)
        self.journal.raise_lower_bound(bound - self._noise())
        self._due.learn(self._main(), self.value, bound)
        self._proven = True

    def _record(self) -> None:
        if self._due.at(self._main(), self.value):
            self._prove()
        self.journal.step(self.value, self.gradient, self.accuracy)
        self.finished = self.journal.relative_gap(self.value) <= self.tol
        if not self.finished and self._hidden_by_rounding():
            self._refine()

    def _search(self, direction: Doubles) -> bool:
        """Go along the direction until the value falls enough; a pass for each trial."""
        slope = float(np.vdot(self.gradient, direction))
        t = 1.0
        for trial in range(_MOST_TRIALS):
            there = self.theta + t * direction
            value, gradient, accuracy = self.objective.scan(there)
            allowed = self._noise() if abs(slope) * t < 10 * self._noise() else 0.0
            if value <= self.value + _DESCENT * t * slope + allowed:
                self.pairs.learn(there - self.theta, gradient - self.gradient)
                self.theta, self.value, self._proven = there, value, False
                self.gradient, self.accuracy = gradient, accuracy
                self._poor = trial > 0
                return True
            bend = value - self.value - t * slope
            t *= min(max(-0.5 * t * slope / bend, 0.1), 0.5) if bend > 0 else 0.1
        self._poor = True
        return False

    def _draw(self) -> None:
        """Take rows with much curvature at theta for the sample."""
        self._poor, self._drawn = False, self.iteration
        room = max(len(self.sample), _LEAST_ROWS)
        self.sample = self.objective.curved_sample(self.theta, room, self.iteration)
        self._column_squares, self._least_seen = self.sample.column_squares(), 0.0
        self._whitening = None

    def _metric(self) -> Metric:
        """Return the best approximate Hessian at theta that fits."""
        k, d = self.objective.shape
        share = (k - 1) / k**2  # p (1 - p) of equal probabilities
        full = self.gram if self.gram.ndim == 2 else np.diag(self.gram)
        if k * d <= _LARGEST_HESSIAN:
            p = self.sample.probabilities(self.sample.logits(self.theta))
            hessian = self.sample.hessian(p)
            seen, there = self._column_squares, full.diagonal()
            unseen = np.where(seen <= self._least_seen * there, share * there, 0.0)
            hessian[np.diag_indices_from(hessian)] += np.tile(unseen, k)
            return _Dense(Factor(with_gauge(hessian, k)), (k, d))
        if len(self.sample) >= _ENOUGH_ROWS * d:
            if self._whitening is None or self.iteration >= self._next_whitening:
                self._next_whitening = 2 * self.iteration + _FIRST_WHITENING
                self._whitening = class_whitening(
                    self.sample, self.theta, self.iteration, largest=_LARGEST_BLOCKS
                )
            return self._whitening
        return SharedWhitening(share * full + np.diag(self.objective.penalty))

    def _main(self) -> float:
        """Return the main term of the dual gap, |g|^2 / 2 rho."""
        return conjugate(self.gradient, half_inverse(self.objective.penalty))

    def _noise(self) -> float:
        """Return the rounding of a value, below which neither a rise nor a gap says anything."""
        return float(4 * np.finfo(self.objective.dtype).eps * self.value)

    def _hidden_by_rounding(self) -> bool:
        """Whether float32 has come as far as it can."""
        coarse = 10 * self._noise() > self.tol * self.value
        near = self._main() <= self.tol * self.value
        return self.objective.dtype == np.float32 and coarse and near

    def _refine(self) -> None:
        """Compute in float64 from here on; give up if that is done already."""
        if self.objective.dtype == np.float64:
            self.finished = True
            return
        self.objective = self.objective.in_double()
        self._due.forget()
        self._proven = False
        self.value, self.gradient, self.accuracy = self.objective.scan(self.theta)


class _Dense:
    """A whole Hessian."""

    def __init__(self, factor: Factor, shape: tuple[int, int]) -> None:
        self._factor, self._shape = factor, shape

    def solve(self, gradient: Doubles) -> Doubles:
        step = self._factor.solve(gradient.ravel()).reshape(self._shape)
        return np.asarray(step)
