"""What a trained multilayer perceptron answers: scikit-learn's face of its weights."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from luce import functions
from luce.functions.perceptron import Perceptron
from luce.nn.standardised_rows import flat

Doubles = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]

DTYPES = (np.float64, np.float32, np.uint8)  # of features that are learnt as they are


class PerceptronClassifier(ClassifierMixin, BaseEstimator, ABC):
    """Answers by weights that `fit` has learnt; NumPy is enough for it."""

    coefs_: list[Floats]  # (inputs, outputs) of each layer
    intercepts_: list[Floats]
    centre_: Doubles
    scale_: Doubles
    classes_: NDArray[Any]

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the weights."""

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return the logits (n, k); for two classes the log-odds of the second, (n,)."""
        z = self._logits(X)
        difference: Floats = z[:, 1] - z[:, 0]
        return difference if len(self.classes_) == 2 else z

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each row."""
        winner = self._logits(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[winner]
        return labels

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class, shape (n_rows, n_classes); each row sums to 1."""
        return functions.softmax(self._logits(X))

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Return the logarithm of `predict_proba`, accurate also where a class wins clearly."""
        return functions.log_softmax(self._logits(X))

    def _logits(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        table = validate_data(self, flat(X), accept_sparse="csr", dtype=list(DTYPES), reset=False)
        return Perceptron(self.centre_, self.scale_, self.coefs_, self.intercepts_).logits(table)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
