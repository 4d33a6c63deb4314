"""Rows of a table, checked and standardised, as `luce.nn.SoftmaxMLP` learns them."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from luce.errors import DataError, LabelError
from luce.functions.perceptron import Perceptron
from luce.nn.training.rows import Batch, Rows

Doubles = NDArray[np.float64]


class Table(NamedTuple):
    """What `fit` was given: the rows that count."""

    X: Any  # (n, d) array or CSR
    target: NDArray[Any]  # (n,)
    weights: Doubles  # (n,) positive


class StandardisedRows(Rows):
    """Rows that are standardised when they are taken: no copy of the table is made."""

    def __init__(
        self, X: Any, units: Perceptron, codes: NDArray[np.int64], weights: Doubles
    ) -> None:
        self._X, self._units, self.codes, self.weights = X, units, codes, weights

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: NDArray[np.int64]) -> Batch:
        inputs = self._units.standardised(self._X[rows])
        weights = self.weights[rows].astype(inputs.dtype, copy=False)
        return tuple(map(torch.from_numpy, (inputs, self.codes[rows], weights)))

    def only(self, rows: NDArray[np.int64]) -> "StandardisedRows":
        """Return some of the rows."""
        return StandardisedRows(self._X[rows], self._units, self.codes[rows], self.weights[rows])

    def split(self, share: float, seed: int) -> "tuple[StandardisedRows, StandardisedRows | None]":
        """Hold out a share of the rows of each class; none where a class is too small."""
        n, counts = len(self), np.bincount(self.codes)
        counts = counts[counts > 0]
        size = round(share * n)
        if size < len(counts) or n - size < len(counts) or counts.min() < 2:
            return self, None
        kept, held_out = train_test_split(
            np.arange(n), test_size=size, stratify=self.codes, random_state=seed
        )
        return self.only(np.sort(kept)), self.only(np.sort(held_out))


def flat(X: Any) -> Any:
    """Return images (n, height, width, ...) as rows of pixels, all else as it came."""
    return X.reshape(len(X), -1) if isinstance(X, np.ndarray) and X.ndim > 2 else X


def dtype_of(X: Any) -> Any:
    """Return the dtype in which a table is learnt."""
    return np.float64 if X.dtype == np.float64 else np.float32


def known_codes(target: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """Return labels as numbers of classes, which are sorted. Raises LabelError for others."""
    places = np.searchsorted(classes, target).clip(max=len(classes) - 1)
    wrong = np.flatnonzero(classes[places] != target)
    if len(wrong):
        raise LabelError(
            f"y must hold classes that are known from the first call ({len(classes)} of them), got"
            f" {target[wrong[:1]].tolist()[0]!r} at row {wrong[0]}. Name all classes in the first"
            " call: partial_fit(X, y, classes=...)."
        )
    return places.astype(np.int64)


def shared_units(X: Any, weights: Doubles) -> tuple[Doubles, Doubles]:
    """Return the mean and the deviation of all numbers, for every column."""
    d, mass = X.shape[1], weights.sum() * X.shape[1]
    mean = float(weights @ np.asarray(X.mean(axis=1, dtype=np.float64)).ravel()) * d / mass
    square = 0.0
    for row in range(0, X.shape[0], 4096):
        part = X[row : row + 4096]
        dense = part.toarray() if sparse.issparse(part) else part
        moved = dense.astype(np.float64) - mean
        square += float(weights[row : row + 4096] @ np.einsum("ij,ij->i", moved, moved))
    spread = (square / mass) ** 0.5 or 1.0
    return np.full(d, mean), np.full(d, spread)


def column_units(X: Any, weights: Doubles) -> tuple[Doubles, Doubles]:
    """Return mean and deviation of each column; sparse columns are not moved."""
    is_sparse = sparse.issparse(X)
    scaler = StandardScaler(with_mean=not is_sparse).fit(X, sample_weight=weights)
    centre = np.zeros(X.shape[1]) if is_sparse else scaler.mean_
    return np.asarray(centre, np.float64), np.asarray(scaler.scale_, np.float64)


def check_some_weight(weights: Doubles) -> None:
    """Raise a DataError if no row counts."""
    if not weights.any():
        raise DataError(
            "the weights of the rows must not all be 0, got nothing else. Give some row, and its"
            " class, a weight above 0."
        )
