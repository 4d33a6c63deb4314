"""A softmax whose class weights are a sum of Kronecker products."""

from typing import Any, final

import torch
from torch import Tensor, nn

from luce.nn.head import LinearHead
from luce.nn.phm_linear import PHMLinear


@final
class PHMSoftmax(LinearHead):
    r"""A softmax over a :class:`PHMLinear` layer, with an ``n``-th of the class weights.

    .. math:: p = \operatorname{softmax}(W h + b), \qquad W = \sum_{i=1}^n A_i \otimes S_i

    Parameters
    ----------
    in_features : int
        Width of the hidden states, a multiple of `n`.
    n_classes : int
        Number of classes, any.
    n : int
        By how much the weights become fewer.
    bias : bool
        Whether each class has a bias.
    rule : {"learned", "hamilton"} or Tensor of shape (n, n, n)
        As in `PHMLinear`.
    device, dtype
        As in ``torch.nn.Linear``.

    Raises
    ------
    ParameterError
        If `n` does not divide `in_features`, or the rule is unknown.
    ShapeError
        If a rule is not of shape (n, n, n).

    Notes
    -----
    Equals ``FullSoftmax`` with the weights ``class_weights()``. Where ``n`` does not divide the
    classes, the layer is a little wider and the last rows of its matrix are left out.

    Saves weights, their gradients and the optimiser's state by the factor ``n``; multiplications
    it does not save. Costs the dense matrix while a loss is computed, made from its parts in
    ``n * in_features * n_classes`` multiplications, little beside the logits of a batch.

    Classes share parts of their weights: those whose numbers differ by a multiple of
    ``n_classes / n``, rounded up. Number related classes accordingly, or leave it to the rule.

    Source: Zhang et al. (2021), arXiv 2102.08597, section 3.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import PHMSoftmax
    >>> head = PHMSoftmax(256, 10_001, n=4)
    >>> sum(p.numel() for p in head.parameters()), 256 * 10_001 + 10_001
    (650321, 2570257)
    >>> head(torch.zeros(3, 256), torch.tensor([0, 1, 2]), z_loss=1e-4).shape
    torch.Size([])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        n: int,
        *,
        bias: bool = True,
        rule: str | Tensor = "learned",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, n_classes)
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        wide = -(-self.n_classes // max(n, 1)) * n
        self.layer = PHMLinear(self.in_features, wide, n, bias=False, rule=rule, **made)
        self.register_parameter(
            "bias", nn.Parameter(torch.zeros(self.n_classes, **made)) if bias else None
        )

    bias: nn.Parameter | None

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        self.layer.reset_parameters()
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def class_weights(self) -> Tensor:
        return self.layer.dense()[: self.n_classes]

    def class_bias(self) -> Tensor | None:
        return self.bias

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, n={self.layer.n}, bias={self.bias is not None}"
