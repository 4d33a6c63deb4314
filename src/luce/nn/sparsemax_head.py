"""An output layer with sparsemax in place of the softmax."""

from typing import final

import torch

from luce.nn.tsallis_head import TsallisHead


@final
class SparsemaxHead(TsallisHead):
    r"""A linear layer and :func:`luce.nn.functional.sparsemax`: most classes get exactly 0.

    .. math:: p = \operatorname{sparsemax}(W h + b), \qquad
        \ell_y = \tfrac12 \sum_{j: p_j > 0} (u_j^2 - \tau^2) + \tfrac12 - u_y

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    bias : bool
        Whether each class has a bias.
    device, dtype
        As in ``torch.nn.Linear``.

    Notes
    -----
    It is `EntmaxHead` with alpha 2, and equals ``torch.nn.Linear(in_features, n_classes)``
    followed by :func:`luce.nn.functional.sparsemax_loss` for labels. What the options mean, and
    what ``log_prob`` is outside of the support, is told there.

    Source: Martins & Astudillo (2016), ICML, PMLR 48, section 3.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import SparsemaxHead
    >>> head = SparsemaxHead(16, 10)
    >>> hidden, target = torch.randn(5, 16), torch.randint(10, (5,))
    >>> head(10 * hidden, target, label_smoothing=0.1).backward()
    >>> bool((head.log_prob(10 * hidden) == -torch.inf).any())
    True
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, n_classes, 2.0, bias, device, dtype)
