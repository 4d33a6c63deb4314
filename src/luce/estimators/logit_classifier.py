"""What every classifier with logits shares: labels, probabilities and their logarithms."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from luce import functions

Floats = NDArray[np.floating[Any]]


class LogitClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # untyped bases
    """A classifier whose probabilities are the softmax of its logits.

    What inherits from it says how the logits come about, and whether they are offered as
    `decision_function`.
    """

    classes_: NDArray[Any]

    @abstractmethod
    def _logits(self, X: ArrayLike) -> Floats:
        """Return the logits, shape (n_rows, n_classes); two classes: the log-odds, (n_rows,)."""

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each row."""
        logits = self._logits(X)
        winner = (logits > 0).astype(np.intp) if logits.ndim == 1 else logits.argmax(axis=1)
        labels: NDArray[Any] = self.classes_[winner]
        return labels

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class, shape (n_rows, n_classes); each row sums to 1."""
        return probabilities_of(self._logits(X))

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Return the logarithm of `predict_proba`, accurate also where a class wins clearly."""
        logits = self._logits(X)
        if logits.ndim == 1:
            return np.column_stack([functions.log_sigmoid(-logits), functions.log_sigmoid(logits)])
        return functions.log_softmax(logits)


def probabilities_of(logits: Floats) -> Floats:
    """Return probabilities (n, k) of logits (n, k), or of log-odds (n,) of two classes."""
    if logits.ndim == 1:
        return np.column_stack([functions.sigmoid(-logits), functions.sigmoid(logits)])
    return functions.softmax(logits)
