"""What a training minimises, and what it counts on the way."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple, TypeAlias, final

import torch
from torch import Tensor, nn

from luce.nn.loss_sum import ModelOfMeans, SummedModel, added_means
from luce.nn.training.rows import Batch

Value: TypeAlias = Tensor | tuple[Tensor, Tensor]
Loss: TypeAlias = Callable[..., Value]


class Measured(NamedTuple):
    """What a batch comes to.

    ``total / weight`` is its loss. Sums of both over several batches give the loss of them all,
    which the mean of their losses does not where weights or ignored labels are in play. A loss that
    adds several means, each over rows of its own, has one number for each in both, and
    ``(total / weight).sum()`` is the loss, in which a weight of 0 counts nothing.
    """

    total: Tensor
    weight: Tensor
    right: Tensor | None = None  # rows that the model answers correctly
    counted: Tensor | None = None  # rows that have an answer

    @property
    def loss(self) -> Tensor:
        """The loss of the batch; 0 where nothing counts."""
        return added_means(self.total, self.weight)


class Objective(ABC):
    """A loss of a model on a batch of rows."""

    @abstractmethod
    def measure(self, model: nn.Module, batch: Batch) -> Measured:
        """Return the loss of the batch, differentiable in the parameters of the model."""


class ObjectiveOfMeans(Objective):
    """A loss that may add several means, each over rows of its own."""

    @abstractmethod
    def weights(self, model: nn.Module, batch: Batch) -> Tensor | None:
        """Return the `weight` of what is measured, before the model is asked.

        Batches that make one step together need it: each mean divides by the weight of all. None
        where there is one mean only, for then that may be done at the end.
        """


@final
class OutputLoss(Objective):
    """A function of what the model makes of the inputs, as torch's own losses are.

    Parameters
    ----------
    loss : callable
        Called with the output of the model for the first tensor of the batch, and with the other
        tensors. It returns the mean over the rows, or a pair: sum, and what to divide it by.
    """

    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    def measure(self, model: nn.Module, batch: Batch) -> Measured:
        output = model(batch[0])
        value = self.loss(output, *batch[1:])
        right, counted = count_right(output, batch[1]) if len(batch) > 1 else (None, None)
        return _measured(value, len(batch[0]), right, counted)


@final
class OwnLoss(ObjectiveOfMeans):
    """The loss that the model itself returns when it is called with the whole batch.

    So are `luce.nn.Classifier` and `luce.nn.MultiTask` trained. A model of one's own returns the
    mean over the rows, or, where not all count the same, a pair: sum, and what to divide it by.

    Parameters
    ----------
    answers : callable, optional
        ``answers(model, inputs)`` gives the label of each row, such as ``Classifier.predict``; then
        the accuracy on held-out rows is measured, by a second pass over them.
    """

    def __init__(self, answers: Callable[..., Tensor] | None = None) -> None:
        self.answers = answers

    def measure(self, model: nn.Module, batch: Batch) -> Measured:
        right = counted = None
        value = model.summed(*batch) if isinstance(model, SummedModel) else model(*batch)
        if self.answers is not None and not model.training:
            right = (self.answers(model, batch[0]) == batch[1]).sum()
            counted = (batch[1] >= 0).sum()
        return _measured(value, len(batch[0]), right, counted)

    def weights(self, model: nn.Module, batch: Batch) -> Tensor | None:
        return model.divisors(*batch[1:]) if isinstance(model, ModelOfMeans) else None


def as_objective(loss: Objective | Loss) -> Objective:
    """Return a loss function as an objective."""
    return loss if isinstance(loss, Objective) else OutputLoss(loss)


def _measured(value: Value, rows: int, right: Tensor | None, counted: Tensor | None) -> Measured:
    if isinstance(value, tuple):
        return Measured(*value, right, counted)
    weight = torch.full((), float(rows), device=value.device)
    return Measured(value * weight, weight, right, counted)


@torch.no_grad()
def count_right(output: object, target: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Count rows whose largest output is at their label, or where their distribution is largest.

    None where outputs and targets are no logits and classes. Negative labels are not counted.
    """
    if not isinstance(output, Tensor) or output.ndim < 2:
        return None, None
    answers = output.argmax(-1)
    if target.shape == output.shape and target.is_floating_point():
        right = answers == target.argmax(-1)
        return right.sum(), torch.full_like(right.sum(), right.numel())
    if target.shape != answers.shape or target.is_floating_point():
        return None, None
    return (answers == target).sum(), (target >= 0).sum()
