"""The path of a cross-validated estimator: every C, every fold, and what they score."""

import time
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.estimators.fold_scores import mean_score, row_scores, score
from luce.estimators.problem import check_total, coefficients, square_penalty, standardised_problem
from luce.estimators.row_targets import log_class_weights, row_targets
from luce.estimators.softmax_regression import SoftmaxRegression
from luce.estimators.standardised import Units
from luce.solvers import LinearSoftmax, Split, Stage, follow_path, leave_one_out_logits

Doubles = NDArray[np.float64]
Entry = dict[str, Any]

_SCORE_TOL = 3e-3
_PATH_TOL = 1e-5
_ALO_TOL = 1e-8  # its formula takes the gradient for 0


class PathData(NamedTuple):
    """The rows as the solvers see them, for C = 1."""

    objective: LinearSoftmax
    measured: Units
    classes: NDArray[Any]
    shift: Doubles | float  # by class weights, that is taken off the logits


def path_data(model: Any, X: Any, y: NDArray[Any], given: Doubles) -> PathData:
    """Translate table, labels and weights for the solvers."""
    corrected = model.correct_prior and model.class_weight is not None
    shift = log_class_weights(y, given, model.class_weight) if corrected else 0.0
    classes, targets, weights = row_targets(y, given, model.class_weight, model.label_smoothing)
    check_total(weights)
    objective, measured = standardised_problem(
        X,
        targets,
        weights,
        intercept=model.fit_intercept,
        strength=square_penalty(1.0, float(weights.sum()), len(classes)),
    )
    return PathData(objective, measured, classes, shift)


class PenaltyPath:
    """Follows the path from the smallest C to the largest, and keeps what it finds.

    `scores`, `coefs` and `passes` have a row for each fold (a row of the table, one, and one for
    approximate leave-one-out) and a column for each C in the order given; NaN where Ctrl-C came
    first. `order` puts the columns in rising order of C, of which `done` were finished.
    """

    def __init__(
        self,
        model: Any,
        table: Any,
        data: PathData,
        splits: list[Split],
        weights: Doubles | None,
        row_weights: Doubles,
        values: Doubles,
    ) -> None:
        self._model, self._table, self._data = model, table, data
        self._weights, self._row_weights = weights, row_weights
        self.splits, self.shift = splits, data.shift
        self.order = np.argsort(values, kind="stable")
        self.ordered = values[self.order]
        self.done, self.interrupted = 0, False
        self.history: list[Entry] = []
        k, d = data.objective.shape
        folds = len(splits) or 1
        self.scores = np.full((len(splits) or table.shape[0], len(values)), np.nan)
        self.coefs = np.full((folds, len(values), 1 if k == 2 else k, d), np.nan)
        self.passes = np.zeros((folds, len(values)), dtype=np.int32)
        self._thetas: list[Doubles] = []
        self._started = time.perf_counter()

    def follow(self) -> None:
        """Minimise for each C; Ctrl-C ends the path early."""
        objective = self._data.objective
        stages = follow_path(
            objective,
            [objective.penalty / c for c in self.ordered],
            self.splits,
            tol=_SCORE_TOL,
            max_iter=self._model.max_iter,
            path_tol=_PATH_TOL if self.splits else _ALO_TOL,
        )
        try:
            for stage in stages:
                self._record(stage)
        except KeyboardInterrupt:
            self.interrupted = True

    def coefficients_at(self, c: float) -> tuple[Doubles, Doubles]:
        """Return coefficients and intercepts of all rows for one of the values of C."""
        if not self.done:
            return self._raw(np.zeros(self._data.objective.shape))
        return self._raw(self._thetas[int(np.flatnonzero(self.ordered == c)[0])])

    def _record(self, stage: Stage) -> None:
        column = self.order[self.done]
        for fold, theta in enumerate(stage.folds or (stage.theta,)):
            coef, intercept = self._raw(theta)
            d = coef.shape[1]
            self.coefs[fold, column, :, :d] = coef
            self.coefs[fold, column, :, d:] = intercept[:, None]
            if self.splits:
                self.scores[fold, column] = self._score(self.splits[fold].test, coef, intercept)
        if not self.splits:
            self.scores[:, column] = self._left_out(stage.theta)
        passes = stage.passes or (stage.passes_of_all,)
        self.passes[:, column] = np.add(passes, 1)  # one is shared by all folds
        self._thetas.append(stage.theta)
        self.done += 1
        self._tell(stage)

    def _score(self, test: NDArray[np.intp], coef: Doubles, intercept: Doubles) -> float:
        fold = SoftmaxRegression()
        fold.classes_, fold.coef_, fold.intercept_ = self._data.classes, coef, intercept
        fold.n_features_in_ = self._model.n_features_in_
        return score(
            self._model.scoring,
            fold,
            self._table[test],
            self._data.objective.targets.labels[test],
            None if self._weights is None else self._weights[test],
        )

    def _left_out(self, theta: Doubles) -> Doubles:
        objective = self._data.objective
        here = replace(objective, penalty=objective.penalty / self.ordered[self.done])
        logits = leave_one_out_logits(here, theta) - self.shift
        return row_scores(self._model.scoring or "accuracy", logits, here.targets.labels)

    def _raw(self, theta: Doubles) -> tuple[Doubles, Doubles]:
        return coefficients(self._data.measured, theta, self.shift)

    def _tell(self, stage: Stage) -> None:
        of_rows = None if self.splits else self._row_weights
        found = mean_score(self.scores[:, self.order[self.done - 1]], of_rows)
        entry: Entry = {
            "C": float(self.ordered[self.done - 1]),
            "score": found.mean,
            "standard_error": found.standard_error,
            "passes": sum(stage.passes) + stage.passes_of_all,
            "seconds": time.perf_counter() - self._started,
        }
        self.history.append(entry)
        for callback in self._model.callbacks or ():
            callback(entry)
        if self._model.verbose:
            print(" ".join(f"{name}={value:.6g}" for name, value in entry.items()))
