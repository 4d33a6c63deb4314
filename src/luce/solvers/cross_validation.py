"""A whole path of penalties, and the folds of a cross-validation beside it, for few passes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.solvers.design import Rows
from luce.solvers.factor import Factor, with_gauge
from luce.solvers.linear_softmax import Doubles, Floats, LinearSoftmax
from luce.solvers.memory import Memory
from luce.solvers.minimise import minimise
from luce.solvers.refinement import (
    Enough,
    Point,
    Refined,
    gap_below,
    refine,
    refine_together,
    refining,
    score_within,
)
from luce.solvers.result import Journal
from luce.solvers.whitening import (
    Metric,
    class_grams,
    class_matrices_fit,
    shared_whitening,
    whitening_by,
)

_CHEAP_HESSIAN = 300  # parameters: above, a Hessian costs more than the passes that it saves
_PATH_TOL = 1e-5  # folds start there: what is left of it each of them would have to go
_TIGHT = 1e-6
_NEW_HESSIANS = 6  # of a fold that is far from all rows
_MOST_PASSES = 12  # of one refinement, before the solvers for hard problems take over
_SINGLE_TOL = 1e-4  # a score that float32 still tells


class Split(NamedTuple):
    """The rows of one fold; a row that is drawn twice counts twice."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]


@dataclass(frozen=True)
class Stage:
    """What is known of one penalty: the minima of all rows and of each fold's rows."""

    theta: Doubles  # (k, d), of all rows
    folds: tuple[Doubles, ...]
    passes: tuple[int, ...]  # of each fold
    passes_of_all: int


def follow_path(
    objective: LinearSoftmax,
    penalties: Sequence[Doubles],
    splits: Sequence[Split],
    *,
    tol: float,
    max_iter: int,
    path_tol: float = _PATH_TOL,
) -> Iterator[Stage]:
    r"""Minimise for each penalty in turn, over all rows and over the rows of each fold.

    What is shared: each penalty starts from the minimum of the one before; each fold from that
    of all rows at the same penalty, where one pass gives the gradients of all folds at once (those
    of its own rows are subtracted from the whole); the Hessians of the folds are the whole one
    less that of the rows left out, or, for larger models, one whitening serves all of them.

    Parameters
    ----------
    objective : LinearSoftmax
        Of all rows; its own penalty is not looked at.
    penalties : list of (d,) arrays
        From the strongest to the weakest: each is near the one before.
    splits : list of Split
        The folds; none for a path alone.
    tol : float
        A fold's minimum is left when the mean loss of the rows that it lacks is known to this
        share of its value.
    max_iter : int
        At most this many passes for each minimum.
    path_tol : float
        The minimum of all rows is left when the estimate of its gap is at most this share.

    Yields
    ------
    Stage
        One a penalty.

    Notes
    -----
    The function of a fold is that of scikit-learn's ``LogisticRegressionCV``: the same C on the
    sum of the losses of its rows, so its share of the penalty is larger than that of all rows.
    """
    run = _Run(objective, splits, tol, path_tol, max_iter)
    for penalty in penalties:
        yield run.next_stage(penalty)


