"""A body with a head, as one model."""

from typing import Unpack, final

import torch
from torch import Tensor, nn

from luce.nn.head import Head
from luce.nn.loss_sum import LossSum, SummedModel
from luce.nn.options import LossOptions


@final
class Classifier(SummedModel):
    """A body from inputs to hidden vectors, and any head of `luce.nn` on top.

    Equals ``head(body(inputs), target, **options)``; `luce.nn.fit` trains it with the objective
    `OwnLoss`.

    Parameters
    ----------
    body : nn.Module
        From inputs to hidden vectors ``(..., head.in_features)``.
    head : Head
        The output layer.
    **options : loss options
        Those of the head's loss, such as ``label_smoothing``.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import Classifier, FullSoftmax, OwnLoss, Plan, fit
    >>> _ = torch.manual_seed(0)
    >>> X = torch.randn(256, 4)
    >>> y = (X[:, 0] > 0).long()
    >>> model = Classifier(torch.nn.Linear(4, 8), FullSoftmax(8, 2), label_smoothing=0.1)
    >>> done = fit(model, OwnLoss(), (X, y), plan=Plan(epochs=30, learning_rate=0.01))
    >>> bool((model.predict(X) == y).float().mean() > 0.95)
    True
    """

    def __init__(self, body: nn.Module, head: Head, **options: Unpack[LossOptions]) -> None:
        super().__init__()
        self.body, self.head, self.options = body, head, options

    def forward(self, inputs: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        loss: Tensor = self.head(self.body(inputs), target, **self.options)
        return loss

    def summed(self, inputs: Tensor, *targets: Tensor) -> LossSum:
        """Return the sum of the rows' losses, and what their mean divides it by."""
        (target,) = targets
        return self.head.summed(self.body(inputs), target, **self.options)

    def log_prob(self, inputs: Tensor) -> Tensor:
        """Return the log-probability of each class."""
        return self.head.log_prob(self.body(inputs))

    @torch.no_grad()
    def predict(self, inputs: Tensor) -> Tensor:
        """Return the most probable class."""
        return self.head.predict(self.body(inputs))
