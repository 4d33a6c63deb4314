"""What every linear classifier predicts from its coefficients."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from luce import functions

Floats = NDArray[np.floating[Any]]

DTYPES = (np.float64, np.float32, np.uint8)  # that are worked on as they come
_BLOCK = 1 << 21  # numbers of a table of bytes that are spelled out at a time


class LinearClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # untyped bases
    """Base of classifiers with ``classes_``, ``coef_`` and ``intercept_``.

    The logits are ``X @ coef_.T + intercept_``; with two classes there is one row of coefficients,
    the log-odds of the second class. Tables may be dense or sparse, which stay sparse.
    """

    classes_: NDArray[Any]
    coef_: Floats
    intercept_: Floats

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn the coefficients."""

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return the logits, shape (n_rows, n_classes); two classes: the log-odds, (n_rows,)."""
        check_is_fitted(self)
        table = validate_data(self, X, accept_sparse="csr", dtype=list(DTYPES), reset=False)
        logits = linear_logits(table, self.coef_, self.intercept_)
        return logits[:, 0] if len(self.coef_) == 1 else logits

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each row."""
        logits = self.decision_function(X)
        winner = (logits > 0).astype(np.intp) if logits.ndim == 1 else logits.argmax(axis=1)
        labels: NDArray[Any] = self.classes_[winner]
        return labels

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class, shape (n_rows, n_classes); each row sums to 1."""
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return np.column_stack([functions.sigmoid(-logits), functions.sigmoid(logits)])
        return functions.softmax(logits)

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Return the logarithm of `predict_proba`, accurate also where a class wins clearly."""
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return np.column_stack([functions.log_sigmoid(-logits), functions.log_sigmoid(logits)])
        return functions.log_softmax(logits)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def linear_logits(table: Any, coef: Floats, intercept: Floats) -> Floats:
    """Return ``table @ coef.T + intercept`` in float32 for float32 tables, else in float64."""
    dtype = np.float32 if table.dtype == np.float32 else np.float64
    weights, constant = coef.astype(dtype, copy=False).T, intercept.astype(dtype, copy=False)
    if sparse.issparse(table) or table.dtype == dtype:
        logits: Floats = table @ np.ascontiguousarray(weights) + constant
        return logits
    logits = np.empty((len(table), weights.shape[1]), dtype)
    step = max(1, _BLOCK // max(1, table.shape[1]))
    for start in range(0, len(table), step):
        part = slice(start, start + step)
        logits[part] = table[part].astype(dtype) @ weights + constant
    return logits