class _Run:
    """Where the path stands, and the curvature there."""

    def __init__(
        self,
        objective: LinearSoftmax,
        splits: Sequence[Split],
        tol: float,
        path_tol: float,
        most: int,
    ) -> None:
        self._objective, self._tol, self._path_tol, self._most = objective, tol, path_tol, most
        quick = objective.in_single() if tol >= _SINGLE_TOL else objective
        self._folds = [_Fold(objective, quick, split) for split in splits]
        self._theta = np.zeros(objective.shape)
        self._pairs = Memory()  # of the loss, without any penalty
        self._loss = _plain(objective).value_gradient(self._theta)  # and its gradient
        self._parts: list[tuple[float, Doubles] | None] = []
        tested = sum((fold.tested for fold in self._folds), np.zeros(len(objective)))
        dealt = all(fold.complement for fold in self._folds) and bool((tested == 1).all())
        self._dealt = self._folds if dealt else []  # those that have each row left out once
        self._curvature = _curvature(objective, self._theta, self._dealt)

    def next_stage(self, penalty: Doubles) -> Stage:
        objective = replace(self._objective, penalty=penalty)
        found = self._of_all(objective)
        if found.passes or not self._parts:  # else the point is the same: all is known
            self._theta = found.theta
            self._curvature = _curvature(self._objective, found.theta, self._dealt)
            self._pairs = self._curvature.worth_knowing(found.pairs.with_penalty(-penalty))
            self._measure()
        ends = self._of_folds(penalty)
        folds, passes = tuple(e.theta for e in ends), tuple(e.passes for e in ends)
        return Stage(found.theta, folds, passes, found.passes)

    def _of_all(self, objective: LinearSoftmax) -> Refined:
        start, passes = _with_penalty(self._theta, self._loss, objective.penalty), 0
        while True:
            found = refine(
                objective,
                start,
                self._curvature.of_all(objective.penalty),
                gap_below(self._path_tol),
                max_iter=min(self._most - passes, _MOST_PASSES),
                pairs=self._pairs.with_penalty(objective.penalty),
            )
            passes += found.passes
            found = found._replace(passes=passes)
            if found.converged or passes >= self._most or self._curvature.exact:
                return self._certain(objective, found, gap_below(self._path_tol))
            # The point has moved far from where the curvature was measured: measure it again.
            self._curvature = _curvature(self._objective, found.theta, self._dealt)
            self._pairs = Memory()
            start = Point(found.theta, *objective.value_gradient(found.theta))

    def _of_folds(self, penalty: Doubles) -> list[Refined]:
        points = self._points(penalty)
        problems = [fold.quick(penalty) for fold in self._folds]
        rules = [fold.enough(self._tol) for fold in self._folds]
        several = [
            refining(
                problem,
                point,
                self._curvature.of_fold(fold, penalty),
                enough,
                max_iter=min(self._most, _MOST_PASSES * (1 if self._curvature.exact else 5)),
                pairs=self._pairs.with_penalty(penalty / fold.mass),
                bend=fold.bend,
            )
            for fold, problem, point, enough in zip(
                self._folds, problems, points, rules, strict=True
            )
        ]
        found = refine_together(
            several, lambda numbers, there: _evaluated([problems[i] for i in numbers], there)
        )
        exact = [fold.objective(penalty) for fold in self._folds]
        ends = [self._certain(*each) for each in zip(exact, found, rules, strict=True)]
        for fold, end in zip(self._folds, ends, strict=True):
            fold.bend = end.theta - self._theta - end.step
        return ends

    def _measure(self) -> None:
        """Take loss and gradient of all rows, and of those that each fold lacks: one pass."""
        theta = self._theta
        self._parts = [
            f.left_out.value_gradient(theta) if f.complement else None for f in self._folds
        ]
        if self._parts and self._dealt:
            known = [part for part in self._parts if part is not None]
            self._loss = sum(p[0] for p in known), np.sum([p[1] for p in known], axis=0)
        else:
            self._loss = _plain(self._objective).value_gradient(theta)

    def _points(self, penalty: Doubles) -> list[Point]:
        """Return value and gradient of each fold's function where all rows have their minimum."""
        theta = self._theta
        points = []
        for fold, part in zip(self._folds, self._parts, strict=True):
            if part is None:
                own = fold.objective(penalty)
                points.append(Point(theta, *own.value_gradient(theta)))
                continue
            loss = (self._loss[0] - part[0]) / fold.mass, (self._loss[1] - part[1]) / fold.mass
            points.append(_with_penalty(theta, loss, penalty / fold.mass))
        return points

    def _certain(self, objective: LinearSoftmax, found: Refined, enough: Enough) -> Refined:
        """Measure the curvature anew where the way was too far, if the model is small."""

        def as_before(_: float, left: float, value: float) -> bool:
            return enough(found.first, left, value)

        passes, most = found.passes, self._most
        for _ in range(_NEW_HESSIANS):
            if found.converged or passes >= most or not self._curvature.exact:
                return found
            hessian = _hessian(_plain(objective), found.theta)
            again = refine(
                objective,
                Point(found.theta, *objective.value_gradient(found.theta)),
                _Newton(hessian, objective.penalty),
                as_before,
                max_iter=min(most - passes, _MOST_PASSES // 2),
            )
            passes += again.passes + 1
            found = again._replace(
                passes=passes, pairs=found.pairs, first=found.first, step=found.step
            )
        return found if found.converged else self._proven(objective, found)

    def _proven(self, objective: LinearSoftmax, found: Refined) -> Refined:
        """Leave what does not end to the solvers that know about hard problems."""
        left = max(1, self._most - found.passes)
        result = minimise(objective, found.theta, tol=_TIGHT, max_iter=left, journal=Journal())
        if result.interrupted:
            raise KeyboardInterrupt
        passes = found.passes + result.n_iter
        return found._replace(theta=result.theta, passes=passes, converged=result.converged)


def _with_penalty(theta: Doubles, loss: tuple[float, Doubles], penalty: Doubles) -> Point:
    value = loss[0] + 0.5 * float(np.vdot(penalty * theta, theta))
    return Point(theta, value, loss[1] + penalty * theta)


def _evaluated(
    problems: Sequence[LinearSoftmax], there: Sequence[Doubles]
) -> list[tuple[float, Doubles]]:
    """Return value and gradient of each problem at its own parameters, in one pass over the rows.

    The problems have the same rows with other weights: a block of rows is read once for all.
    """
    design, targets = problems[0].design, problems[0].targets
    operands = [design.operand(theta) for theta in there]

    def of_block(rows: Rows) -> list[tuple[float, Floats]]:
        found = []
        for problem, operand in zip(problems, operands, strict=True):
            z = rows.logits(operand)  # (b, k)
            loss = targets.residual(z, rows.part, problem.weights[rows.part])
            found.append((loss, rows.pulled(z)))
        return found

    losses = np.zeros(len(problems))
    gradients = np.zeros((len(problems), *problems[0].shape))
    for block in design.each(of_block, problems[0].classes * design.dtype.itemsize):
        for i, (loss, gradient) in enumerate(block):
            losses[i] += loss
            gradients[i] += gradient
    points = [
        _with_penalty(theta, (float(loss), gradient), problem.penalty)
        for problem, theta, loss, gradient in zip(problems, there, losses, gradients, strict=True)
    ]
    return [(point.value, point.gradient) for point in points]


class _Fold:
    """The rows of a fold within all rows, and those left out apart."""

    def __init__(self, whole: LinearSoftmax, quick: LinearSoftmax, split: Split) -> None:
        n = len(whole)
        drawn = np.bincount(split.train, minlength=n)
        weights = whole.weights * drawn
        self.mass = float(weights.sum())
        self._train = replace(whole, weights=weights / self.mass)
        self._quick = replace(quick, weights=weights / self.mass)
        # Without a penalty and with the weights as they are: what the fold lacks.
        self.left_out = _plain(whole.sample(split.test, whole.weights[split.test]))
        self.tested = np.bincount(split.test, minlength=n).astype(np.float64)
        self.complement = bool((drawn + self.tested == 1).all())
        self.bend: Doubles | float = 0.0  # what the last way from all rows had beside a Newton step

    def enough(self, tol: float) -> Enough:
        left_out = float(self.left_out.weights.sum())
        return score_within(tol, 1.0 / left_out if left_out > 0 else 1.0)

    def quick(self, penalty: Doubles) -> LinearSoftmax:
        """Return the function in float32, if that will do: most passes are over folds."""
        return replace(self._quick, penalty=penalty / self.mass)

    def objective(self, penalty: Doubles) -> LinearSoftmax:
        return replace(self._train, penalty=penalty / self.mass)


def _plain(objective: LinearSoftmax) -> LinearSoftmax:
    return replace(objective, penalty=np.zeros_like(objective.penalty))


def _curvature(
    objective: LinearSoftmax, theta: Doubles, dealt: Sequence[_Fold]
) -> "_WholeHessian | _ClassBlocks":
    cheap = objective.shape[0] * objective.shape[1] <= _CHEAP_HESSIAN
    return _WholeHessian(objective, theta, dealt) if cheap else _ClassBlocks(objective, theta)


class _WholeHessian:
    """The Hessian at a point near the minima; a fold's is the whole less what it lacks."""

    exact = True

    def __init__(self, objective: LinearSoftmax, theta: Doubles, dealt: Sequence[_Fold]) -> None:
        self._theta = theta
        self._lacking = {fold: _hessian(fold.left_out, theta) for fold in dealt}
        parts = self._lacking.values()
        self._whole = np.sum(list(parts), axis=0) if dealt else _hessian(_plain(objective), theta)

    def of_all(self, penalty: Doubles) -> Metric:
        return _Newton(self._whole.copy(), penalty)

    def of_fold(self, fold: _Fold, penalty: Doubles) -> Metric:
        if not fold.complement:
            return self.of_all(penalty)
        if fold not in self._lacking:
            self._lacking[fold] = _hessian(fold.left_out, self._theta)
        own = (self._whole - self._lacking[fold]) / fold.mass
        return _Newton(own, penalty / fold.mass)

    def worth_knowing(self, _: Memory) -> Memory:
        return Memory()  # the pairs are of other points: they know less than the Hessian


class _ClassBlocks:
    """Blocks of the Hessian, one a class, of all rows: the folds differ little from them."""

    exact = False

    def __init__(self, objective: LinearSoftmax, theta: Doubles) -> None:
        self._objective = objective
        self._grams = class_grams(objective, theta, 0) if class_matrices_fit(objective) else None
        self._of_folds: tuple[Doubles, Metric] | None = None

    def of_all(self, penalty: Doubles) -> Metric:
        if self._grams is None:
            return shared_whitening(replace(self._objective, penalty=penalty))
        return whitening_by(self._grams, penalty)

    def of_fold(self, fold: _Fold, penalty: Doubles) -> Metric:
        # The folds have nearly the same share of the rows: one factorisation serves all of them.
        if self._of_folds is None or self._of_folds[0] is not penalty:
            self._of_folds = penalty, self.of_all(penalty / fold.mass)
        return self._of_folds[1]

    def worth_knowing(self, pairs: Memory) -> Memory:
        return pairs  # they know how the classes depend on each other


class _Newton:
    """Division by a whole Hessian."""

    def __init__(self, hessian: Doubles, penalty: Doubles) -> None:
        k = len(hessian) // len(penalty)
        hessian[np.diag_indices(len(hessian))] += np.tile(penalty, k)
        self._factor = Factor(with_gauge(hessian, k))

    def solve(self, gradient: Doubles) -> Doubles:
        return self._factor.solve(gradient.ravel()).reshape(gradient.shape)


def _hessian(objective: LinearSoftmax, theta: Doubles) -> Doubles:
    return objective.hessian(objective.probabilities(objective.logits(theta)))
