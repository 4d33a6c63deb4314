"""Heads of the entmax family, whose losses are Fenchel-Young losses of Tsallis entropies."""

from typing import Any, Unpack

import torch
from torch import Tensor

from luce._checks import as_alpha
from luce.nn.full_softmax import FullSoftmax
from luce.nn.functional.entmax import entmax
from luce.nn.head import Head
from luce.nn.options import LossOptions
from luce.nn.tsallis_loss import linear_tsallis_loss


class TsallisHead(Head):
    r"""A head with the distribution :math:`\operatorname{entmax}_\alpha(W h + b)`.

    What a softmax has in :math:`-\log p_j`, the loss of class j, this family has in

    .. math:: \ell_j = \Omega^*(u) - u_j, \qquad
        \Omega(p) = \sum_j \frac{p_j^\alpha - p_j}{\alpha (\alpha - 1)}

    with the convex conjugate :math:`\Omega^*` in the place of the logsumexp. Every option means
    with these two what it means in `cross_entropy`.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    alpha : float
        1 or more.
    bias : bool
        Whether each class has a bias.
    device, dtype
        As in ``torch.nn.Linear``.
    """

    def __init__(
        self, in_features: int, n_classes: int, alpha: float, bias: bool, device: Any, dtype: Any
    ) -> None:
        super().__init__(in_features, n_classes)
        self.alpha = as_alpha(alpha)
        self.classes = FullSoftmax(
            self.in_features, self.n_classes, bias=bias, device=device, dtype=dtype
        )

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        self.classes.reset_parameters()

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits (..., n_classes): not in 16 bits, even under autocast.

        Which classes are outside of the support is a matter of small differences of logits.
        """
        device = hidden.device.type
        if not torch.is_autocast_enabled(device):
            return self.classes.logits(hidden)
        with torch.autocast(device, enabled=False):
            return self.classes.logits(hidden.to(self.classes.weight.dtype))

    def forward(self, hidden: Tensor, target: Tensor, **options: Unpack[LossOptions]) -> Tensor:
        rows, targets = self.rows_and_targets(hidden, target, options)
        weight, bias = self.classes.class_weights(), self.classes.class_bias()
        if torch.is_autocast_enabled(rows.device.type):
            rows = rows.to(weight.dtype)
        losses = linear_tsallis_loss(rows, weight, bias, targets, self.alpha)
        return targets.reduced(losses.reshape(hidden.shape[:-1]) if losses.ndim else losses)

    def log_prob(self, hidden: Tensor) -> Tensor:
        p = entmax(self.logits(hidden), self.alpha)
        inside = p > 0
        return torch.where(inside, torch.where(inside, p, 1.0).log(), -torch.inf)

    def predict(self, hidden: Tensor) -> Tensor:
        return self.logits(hidden).argmax(dim=-1)
