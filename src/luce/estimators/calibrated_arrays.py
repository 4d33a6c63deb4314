"""A calibrated classifier as its classifier, plain arrays and facts, and back."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from luce.errors import ParameterError
from luce.estimators.calibrated import Calibrated
from luce.estimators.calibration_choice import CALIBRATORS, name_of
from luce.estimators.calibrator import Calibrator

_GROUP = "calibration."
_FACTS = {"kind", "estimator", "of_calibrator", "method", "cv", "prefit", "default_classifier"}


class CalibratedParts(NamedTuple):
    """What a model file keeps of a calibrated classifier."""

    classifier: Any  # fitted on all rows
    tensors: dict[str, NDArray[Any]]  # of the calibration, by their names in the file
    facts: dict[str, Any]  # its kind and options, and those of `Calibrated`


def taken_apart(model: Calibrated) -> CalibratedParts:
    """Return what is to be kept of a fitted model."""
    check_is_fitted(model, "calibrator_")
    given = isinstance(model.method, Calibrator)  # then its options are those of calibrator_
    facts = {
        "kind": name_of(model.calibrator_),
        "estimator": "Calibrated",
        "of_calibrator": model.calibrator_.get_params(),
        "method": None if given else model.method,
        "cv": model.cv,
        "prefit": model.prefit,
        "default_classifier": model.estimator is None,
    }
    arrays = model.calibrator_.to_arrays()
    tensors = {_GROUP + name: array for name, array in arrays.items()}
    return CalibratedParts(model.estimator_, tensors, facts)


def put_together(
    classifier: Any, facts: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> Calibrated:
    """Return the calibrated classifier of a file, from its classifier.

    Raises
    ------
    ParameterError
        The facts or the arrays are not those that luce writes.
    """
    if facts.keys() != _FACTS or facts["kind"] not in CALIBRATORS:
        raise ParameterError(
            f"a calibration must have the fields {', '.join(sorted(_FACTS))} and one of the kinds"
            f" {', '.join(CALIBRATORS)}, got {sorted(facts)} and {facts['kind']!r}."
        )
    arrays = {n.removeprefix(_GROUP): a for n, a in tensors.items() if n.startswith(_GROUP)}
    kind = CALIBRATORS[facts["kind"]]
    if unknown := sorted(facts["of_calibrator"].keys() - kind().get_params().keys()):
        raise ParameterError(f"options must be those of {kind.__name__}, got {unknown[0]!r}.")
    calibrator = kind.from_arrays(arrays, len(classifier.classes_))
    calibrator.set_params(**facts["of_calibrator"])
    unfitted = classifier if facts["prefit"] else clone(classifier)
    model = Calibrated(
        None if facts["default_classifier"] else unfitted,
        method=clone(calibrator) if facts["method"] is None else facts["method"],
        cv=facts["cv"],
        prefit=facts["prefit"],
    )
    model.estimator_, model.calibrator_ = classifier, calibrator
    model.classes_ = classifier.classes_
    return model
