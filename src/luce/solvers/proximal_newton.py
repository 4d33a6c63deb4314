"""Proximal Newton's method with working sets, for penalties that make coefficients zero."""

import numpy as np

from luce.solvers.columns_model import minimise_by_columns
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.penalised import Chosen, Penalised, Point, curvature
from luce.solvers.penalties import Penalty
from luce.solvers.quadratic import Quadratic
from luce.solvers.result import Journal, Result

_FALL = 5.0  # of the penalty, from one level of the path to the next
_PRECISION = 0.1  # of the model's minimum, as a share of the largest violation
_SMALL_SET = 100  # coefficients that a working set may always have
_LARGEST_MATRIX = 2000  # coefficients: 32 MB
_SMALL_MATRIX = 200
_DENSE_MATRIX = 8000  # coefficients, times the share of values that are stored
_HALVINGS = 20
_ROUNDING = 1e-12  # of the value
_PATIENCE = 20  # iterations
_FIRST_CAUTION, _LEAST_CAUTION, _MOST_CAUTION = 0.25, 0.02, 0.5
_FIRST_DAMPING = 0.05
_LARGEST_DAMPING = 1e8


def proximal_newton(
    objective: LinearSoftmax,
    penalty: Penalty,
    start: Doubles,
    *,
    tol: float,
    max_iter: int,
    journal: Journal | None = None,
) -> Result:
    r"""Minimise ``f + penalty`` with exact zeros, until the duality gap is proven.

    In each iteration the smooth part is replaced by its quadratic model at the current point, in
    the coefficients that are not zero and those that most want to leave it; the minimum of model
    and penalty is found by coordinate descent, helped by Newton steps where the model's matrix is
    spelled out; a line search on the logits takes as much of the way there as lowers the function.
    The penalty itself falls to its value along a path, so that working sets stay small and classes
    that nearly separate are met where Newton's method is quick.

    Parameters
    ----------
    objective : LinearSoftmax
        The smooth part f, its L2 penalty included.
    penalty : Penalty
        The part with a kink.
    start : (k, d) array
        Where to begin.
    tol : float
        Stop when the proven bound on (F - F*) / F* is at most this.
    max_iter : int
        At most this many iterations.
    journal : Journal, optional
        Where the history is written.

    Returns
    -------
    Result

    Notes
    -----
    Source: G.-X. Yuan, C.-H. Ho, C.-J. Lin (2012), An improved GLMNET for L1-regularized logistic
    regression, JMLR 13; J. Friedman, T. Hastie, R. Tibshirani (2010), Regularization paths for
    generalized linear models via coordinate descent, J. Statistical Software 33.
    """
    journal = journal or Journal()
    run = _Run(Penalised(objective.in_double(), penalty), start, tol, journal)
    interrupted = False
    try:
        for _ in range(max_iter):
            if not run.iterate():
                break
    except KeyboardInterrupt:
        interrupted = True
    run.prove()
    W = run.point.W.copy()
    if objective.intercept and len(W) > 1:
        W[:, -1] -= W[:, -1].mean()
    return journal.result(run.problem.theta(W), run.point.value, tol, interrupted)


