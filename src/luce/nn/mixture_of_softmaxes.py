"""A mixture of softmaxes: more than one distribution over the classes for each hidden state."""

from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from luce._checks import as_count
from luce.nn.full_softmax import FullSoftmax
from luce.nn.mixture import Component, Mixture


@final
class MixtureOfSoftmaxes(Mixture):
    r"""Several softmaxes over the same class weights, each with a hidden state of its own.

    .. math::
        p = \sum_{m=1}^M \pi_m \operatorname{softmax}(W h_m + b), \qquad
        h_m = \tanh(V_m h + c_m), \quad \pi = \operatorname{softmax}(G h)

    The log-probabilities of one softmax over hidden states of width ``d`` form a matrix of rank
    ``d + 2`` at most (the product, the bias and the normaliser), however many contexts and
    classes there are; those of a mixture do not.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    components : int
        ``M``, the number of softmaxes.
    component_features : int, optional
        Width of the hidden states ``h_m``; None takes `in_features`.
    bias : bool
        Whether each class has a bias.
    weight : Parameter of shape (n_classes, component_features), optional
        Class weights to share, such as those of an embedding.
    device, dtype
        As in ``torch.nn.Linear``.

    Raises
    ------
    ParameterError
        If a size is not a positive integer.
    ShapeError
        If the shared weights have another shape.

    Notes
    -----
    Equals the plain code ::

        states = torch.tanh(latent(hidden)).unflatten(-1, (M, -1))
        p = (mixing(hidden).softmax(-1)[..., None] * (states @ W.T + b).softmax(-2)).sum(-2)
        loss = torch.nn.functional.nll_loss(p.log(), target)

    but for rounding: probabilities are never added up and then turned into logarithms, which is
    ``-inf`` for unlikely classes and 0 for likely ones. Saves nothing: it costs ``M`` times the
    logits of a full softmax, and ``in * M * component_features`` weights more; what it gains is
    rank. Labels take the fused loss of each softmax, without logits; smoothing and
    distributions keep no more than 16 MB of log-probabilities for backward.

    Softcap and temperature act on every softmax, also on that of the weights.

    Source: Yang, Dai, Salakhutdinov & Cohen (2018), arXiv 1711.03953, section 2.3.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import MixtureOfSoftmaxes
    >>> head = MixtureOfSoftmaxes(16, 1000, components=3)
    >>> hidden, target = torch.randn(4, 7, 16), torch.randint(1000, (4, 7))
    >>> head(hidden, target, label_smoothing=0.1).backward()
    >>> bool((head.log_prob(hidden).exp().sum(-1) - 1).abs().max() < 1e-5)
    True
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        components: int,
        *,
        component_features: int | None = None,
        bias: bool = True,
        weight: nn.Parameter | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, n_classes, as_count(components, 2**20, "components"))
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        given = self.in_features if component_features is None else component_features
        self.component_features = as_count(given, 2**48, "component_features")
        self.mixing = nn.Linear(self.in_features, self.components, bias=False, **made)
        self.latent = nn.Linear(self.in_features, self.components * self.component_features, **made)
        self.classes = FullSoftmax(
            self.component_features, self.n_classes, bias=bias, weight=weight, **made
        )

    def reset_parameters(self) -> None:
        """Draw all parameters anew that are not shared."""
        self.mixing.reset_parameters()
        self.latent.reset_parameters()
        self.classes.reset_parameters()

    def _mixing_logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.mixing(hidden)
        return logits

    def _softmaxes(self, hidden: Tensor) -> list[Component]:
        states = torch.tanh(self.latent(hidden)).chunk(self.components, dim=1)
        weight, bias = self.classes.class_weights(), self.classes.class_bias()
        return [Component(state, weight, bias) for state in states]

    def _all_logits(self, hidden: Tensor) -> list[Tensor]:
        return [F.linear(*one) for one in self._softmaxes(hidden)]

    def extra_repr(self) -> str:
        return (
            f"{super().extra_repr()}, components={self.components},"
            f" component_features={self.component_features}"
        )
