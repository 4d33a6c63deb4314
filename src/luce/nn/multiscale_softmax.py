"""A mixture of softmaxes of the same logits at several temperatures."""

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from luce._checks import as_positive
from luce.errors import ParameterError
from luce.nn.full_softmax import FullSoftmax
from luce.nn.mixture import Component, Mixture


@final
class MultiScaleSoftmax(Mixture):
    r"""One set of logits read at several scales: sharp and flat softmaxes, mixed for each row.

    .. math::
        p = \sum_{m=1}^M \pi_m \operatorname{softmax}\left(\frac{W h + b}{\tau_m}\right), \qquad
        \pi = \operatorname{softmax}(G h + g)

    with temperatures :math:`\tau_m` that are learnt. One softmax has tails and peak from one
    temperature; a mixture can be sure of the first classes and still leave the others a chance.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    temperatures : sequence of float
        Where the :math:`\tau_m` start.
    gated : bool
        Whether the weights :math:`\pi` depend on the row; False leaves ``g`` alone, the same
        mixture for all.
    bias : bool
        Whether each class has a bias.
    weight : Parameter of shape (n_classes, in_features), optional
        Class weights to share, such as those of an embedding.
    device, dtype
        As in ``torch.nn.Linear``.

    Raises
    ------
    ParameterError
        If there is no temperature, or one is not positive and finite.
    ShapeError
        If the shared weights have another shape.

    Notes
    -----
    Equals the plain code ::

        z = (hidden @ W.T + b)[..., None, :] / temperatures[:, None]
        p = (mixing(hidden).softmax(-1)[..., None] * z.softmax(-1)).sum(-2)
        loss = torch.nn.functional.nll_loss(p.log(), target)

    but for rounding. Costs ``M`` times a full softmax, by the fused loss of each for labels, and
    ``M (in + 2)`` weights more. The likeliest class is that of the plain logits.

    Softcap and temperature of the loss act on every softmax, also on that of the weights.

    Source: Zhang, Kailkhura & Han (2020), arXiv 2003.07329: ensemble temperature
    scaling, a mixture of temperatures fitted after training with fixed weights. Here it is part
    of the head, the weights depend on the row as in Yang et al. (2018), arXiv 1711.03953, and all
    of it is learnt.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import MultiScaleSoftmax
    >>> head = MultiScaleSoftmax(16, 1000, temperatures=(0.5, 1.0, 4.0))
    >>> hidden, target = torch.randn(4, 7, 16), torch.randint(1000, (4, 7))
    >>> head(hidden, target, label_smoothing=0.1).backward()
    >>> print(head.log_temperature.exp().detach())
    tensor([0.5000, 1.0000, 4.0000])
    """

    mixing_weight: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        temperatures: Sequence[float] = (0.5, 1.0, 2.0),
        gated: bool = True,
        bias: bool = True,
        weight: nn.Parameter | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        start = tuple(as_positive(t, "temperatures") for t in temperatures)
        if not start:
            raise ParameterError(
                "temperatures must hold at least one number, got none. Pass some such as (0.5, 1)."
            )
        super().__init__(in_features, n_classes, len(start))
        self.temperatures = start
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self.classes = FullSoftmax(
            self.in_features, self.n_classes, bias=bias, weight=weight, **made
        )
        self.log_temperature = nn.Parameter(torch.empty(self.components, **made))
        self.mixing_bias = nn.Parameter(torch.empty(self.components, **made))
        self.register_parameter(
            "mixing_weight",
            nn.Parameter(torch.empty(self.components, self.in_features, **made)) if gated else None,
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the class weights anew; all scales start with the same share of every row."""
        self.classes.reset_parameters()
        with torch.no_grad():
            self.log_temperature.copy_(torch.tensor(self.temperatures).log())
            self.mixing_bias.zero_()
            if self.mixing_weight is not None:
                self.mixing_weight.zero_()

    def _mixing_logits(self, hidden: Tensor) -> Tensor:
        if self.mixing_weight is None:
            return self.mixing_bias.expand(len(hidden), -1)
        return F.linear(hidden, self.mixing_weight, self.mixing_bias)

    def _softmaxes(self, hidden: Tensor) -> list[Component]:
        weight, bias = self.classes.class_weights(), self.classes.class_bias()
        scales = (-self.log_temperature).exp()
        # (W h + b) / tau = W (h / tau) + b / tau: no logits are held to be divided.
        return [
            Component(hidden * scale, weight, None if bias is None else bias * scale)
            for scale in scales
        ]

    def _all_logits(self, hidden: Tensor) -> list[Tensor]:
        z = F.linear(hidden, self.classes.class_weights(), self.classes.class_bias())
        return [z * scale for scale in (-self.log_temperature).exp()]

    def extra_repr(self) -> str:
        gated = self.mixing_weight is not None
        return f"{super().extra_repr()}, temperatures={self.temperatures}, gated={gated}"
