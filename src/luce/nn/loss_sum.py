"""A loss in two parts, so that the loss of several batches is that of all their rows."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class LossSum(NamedTuple):
    """The losses of all rows together, and what their mean divides them by.

    Both may be added up over batches; 0 divided by 0 is the mean of nothing.
    """

    total: Tensor
    divisor: Tensor


class SummedModel(nn.Module, ABC):
    """A model that tells its own loss, also in two parts; for `luce.nn.OwnLoss`."""

    @abstractmethod
    def summed(self, inputs: Tensor, *targets: Tensor) -> LossSum:
        """Return what the loss of these rows is the quotient of."""
