"""A classifier whose probabilities are calibrated on logits of rows it was not trained on."""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import assert_all_finite, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
)

from luce import functions
from luce.errors import ParameterError
from luce.estimators.calibration_choice import as_calibrator, fitted_calibrator
from luce.estimators.calibrator import Calibrator
from luce.estimators.cross_fitting import out_of_fold_logits
from luce.estimators.held_out import codes, logits_of, prefit, unfitted

Doubles = NDArray[np.float64]


class Calibrated(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # untyped bases
    """A classifier with calibrated probabilities, trained on all rows.

    The rows are dealt into `cv` folds; for each fold a clone of the classifier is trained on the
    others and gives its logits. From these out-of-fold logits of all rows the calibration is
    learnt; the classifier itself is then trained on all rows. So no row is lost, and none is
    calibrated by a classifier that has seen it.

    Parameters
    ----------
    estimator : classifier, optional
        Any with ``decision_function`` or ``predict_proba``; default: `SoftmaxRegression`.
    method : {"temperature", "vector", "matrix", "isotonic", "auto"} or calibrator, \
default="temperature"
        How to calibrate; a `VectorScaling`, say, with options of its own may be given instead.
        "auto" is the vector, unless another of the first three does better on the same
        logits, held out in turn.
    cv : int, splitter or list of splits, default=5
        Number of folds, dealt as the notes say, or the splits themselves.
    prefit : bool, default=False
        Whether `estimator` is fitted already; then `fit` takes rows that it has not seen, and
        learns the calibration only.

    Attributes
    ----------
    estimator_ : classifier
        Trained on all rows.
    calibrator_ : Calibrator
        What was learnt from the out-of-fold logits.
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    n_features_in_, feature_names_in_
        Those of `estimator_`, where it has them.

    Notes
    -----
    Equal rows (features and label) are always in the same fold: a copy in the training part
    would betray the label of the other. The folds follow from the rows alone, not from their order
    or a seed; a sample weight of 2 is the same as a row given twice. A class of a single row is
    missing where that row is held out; its logit is then that of the least probable class.

    Source: J. Platt (1999), Probabilistic outputs for support vector machines, section 2.1
    (cross-fitting).

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from luce import Calibrated, SoftmaxRegression
    >>> X, y = load_wine(return_X_y=True)
    >>> model = Calibrated(SoftmaxRegression(C=100.0), method="temperature").fit(X, y)
    >>> bool(model.calibrator_.temperature_ > 1)  # with hardly any penalty it is too sure
    True
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        method: str | Calibrator = "temperature",
        cv: Any = 5,
        prefit: bool = False,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.cv = cv
        self.prefit = prefit

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the classifier and learn its calibration.

        Parameters
        ----------
        X : array_like, sparse matrix or data frame
            Rows as the classifier takes them.
        y : array_like of shape (n_rows,)
            Labels.
        sample_weight : array_like of shape (n_rows,), optional
            Weight of each row, for the classifier and for the calibration.

        Returns
        -------
        Calibrated
            Itself.

        Raises
        ------
        ParameterError
            If an option has an impossible value.
        LabelError
            If a fold leaves fewer than two classes to train on.
        """
        as_calibrator(self.method)  # whether it is known: now, not after the training
        if isinstance(self.cv, Real) and not _is_whole_from_2(self.cv):
            raise ParameterError(
                "cv must be a whole number from 2, a splitter or a list of splits, got"
                f" {self.cv!r}. Pass cv=5."
            )
        X, target = indexable(X, column_or_1d(y, warn=True))
        assert_all_finite(target, input_name="y")
        check_classification_targets(target)
        if self.prefit:
            self.estimator_ = prefit(self.estimator)
        else:
            own = {} if sample_weight is None else {"sample_weight": sample_weight}
            self.estimator_ = unfitted(self.estimator).fit(X, target, **own)  # it checks X too
        self.classes_ = np.asarray(self.estimator_.classes_)
        labels = codes(target, self.classes_)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        if self.prefit:
            self.calibrator_ = fitted_calibrator(
                self.method, logits_of(self.estimator_, X), labels, weights
            )
            return self
        found = out_of_fold_logits(
            unfitted(self.estimator), X, labels, weights, self.classes_, self.cv
        )
        own_weights = None if weights is None else weights[found.rows]
        self.calibrator_ = fitted_calibrator(
            self.method, found.logits, labels[found.rows], own_weights
        )
        return self

    def decision_function(self, X: Any) -> Doubles:
        """Return calibrated logits (n_rows, n_classes); two classes: the log-odds, (n_rows,)."""
        z = self._logits(X)
        if z.shape[1] == 2:
            odds: Doubles = z[:, 1] - z[:, 0]
            return odds
        return z

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each row."""
        winner = self._logits(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[winner]
        return labels

    def predict_proba(self, X: Any) -> Doubles:
        """Return calibrated probabilities, shape (n_rows, n_classes)."""
        return np.asarray(functions.softmax(self._logits(X)))

    def predict_log_proba(self, X: Any) -> Doubles:
        """Return the logarithm of `predict_proba`."""
        return np.asarray(functions.log_softmax(self._logits(X)))

    @property
    def n_features_in_(self) -> int:
        """Number of features, where the classifier knows it."""
        return int(self.estimator_.n_features_in_)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the features, where the classifier knows them."""
        return np.asarray(self.estimator_.feature_names_in_)

    def get_metadata_routing(self) -> MetadataRouter:
        """Say that ``fit`` takes sample weights, and hands them on to the classifier."""
        hand_on = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=unfitted(self.estimator), method_mapping=hand_on)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(unfitted(self.estimator))
        tags.input_tags = inner.input_tags
        return tags

    def _logits(self, X: Any) -> Doubles:
        check_is_fitted(self, "calibrator_")
        return self.calibrator_.decision_function(logits_of(self.estimator_, X))


def _is_whole_from_2(value: Any) -> bool:
    return isinstance(value, Integral) and int(value) >= 2
