"""Rows of classes: from logits of any shape and layout to (n, k) in C order, and back."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import FloatArray, as_class_axis, as_class_weights, as_floats, as_labels
from luce.functions.rows import as_rows, from_rows
from luce.functions.tiles import tiles
from luce.kernels.pairs import sum_of_rows
from luce.losses.reduction import Reduction


class Rows(NamedTuple):
    """Logits as rows of classes, and what is needed to give a gradient their shape."""

    z: FloatArray  # (n, k), float32 or float64
    leading: tuple[int, ...]
    axis: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, logits: ArrayLike, axis: Any, name: str = "logits") -> "Rows":
        """Return the rows along one axis; integers become float64, 16 bits become float32."""
        z, dtype = as_floats(logits, name)
        place = as_class_axis(axis, z.shape, name)
        leading = (*z.shape[:place], *z.shape[place + 1 :])
        return cls(as_rows(z, (place,)), leading, place, z.shape, dtype)

    def labels(self, labels: ArrayLike, ignore_index: int | None) -> NDArray[np.int64]:
        """Return one label for each row, -1 where it is to be ignored."""
        return as_labels(labels, self.leading, self.z.shape[1], ignore_index).reshape(-1)

    def tiles(self) -> list[slice]:
        """Return the rows in parts that fit the cache."""
        return tiles(*self.z.shape)

    def gradient(self) -> FloatArray:
        """Return an array for the gradient of the rows, of shape (n, k)."""
        return kernels.empty_like(self.z)

    def shaped(self, grad: FloatArray) -> FloatArray:
        """Return the gradient in the shape and dtype of the logits."""
        with np.errstate(over="ignore", under="ignore"):  # one rounding from float32 to 16 bits
            return from_rows(grad.astype(self.dtype, copy=False), (self.axis,), self.shape)


def totals(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each row of (t, k), rounded about once where it is finite."""
    exact = sum_of_rows(x)[:, 0]  # (t,)
    return np.where(np.isfinite(exact), exact, x.sum(axis=1))


def label_factors(
    y: NDArray[np.int64], weight: ArrayLike | None, classes: int, how: Reduction
) -> tuple[NDArray[np.float64], float]:
    """Return what the loss of each row is multiplied by, 0 where it is ignored, and the divisor.

    As in :func:`cross_entropy`, the mean divides by the sum of the weights of the labels.
    """
    factors = (y >= 0).astype(np.float64)  # (n,)
    if weight is not None:
        factors *= as_class_weights(weight, classes)[y]
    divisor = how.divisor(float(factors.sum(dtype=np.longdouble)), len(y))
    return factors / divisor, divisor
