"""What every linear classifier predicts from its coefficients."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils.validation import check_is_fitted, validate_data

from luce.estimators.logit_classifier import LogitClassifier
from luce.estimators.sparse_tables import check_places

Floats = NDArray[np.floating[Any]]

DTYPES = (np.float64, np.float32, np.uint8)  # that are worked on as they come
_BLOCK = 1 << 21  # numbers of a table of bytes that are spelled out at a time


class LinearClassifier(LogitClassifier):
    """Base of classifiers with ``classes_``, ``coef_`` and ``intercept_``.

    The logits are ``X @ coef_.T + intercept_``; with two classes there is one row of coefficients,
    the log-odds of the second class. Tables may be dense or sparse, which stay sparse.
    """

    coef_: Floats
    intercept_: Floats

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn the coefficients."""

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return the logits, shape (n_rows, n_classes); two classes: the log-odds, (n_rows,)."""
        return self._logits(X)

    def _logits(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        table = validate_data(self, X, accept_sparse="csr", dtype=list(DTYPES), reset=False)
        logits = linear_logits(table, self.coef_, self.intercept_)
        return logits[:, 0] if len(self.coef_) == 1 else logits

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def linear_logits(table: Any, coef: Floats, intercept: Floats) -> Floats:
    """Return ``table @ coef.T + intercept``, in float32 where table and coef are, else float64."""
    dtype = np.float32 if table.dtype == coef.dtype == np.float32 else np.float64
    weights, constant = coef.astype(dtype, copy=False).T, intercept.astype(dtype, copy=False)
    if sparse.issparse(table):
        check_places(table)
    if sparse.issparse(table) or table.dtype == dtype:
        logits: Floats = table @ np.ascontiguousarray(weights) + constant
        return logits
    logits = np.empty((len(table), weights.shape[1]), dtype)
    step = max(1, _BLOCK // max(1, table.shape[1]))
    for start in range(0, len(table), step):
        part = slice(start, start + step)
        logits[part] = table[part].astype(dtype) @ weights + constant
    return logits
