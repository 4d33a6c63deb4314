"""Calibrate a classifier on training rows that clones of it have not seen."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import ModelFileError, ParameterError
from luce.estimators.calibration_choice import CALIBRATORS, fitted_calibrator, name_of
from luce.estimators.calibrator import Calibrator
from luce.estimators.cross_fitting import folds, out_of_fold_logits
from luce.estimators.held_out import codes

FOLDS = 5
ENOUGH = 10_000  # rows; more change no digit of a calibration that anybody would read
ENOUGH_FOR_TEMPERATURE = 2_000  # rows: it is one number
_GROUP = "calibration."


class HeldOutLogits(NamedTuple):
    """What a calibration learns from: logits (n, k), the true classes (n,), how many folds."""

    logits: NDArray[np.float64]
    codes: NDArray[np.int64]
    folds: int


class Calibration:
    """A fitted calibrator, and what the model file tells about it."""

    def __init__(self, calibrator: Calibrator, facts: Mapping[str, Any]) -> None:
        self.calibrator = calibrator
        self.facts = dict(facts)

    def tensors(self) -> dict[str, NDArray[np.float64]]:
        """Return the arrays of the model file."""
        return {_GROUP + name: array for name, array in self.calibrator.to_arrays().items()}

    def probabilities(self, logits: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) of logits, or of the log-odds of two classes."""
        return self.calibrator.predict_proba(logits)


def calibrate(kind: str, classifier: Any, X: Any, labels: NDArray[Any]) -> Calibration:
    """Learn a calibration for a classifier that was trained on these rows.

    The rows are dealt into five folds; each fold's logits come from a clone that is trained on the
    other four. Of more than 10,000 rows (for a temperature, 2,000) only as many folds are held out
    as hold so many. The kind "auto" is chosen by these rows, and the facts tell what it came to.
    """
    enough = ENOUGH_FOR_TEMPERATURE if kind == "temperature" else ENOUGH
    held_out = held_out_logits(classifier, X, labels, enough)
    calibrator = fitted_calibrator(kind, held_out.logits, held_out.codes)
    facts = {"kind": name_of(calibrator), "rows": len(held_out.codes), "folds": held_out.folds}
    return Calibration(calibrator, facts)


def held_out_logits(
    classifier: Any, X: Any, labels: NDArray[Any], enough: int = ENOUGH
) -> HeldOutLogits:
    """Return logits of training rows, each by a clone of the classifier that has not seen it."""
    numbers = codes(labels, classifier.classes_)
    clone = type(classifier)(**{**classifier.get_params(), "callbacks": None, "verbose": 0})
    splits = list(_splits(folds(X, numbers, FOLDS), enough))
    found = out_of_fold_logits(clone, X, numbers, None, classifier.classes_, splits)
    return HeldOutLogits(found.logits, numbers[found.rows], len(splits))


def read_calibration(
    path: str, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]
) -> Calibration | None:
    """Return the calibration of a model file; None if it has none.

    Raises
    ------
    ModelFileError
        The calibration is of a kind that this luce does not know, or its arrays do not fit.
    """
    facts = metadata.get("calibration")
    if facts is None:
        return None
    arrays = {n.removeprefix(_GROUP): a for n, a in tensors.items() if n.startswith(_GROUP)}
    if facts["kind"] not in CALIBRATORS:
        raise ModelFileError(
            f"{path!r}: metadata.calibration.kind must be one of {', '.join(CALIBRATORS)}, got"
            f" {facts['kind']!r}. The file is damaged: copy it again or train the model again."
        )
    classes = len(metadata["classes"]["values"])
    try:
        return Calibration(CALIBRATORS[facts["kind"]].from_arrays(arrays, classes), facts)
    except ParameterError as error:
        raise ModelFileError(f"{path!r}: its calibration is damaged: {error}") from error


def _splits(
    fold: NDArray[np.int64], enough: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield rows to train on and rows held out, until enough rows were held out."""
    held_out = 0
    for number in np.unique(fold):
        if held_out >= enough:
            return
        held_out += int((fold == number).sum())
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)
