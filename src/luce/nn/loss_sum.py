"""A loss in two parts, so that the loss of several batches is that of all their rows."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn


class LossSum(NamedTuple):
    """The losses of all rows together, and what their mean divides them by.

    A loss that adds several means, each over rows of its own, has one number for each in both.
    Both may be added up over batches; 0 divided by 0 is the mean of nothing.
    """

    total: Tensor
    divisor: Tensor


class SummedModel(nn.Module, ABC):
    """A model that tells its own loss, also in two parts; for `luce.nn.OwnLoss`."""

    @abstractmethod
    def summed(self, inputs: Tensor, *targets: Tensor) -> LossSum:
        """Return what the loss of these rows is the quotient of."""


class ModelOfMeans(SummedModel):
    """A model whose loss adds several means."""

    @abstractmethod
    def divisors(self, *targets: Tensor) -> Tensor:
        """Return the divisors of `summed`, which depend on the targets alone."""


def added_means(total: Tensor, divisor: Tensor) -> Tensor:
    """Return the sum of the quotients; the mean of nothing counts 0."""
    some = divisor != 0
    return torch.where(some, total / torch.where(some, divisor, 1.0), 0.0).sum()
