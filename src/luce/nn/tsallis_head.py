"""Heads of the entmax family, whose losses are Fenchel-Young losses of Tsallis entropies."""

from typing import Any, Unpack

import torch
from torch import Tensor

from luce._checks import as_alpha
from luce.nn.full_softmax import FullSoftmax
from luce.nn.functional.entmax import entmax
from luce.nn.functional.fenchel_young import of_rows
from luce.nn.head import Head
from luce.nn.logit_shape import LogitShape
from luce.nn.options import LossOptions
from luce.nn.row_losses import of_all_classes, of_labels, of_normalisers


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
        scalars = targets.scalars
        shape = LogitShape(scalars.softcap, scalars.temperature)
        u = shape(self.logits(rows))  # (n, k)
        plain = targets._replace(scalars=scalars._replace(gamma=0.0))
        least, top = _loss_of_likeliest(u, self.alpha)  # (n,), (n, 1)
        conjugate = least + top[:, 0]
        if targets.y is not None and targets.spread is None:
            at = targets.y[:, None]
            each = self._weighed(least[:, None] + (top - u.gather(1, at)), u, scalars.gamma, at)
            losses = of_labels(-each[:, 0], plain)
        else:
            each = self._weighed(least[:, None] + (top - u), u, scalars.gamma, None)
            losses = of_all_classes(-each, plain)
        if scalars.z_loss:
            losses = losses + of_normalisers(conjugate.square(), targets)
        return targets.reduced(losses.reshape(hidden.shape[:-1]))

    def _weighed(self, each: Tensor, u: Tensor, gamma: float, at: Tensor | None) -> Tensor:
        """Return losses of classes times ``(1 - p)^gamma``; `at` says of which, None of all."""
        if gamma == 0:
            return each
        p = entmax(u, self.alpha)
        return each * _power(1.0 - (p if at is None else p.gather(1, at)), gamma)

    def log_prob(self, hidden: Tensor) -> Tensor:
        p = entmax(self.logits(hidden), self.alpha)
        inside = p > 0
        return torch.where(inside, torch.where(inside, p, 1.0).log(), -torch.inf)

    def predict(self, hidden: Tensor) -> Tensor:
        return self.logits(hidden).argmax(dim=-1)


def _loss_of_likeliest(u: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Return the loss of the likeliest class as the label (n,), and its logit (n, 1).

    It comes without cancellation, and the loss of any other class is as much more as the logit
    of that class is lower.
    """
    winner = u.detach().argmax(dim=1, keepdim=True)
    q = torch.zeros_like(u).scatter(1, winner, 1.0)
    return of_rows(u, q, alpha), u.gather(1, winner)


def _power(rest: Tensor, gamma: float) -> Tensor:
    """Return ``rest ** gamma``, without the infinite slope that it may have at 0."""
    some = rest > 0
    return torch.where(some, torch.where(some, rest, 1.0) ** gamma, 0.0)
