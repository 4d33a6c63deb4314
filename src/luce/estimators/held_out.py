"""What a meta-estimator needs of its classifier: logits, held-out rows, labels as numbers."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from luce.errors import LabelError, ParameterError
from luce.estimators.softmax_regression import SoftmaxRegression

Doubles = NDArray[np.float64]

_SMALLEST = float(np.finfo(np.float64).tiny)


def logits_of(estimator: Any, X: Any) -> Doubles:
    """Return logits (n, k) of a fitted classifier: its decision function, else its log p.

    The log-odds of two classes become two columns, 0 and the log-odds.
    """
    decide = getattr(estimator, "decision_function", None)  # naive Bayes has none, an SVM no p
    if decide is None:
        return np.log(np.maximum(np.asarray(estimator.predict_proba(X), np.float64), _SMALLEST))
    z = np.asarray(decide(X), np.float64)
    return z[:, None] * [[0.0, 1.0]] if z.ndim == 1 else z


def fitted_on_part(
    estimator: Any, X: Any, y: ArrayLike, fraction: float, seed: int | None
) -> tuple[Any, Any, Any]:
    """Fit a clone on all rows but a fraction; return it with the rows and labels held out."""
    if isinstance(fraction, bool) or not 0 < fraction < 1:
        raise ParameterError(
            f"holdout must be a fraction between 0 and 1, got {fraction!r}. Pass holdout=0.25."
        )
    target = np.asarray(y)
    rows = np.arange(len(target))
    _, counts = np.unique(target, return_counts=True)
    several = counts.min() > 1 and round(fraction * len(target)) >= len(counts)
    kept, held_out = train_test_split(
        rows, test_size=fraction, stratify=target if several else None, random_state=seed
    )
    fitted = unfitted(estimator).fit(_safe_indexing(X, kept), target[kept])
    return fitted, _safe_indexing(X, held_out), target[held_out]


def unfitted(estimator: Any) -> Any:
    """Return a clone of the classifier; `SoftmaxRegression` where None is given."""
    return SoftmaxRegression() if estimator is None else clone(estimator)


def prefit(estimator: Any) -> Any:
    """Return the classifier itself, known to be fitted."""
    if not isinstance(estimator, BaseEstimator):
        return estimator
    check_is_fitted(estimator)
    return estimator


def codes(y: ArrayLike, classes: NDArray[Any]) -> NDArray[np.int64]:
    """Return labels as numbers of classes, which are sorted."""
    target = np.asarray(y)
    places = np.searchsorted(classes, target).clip(max=len(classes) - 1)
    wrong = classes[places] != target
    if wrong.any():
        raise LabelError(
            f"y must hold classes that the classifier knows, got {target[wrong].tolist()[0]!r} at"
            f" row {int(wrong.argmax())}. Drop such rows, or train on some of them."
        )
    return places.astype(np.int64)
