"""Rows, their classes and their weights, checked once and counted from 0."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from luce.errors import LabelError
from luce.estimators.class_weights import class_weights
from luce.estimators.classes import classes_of
from luce.estimators.problem import check_total

Doubles = NDArray[np.float64]


class LabelledRows(NamedTuple):
    """The rows that count: those without weight are left out."""

    table: Any  # (n, d) array or CSR
    labels: NDArray[np.int64]  # (n,) in 0..k-1
    weights: Doubles  # (n,) positive
    classes: NDArray[Any]  # (k,) sorted


def labelled_rows(
    model: Any,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    class_weight: Mapping[Any, float] | str | None = None,
    classes: NDArray[Any] | None = None,
    reset: bool = True,
    **checks: Any,
) -> LabelledRows:
    """Check what `fit` was given, and set ``n_features_in_`` of the model.

    `classes` are those known from before, if any; else they are found in y, and must be two or
    more. `checks` go to scikit-learn's ``validate_data``. Raises LabelError, ParameterError and
    scikit-learn's own errors.
    """
    table, target = validate_data(model, X, y, reset=reset, **checks)
    check_classification_targets(target)
    if classes is None:
        classes, labels = classes_of(target)
    else:
        labels = _known(target, classes)
    weights: Doubles = _check_sample_weight(
        sample_weight, table, dtype=np.float64, ensure_non_negative=True
    )
    if class_weight is not None:
        weights = weights * class_weights(class_weight, classes, labels, weights)[labels]
    check_total(weights)
    if not weights.all():  # a row without weight must not even set a unit
        used = np.flatnonzero(weights)
        table, labels, weights = table[used], labels[used], weights[used]
    return LabelledRows(table, labels, weights, classes)


def _known(target: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    places = np.searchsorted(classes, target).clip(max=len(classes) - 1)
    wrong = np.flatnonzero(classes[places] != target)
    if len(wrong):
        (label,) = target[wrong[:1]].tolist()
        raise LabelError(
            f"y must hold classes that are known from the first call ({len(classes)} of them), got"
            f" {label!r} at row {wrong[0]} (rows at fault: {len(wrong)}). Name all classes in the"
            " first call: partial_fit(X, y, classes=...)."
        )
    return places.astype(np.int64)
