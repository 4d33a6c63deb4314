"""What a classifier keeps between two calls of ``partial_fit``."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.estimators.labelled_rows import LabelledRows
from luce.estimators.problem import parameters, square_penalty
from luce.estimators.standardised import Units, units
from luce.solvers import Labels, LinearSoftmax, Stream

Doubles = NDArray[np.float64]

_INTERCEPT = 1e-3  # penalty of intercepts: a class without rows so far must not go to -inf
_SMALLEST = 1e-6  # penalty of standardised coefficients, where there would be none


def check_streamable(model: Any) -> None:
    """Raise a ParameterError for options that need all rows at once."""
    if isinstance(model.class_weight, str):
        raise ParameterError(
            f"class_weight must be a dict or None in partial_fit, got {model.class_weight!r}: the"
            " frequencies of the classes are known only at the end. Pass a weight for each class."
        )
    if model.l1_ratio != 0:
        raise ParameterError(
            f"l1_ratio must be 0 in partial_fit, got {model.l1_ratio!r}. Pass l1_ratio=0, or fit"
            " all rows at once."
        )


def learn_batch(model: Any, rows: LabelledRows, first: bool) -> None:
    """Learn a batch, and set what a `SolvedClassifier` tells of it."""
    if model._batches is None:
        batches = Batches(rows, model.C, model.fit_intercept)
        if not first:
            seen = model._seen or float(rows.weights.sum())
            theta = parameters(batches.units, *model._as_weighted())
            batches.recall(theta, rows, model.label_smoothing, seen)
        model._batches, model.history_ = batches, []
        model._shift = _log_weights(model, model.classes_)
    learned = model._batches.learn(rows, model.label_smoothing)
    model._set_coefficients(model._batches.units, learned.theta, rows.table.dtype)
    model.n_iter_ = np.array([max(1, learned.steps)], dtype=np.int32)
    model.gap_, model.objective_, model.lower_bound_ = np.inf, np.nan, -np.inf
    model.converged_, model.interrupted_ = False, False
    entry = {"rows": model._batches.rows_seen, "loss_before": learned.loss_before}
    model.history_.append(entry)
    model._tell(entry)


def _log_weights(model: Any, classes: NDArray[Any]) -> Doubles | float:
    """Return by how much given class weights raise the logits, if that is to be corrected."""
    if not model.correct_prior or model.class_weight is None:
        return 0.0
    weights = np.array([float(model.class_weight.get(c, 1.0)) for c in classes.tolist()])
    return np.log(np.where(weights > 0, weights, 1.0))


class Learned(NamedTuple):
    """What a batch was worth."""

    theta: Doubles
    steps: int
    loss_before: float  # mean loss of the batch's rows under the model that had not seen them


class Batches:
    """The stream of a model, in the units that the first batch sets.

    Any units are right; they only keep the arithmetic far from rounding. The penalty is that of
    the user's columns: 1 / C on the sum of losses, in whatever number of batches they come.
    """

    def __init__(self, rows: LabelledRows, C: float, intercept: bool) -> None:
        k = len(rows.classes)
        total = float(rows.weights.sum())
        strength = square_penalty(C, 1.0, k)
        measured = units(rows.table, rows.weights / total, intercept=intercept, strength=strength)
        penalty = np.maximum(measured.penalty, _SMALLEST)
        if intercept:
            penalty[-1] = _INTERCEPT
        self.units: Units = measured
        self.rows_seen = 0.0
        self._stream = Stream.begin((k, len(penalty)), penalty)

    def recall(self, theta: Doubles, rows: LabelledRows, smoothing: float, seen: float) -> None:
        """Go on from parameters that `fit` has found on rows of this total weight."""
        batch = self._objective(rows, smoothing)
        self._stream.recall(theta, batch, seen / float(rows.weights.sum()))
        self.rows_seen = seen

    def learn(self, rows: LabelledRows, smoothing: float) -> Learned:
        """Add the rows of a batch."""
        batch = self._objective(rows, smoothing)
        before, _ = batch.value_gradient(self._stream.theta)
        steps = self._stream.learn(batch)
        total = float(rows.weights.sum())
        self.rows_seen += total
        return Learned(self._stream.theta, steps, before / total)

    def _objective(self, rows: LabelledRows, smoothing: float) -> LinearSoftmax:
        k, d = self._stream.theta.shape
        return LinearSoftmax(
            design=self.units.design(rows.table, np.float64),
            targets=Labels(rows.labels, k, smoothing),
            weights=rows.weights,
            penalty=np.zeros(d),
            intercept=self.units.intercept,
        )
