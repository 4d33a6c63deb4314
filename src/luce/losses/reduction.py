"""From the losses of rows to the loss that is returned: none, sum or mean, and what it divides by.

A loss asks for the divisor first, so that gradients are divided where they are made:

1. ``how = Reduction.checked(reduction, normalizer, empty)``;
2. ``divisor = how.divisor(total, rows)`` with the sum of the rows' weights (or their number);
3. losses and gradients of rows are computed with ``weight / divisor`` as their factors;
4. ``how.reduced(losses)`` is the loss to return.
"""

from math import fsum, inf, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce._checks import FloatArray, as_choice, as_normalizer, nothing_to_average

REDUCTIONS = ("none", "sum", "mean")
EMPTY = ("nan", "zero", "raise")

_FEW = 64  # numbers that Python adds up sooner than NumPy is called


class LossGrad(NamedTuple):
    """A loss and its gradient."""

    loss: Any
    """float64: a scalar, or for reduction "none" an array with one loss for each row."""
    grad: FloatArray
    """Array of the logits' shape and dtype."""


class Reduction(NamedTuple):
    """How the losses of rows become the loss that is returned."""

    kind: str
    normalizer: float | None = None
    empty: str = "nan"

    @classmethod
    def checked(cls, reduction: Any, normalizer: Any, empty: Any) -> "Reduction":
        """Return the caller's three options, or say what is wrong with them."""
        return cls(
            as_choice(reduction, REDUCTIONS, "reduction"),
            as_normalizer(normalizer, reduction),
            as_choice(empty, EMPTY, "empty"),
        )

    def divisor(self, total: float, rows: int) -> float:
        """Return what the loss of each row is divided by; infinity for the mean of nothing.

        `total` is the sum of the weights of the rows, or their number; `rows` is told in the
        error for ``empty="raise"``. With a normalizer nothing is empty: the sum of no rows is 0,
        and so is 0 divided by it.
        """
        if self.kind != "mean":
            return 1.0
        if self.normalizer is not None:
            return self.normalizer
        if total == 0 and self.empty == "raise":
            raise nothing_to_average(rows)
        return total or inf

    def reduced(
        self, losses: NDArray[np.float64], divisor: float
    ) -> np.float64 | NDArray[np.float64]:
        """Return the loss, given that of each row after the division by the divisor."""
        if self.kind == "none":
            return losses[()]
        if divisor == inf:
            return np.float64(0.0 if self.empty == "zero" else nan)
        return np.float64(added(losses))


def added(values: NDArray[np.float64]) -> float:
    """Return the sum, accumulated wider than float64 where the platform has it."""
    if values.size <= _FEW:
        try:
            return fsum(values.ravel().tolist())
        except (OverflowError, ValueError):  # beyond float64, or inf - inf
            pass
    with np.errstate(over="ignore", invalid="ignore"):
        return float(values.sum(dtype=np.longdouble))
