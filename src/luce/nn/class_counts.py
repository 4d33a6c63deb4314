"""How often classes occur, as samplers and trees take it."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from luce.errors import DataError, ShapeError


def as_counts(counts: ArrayLike, k: int | None = None, *, least: int = 1) -> NDArray[np.float64]:
    """Return how often each of `k` classes occurs; without `k`, of as many as are given."""
    given = counts.detach().cpu().double().numpy() if isinstance(counts, Tensor) else counts
    number = np.array(given, dtype=np.float64)
    if number.ndim != 1 or len(number) < least or len(number) != (k or len(number)):
        shape = f"(k,) with k of {least} or more" if k is None else f"({k},)"
        raise ShapeError(
            f"counts must hold one number for each class, got shape {number.shape}."
            f" Pass an array of shape {shape}."
        )
    wrong = ~(np.isfinite(number) & (number >= 0))
    if wrong.any():
        first = int(wrong.argmax())
        raise DataError(
            f"counts must be 0 or more and finite, got {number[first]} for class {first}"
            f" (classes at fault: {wrong.sum()}). Count the labels of the training rows:"
            " numpy.bincount(labels, minlength=k)."
        )
    return number


def as_frequencies(counts: ArrayLike) -> Tensor:
    """Return how often each class occurs, float64; one occurs at least."""
    number = as_counts(counts)
    if not number.any():
        raise DataError(
            f"counts must hold a number above 0, got zeros for all {len(number)} classes."
            " Count the labels of the training rows."
        )
    return torch.from_numpy(number)