class _Run:
    """The state of one minimisation."""

    def __init__(self, problem: Penalised, start: Doubles, tol: float, journal: Journal) -> None:
        self.problem, self.tol, self.journal = problem, tol, journal
        self.point = problem.at(problem.from_theta(start))
        norms, weight = problem.penalty.dual_norms(self.point.gradient), problem.penalty.weight
        kinked = weight > 0
        steepest = float(norms[kinked].max(initial=0.0))
        middle = float(np.median(weight[kinked])) if kinked.any() else np.inf
        self.level = max(1.0, steepest / middle / _FALL)  # factor of the penalty
        self.caution = _FIRST_CAUTION  # how far towards the targets curvature is measured
        self.damping = 0.0  # added to the model's curvature, as a share of it
        self._best, self._idle = (np.inf, np.inf), 0

    def iterate(self) -> bool:
        """Judge the point; move on. Return whether another iteration makes sense."""
        level = self.problem.scaled(self.level)
        violations = level.penalty.violations(self.point.gradient, self.point.W)
        if self.level == 1 and self.problem.near(self.point, violations, self.tol):
            self.prove()
        self._tell(violations)
        if self.journal.relative_gap(self.point.value) <= self.tol or self._stuck(violations):
            return False
        length = self._move(level, violations)
        self._learn(length, near=self.level == 1 and self.problem.near(self.point, violations, 0))
        if length == 1 and self.level > 1:
            self.level = max(1.0, self.level / _FALL)
        return self.damping < _LARGEST_DAMPING

    def _stuck(self, violations: Doubles) -> bool:
        """Whether for long neither the value fell nor the largest violation halved."""
        value, worst = self._best
        now = self.point.value, float(violations.max(initial=0.0))
        better = now[0] < value - _ROUNDING * abs(value) or now[1] < 0.5 * worst
        self._idle = 0 if better or self.level > 1 else self._idle + 1
        if better or self.level > 1:
            self._best = now
        return self._idle > _PATIENCE

    def _learn(self, length: float, *, near: bool) -> None:
        """Trust the next model more, or less, than this one; wholly only near the minimum."""
        if length >= 0.5:
            self.caution = 0.0 if near else max(_LEAST_CAUTION, self.caution / 4)
            self.damping = self.damping / 4 if self.damping > _FIRST_DAMPING else 0.0
        elif self.caution < _MOST_CAUTION:
            self.caution = min(_MOST_CAUTION, max(4 * self.caution, 4 * _LEAST_CAUTION))
        else:
            self.damping = max(_FIRST_DAMPING, 4 * self.damping)

    def prove(self) -> None:
        """Raise the lower bound by the dual function at the point."""
        self.journal.raise_lower_bound(self.problem.dual_value(self.point))

    def _tell(self, violations: Doubles) -> None:
        self.journal.step(
            self.point.value,
            violations,
            self.problem.objective.accuracy(self.point.logits),
            nonzero=int(np.count_nonzero(self.point.W)),
            **({"penalty_factor": self.level} if self.level > 1 else {}),
        )

    def _move(self, level: Penalised, violations: Doubles) -> float:
        """Go to the minimum of the model, or as far as the function falls; return the length."""
        point = self.point
        chosen = _working_set(level, point, violations)
        p = level.cautious(point, self.caution)
        precision = _PRECISION * float(violations.max(initial=0.0))
        gradient = chosen.of(point.gradient)
        if _spelled_out(level, chosen):
            matrix = curvature(level.objective, p, chosen)
            diagonal = np.diag_indices(len(matrix))
            matrix[diagonal] += self.damping * matrix[diagonal] + level.ridge[chosen.columns]
            group = level.penalty.group(level.shape[0])
            weight = level.penalty.weight[chosen.columns[::group]]
            model = Quadratic(matrix, gradient, chosen.of(point.W), weight, group)
            aim = model.minimise(precision)
        else:
            aim = minimise_by_columns(level, point, p, chosen, self.damping, precision)
        return self._search(level, chosen.placed(aim, level.shape))

    def _search(self, level: Penalised, aim: Doubles) -> float:
        """Halve the step until the function has fallen by a share of what the model says."""
        point = self.point
        step = aim - point.W
        before = point.smooth + level.penalty.value(point.W)
        fall = float(np.vdot(point.gradient, step))
        fall += level.penalty.value(aim) - level.penalty.value(point.W)
        if not (np.isfinite(step).all() and fall < _ROUNDING * before):
            return 0.0
        along = level.logits(step)
        if abs(fall) <= _ROUNDING * before:  # only the gradient still tells which point is better
            return self._polish(level, aim, point.logits + along)
        length = 1.0
        for _ in range(_HALVINGS):
            W = aim if length == 1 else point.W + length * step
            logits = point.logits + length * along
            if level.value(logits, W) <= before + 1e-4 * length * fall:
                self.point = self.problem.at(W, logits)
                return length
            length /= 2
        return 0.0

    def _polish(self, level: Penalised, W: Doubles, logits: Doubles) -> float:
        """Take a whole step that lowers the violations, where rounding hides the value's fall."""
        there, here = self.problem.at(W, logits), self.point
        after = level.penalty.violations(there.gradient, there.W).max(initial=0.0)
        if after < level.penalty.violations(here.gradient, here.W).max(initial=0.0):
            self.point = there
            return 1.0
        return 0.0


def _working_set(problem: Penalised, point: Point, violations: Doubles) -> Chosen:
    """Return the coefficients that are not zero, and the others with the largest violations."""
    free = np.broadcast_to(problem.penalty.weight == 0, violations.shape)
    alive = free | (point.W != 0 if violations.shape == point.W.shape else point.W.any(axis=0))
    wanted = np.where(alive, 0.0, violations)
    held = int(np.count_nonzero(alive))
    room = max(_SMALL_SET - held, held)
    if np.count_nonzero(wanted) > room:
        wanted[wanted < np.partition(wanted.ravel(), -room)[-room]] = 0.0
    taken = np.broadcast_to(alive | (wanted > 0), point.W.shape)
    columns, classes = np.nonzero(taken.T)
    return Chosen(classes.astype(np.int64), columns.astype(np.int64))


def _spelled_out(problem: Penalised, chosen: Chosen) -> bool:
    """Whether the model's matrix costs less than passes over columns."""
    m = len(chosen.classes)
    dense = _DENSE_MATRIX * problem.objective.design.density
    return m <= min(_LARGEST_MATRIX, max(_SMALL_MATRIX, dense))
