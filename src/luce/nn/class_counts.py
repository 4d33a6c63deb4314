"""How often classes occur, as samplers take it."""

import math

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from luce.errors import DataError, ShapeError


def as_counts(counts: ArrayLike) -> Tensor:
    """Return how often each class occurs, float64."""
    seen = torch.as_tensor(counts).detach().to("cpu", torch.float64, copy=True)
    if seen.ndim != 1 or len(seen) == 0:
        raise ShapeError(
            f"counts must hold one number for each class, got shape {tuple(seen.shape)}."
            " Pass an array of shape (k,)."
        )
    wrong = ~((seen >= 0) & (seen < math.inf))
    if bool(wrong.any()):
        first = int(wrong.to(torch.uint8).argmax())
        raise DataError(
            f"counts must be 0 or more and finite, got {float(seen[first])} for class {first}"
            f" (classes at fault: {int(wrong.sum())}). Count how often each class occurs."
        )
    if not bool(seen.any()):
        raise DataError(
            f"counts must hold a number above 0, got zeros for all {len(seen)} classes."
            " Count how often each class occurs."
        )
    return seen
