"""Which calibration: the one that is named, or the one that suits the rows."""

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from luce import _checks
from luce.estimators.calibrator import Calibrator, Doubles, as_log_probabilities, row_shares
from luce.estimators.cross_fitting import folds
from luce.estimators.isotonic_calibration import IsotonicCalibration
from luce.estimators.matrix_scaling import MatrixScaling
from luce.estimators.temperature_scaling import TemperatureScaling
from luce.estimators.vector_scaling import VectorScaling

AUTO = "auto"
CALIBRATORS: dict[str, type[Calibrator]] = {
    "temperature": TemperatureScaling,
    "vector": VectorScaling,
    "matrix": MatrixScaling,
    "isotonic": IsotonicCalibration,
}
_FOLDS = 5
_ENOUGH = 100  # rows; with fewer a standard error is a guess itself
_ERRORS = 2.0  # with one, 423 rows of `vehicle` chose a matrix that was worse on the next 423


def as_calibrator(method: str | Calibrator) -> Calibrator | None:
    """Return a calibration to be fitted, from its name or from one with options; None for "auto".

    Raises
    ------
    ParameterError
        If the name is none that is known.
    """
    if isinstance(method, Calibrator):
        fresh: Calibrator = clone(method)
        return fresh
    name = _checks.as_choice(method, (AUTO, *CALIBRATORS), "method")
    return None if name == AUTO else CALIBRATORS[name]()


def name_of(calibrator: Calibrator) -> str:
    """Return the name of a calibration's kind."""
    return next(name for name, kind in CALIBRATORS.items() if isinstance(calibrator, kind))


def fitted_calibrator(
    method: str | Calibrator,
    logits: Doubles,
    labels: NDArray[np.int64],
    weights: Doubles | None = None,
) -> Calibrator:
    """Fit a calibration to held-out logits (n, k) and their true classes, chosen if "auto"."""
    calibrator = as_calibrator(method) or _chosen(logits, labels, weights)
    return calibrator.fit(logits, labels, weights)


def _chosen(logits: Doubles, labels: NDArray[np.int64], weights: Doubles | None) -> Calibrator:
    """Choose between temperature, vector and matrix by their log loss on rows held out in turn.

    It is the vector, which its penalty keeps near the temperature where there is little to learn,
    unless another has a mean loss that is less by two standard errors; of few rows, the
    temperature. The error is that of the difference, row by row: most of what makes a row's
    loss large or small is the same for all calibrations.

    A matrix with more numbers than there are rows is not tried.
    """
    n, k = as_log_probabilities(logits).shape
    shares = row_shares(weights, n)
    if weights is not None and not shares.all():
        used = shares > 0
        return _chosen(logits[used], labels[used], weights[used])
    if 1.0 / float(shares @ shares) < _ENOUGH:
        return TemperatureScaling()
    others: list[Calibrator] = [TemperatureScaling()]
    if k * (k + 1) <= n:
        others.append(MatrixScaling())
    fold = folds(logits, labels, _FOLDS)
    usual = VectorScaling()
    losses = _losses(usual, logits, labels, weights, fold)
    best: Calibrator = usual
    most = 0.0
    for other in others:
        gained = losses - _losses(other, logits, labels, weights, fold)
        gain = float(shares @ gained)
        error = float(np.sqrt(shares**2 @ (gained - gain) ** 2))
        if gain > max(_ERRORS * error, most):
            best, most = other, gain
    return best


def _losses(
    calibrator: Calibrator,
    logits: Doubles,
    labels: NDArray[np.int64],
    weights: Doubles | None,
    fold: NDArray[np.int64],
) -> Doubles:
    """Return the log loss of each row, calibrated by what the other folds' rows teach."""
    losses = np.empty(len(labels))
    for number in np.unique(fold):
        own, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        of_others = None if weights is None else weights[others]
        learnt = clone(calibrator).fit(logits[others], labels[others], of_others)
        log_p = learnt.predict_log_proba(logits[own])
        losses[own] = -log_p[np.arange(len(own)), labels[own]]
    return losses
