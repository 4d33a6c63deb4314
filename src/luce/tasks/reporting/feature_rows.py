"""Means, spreads and rows of encoded features, be they an array or a sparse matrix of texts."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Features: TypeAlias = NDArray[np.floating[Any]] | csr_matrix
Doubles = NDArray[np.float64]


def mean_of(X: Features) -> Doubles:
    """Return the mean of each column."""
    return np.asarray(X.mean(axis=0), dtype=np.float64).ravel()


def spread_of(X: Features) -> Doubles:
    """Return the standard deviation of each column; a sparse matrix is not filled with zeros."""
    if isinstance(X, np.ndarray):
        return np.asarray(X.std(axis=0), dtype=np.float64)
    squares = mean_of(X.multiply(X))
    return np.sqrt(np.maximum(squares - mean_of(X) ** 2, 0))


def row_of(X: Features, row: int) -> Doubles:
    """Return one row as an array."""
    return np.asarray(
        X[row] if isinstance(X, np.ndarray) else X[row].toarray(), dtype=np.float64
    ).ravel()
