"""A loss of logits and labels in which each row has a weight, for `luce.nn.fit`."""

from collections.abc import Callable
from typing import final

from torch import Tensor

from luce.nn.functional.cross_entropy import cross_entropy


@final
class WeightedLoss:
    """The weighted sum of the losses of rows, and the sum of their weights.

    Parameters
    ----------
    loss : callable, optional
        ``loss(logits, labels)`` gives the loss of each row, or the mean; None: the cross-entropy.
    label_smoothing : float
        Of the cross-entropy.
    """

    def __init__(
        self, loss: Callable[[Tensor, Tensor], Tensor] | None, label_smoothing: float
    ) -> None:
        self._loss, self._smoothing = loss, label_smoothing

    def __call__(self, logits: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return both sums; a mean counts as the loss of each row."""
        if self._loss is None:
            each = cross_entropy(logits, labels, label_smoothing=self._smoothing, reduction="none")
        else:
            each = self._loss(logits, labels)
        total = weights.sum()
        return ((each * weights).sum() if each.ndim else each * total), total
