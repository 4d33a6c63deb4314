"""What each row should be: a label, or a distribution over the classes."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from luce import kernels

Doubles = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]


class Targets(Protocol):
    r"""Rows ``t_i`` of probabilities, smoothed: ``(1 - smoothing) given + smoothing / k``."""

    @property
    def classes(self) -> int:
        """``k``."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """The most probable class of each row (n,)."""

    @property
    def plain(self) -> NDArray[np.int64] | None:
        """The labels (n,) where there is nothing but labels: no smoothing, no distribution."""

    def totals(self, weights: Doubles) -> Doubles:
        """Return the weight of each class (k,), without smoothing."""

    def residual(self, z: Floats, part: slice, weights: Doubles) -> float:
        """Overwrite the logits of some rows by ``s (p - t)``; return the weighted loss."""

    def accuracy(self, z: Floats, part: slice, weights: Doubles) -> float:
        """Return the weighted share of the targets (unsmoothed) at the largest logits."""

    def take(self, rows: NDArray[np.intp]) -> "Targets":
        """Return the targets of some of the rows."""


@dataclass(frozen=True)
class Labels:
    """One class a row.

    Parameters
    ----------
    labels : (n,) array of int64
        Class of each row, in ``0..classes-1``.
    classes : int
        ``k``.
    smoothing : float
        The share of each target spread evenly over the classes.
    """

    labels: NDArray[np.int64]
    classes: int
    smoothing: float = 0.0

    @property
    def plain(self) -> NDArray[np.int64] | None:
        """The labels, unless they are smoothed."""
        return self.labels if self.smoothing == 0 else None

    def totals(self, weights: Doubles) -> Doubles:
        """Return the weight of the rows of each class."""
        return np.asarray(
            np.bincount(self.labels, weights=weights, minlength=self.classes), dtype=np.float64
        )

    def residual(self, z: Floats, part: slice, weights: Doubles) -> float:
        """Overwrite the logits by ``s (p - t)`` in one fused native pass; return the loss."""
        loss = np.empty(len(z))
        kernels.softmax_residual(z, self.labels[part], weights, loss, smoothing=self.smoothing)
        return float(loss.sum())

    def accuracy(self, z: Floats, part: slice, weights: Doubles) -> float:
        """Return the weight of the rows whose largest logit is that of their label."""
        return float(weights @ (z.argmax(axis=1) == self.labels[part]))

    def take(self, rows: NDArray[np.intp]) -> "Labels":
        """Return the targets of some of the rows."""
        return Labels(self.labels[rows], self.classes, self.smoothing)


@dataclass(frozen=True)
class Distributions:
    """A distribution a row.

    Parameters
    ----------
    probabilities : (n, k) array of float64
        Not negative, with rows of sum 1.
    smoothing : float
        The share of each target spread evenly over the classes.
    """

    probabilities: Doubles
    smoothing: float = 0.0

    @property
    def classes(self) -> int:
        """The number of columns."""
        return int(self.probabilities.shape[1])

    @property
    def labels(self) -> NDArray[np.int64]:
        """The most probable class of each row."""
        labels: NDArray[np.int64] = self.probabilities.argmax(axis=1).astype(np.int64)
        return labels

    @property
    def plain(self) -> None:
        """There are no labels."""

    def totals(self, weights: Doubles) -> Doubles:
        """Return the weighted sums of the probabilities."""
        return np.asarray(weights @ self.probabilities)

    def residual(self, z: Floats, part: slice, weights: Doubles) -> float:
        """Overwrite the logits by ``s (p - t)`` in one fused native pass; return the loss."""
        loss = np.empty(len(z))
        spread = self.smoothing / self.classes * weights
        kernels.cross_entropy_rows(
            z, self.probabilities[part], (1.0 - self.smoothing) * weights, spread, None, loss, z
        )
        return float(loss.sum())

    def accuracy(self, z: Floats, part: slice, weights: Doubles) -> float:
        """Return the weighted probability that the targets give to the largest logit's class."""
        own = self.probabilities[part][np.arange(len(z)), z.argmax(axis=1)]
        return float(weights @ own)

    def take(self, rows: NDArray[np.intp]) -> "Distributions":
        """Return the targets of some of the rows."""
        return Distributions(self.probabilities[rows], self.smoothing)
