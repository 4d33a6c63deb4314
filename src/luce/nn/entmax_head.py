"""An output layer with entmax in place of the softmax."""

from typing import final

import torch

from luce.nn.tsallis_head import TsallisHead


@final
class EntmaxHead(TsallisHead):
    r"""A linear layer and :func:`luce.nn.functional.entmax`: unlikely classes get exactly 0.

    .. math:: p = \operatorname{entmax}_\alpha(W h + b), \qquad
        L = \sum_j t_j (1 - p_j)^\gamma \ell_j + \lambda\, r\, \Omega^*(u)^2, \quad
        \ell_j = \Omega^*(u) - u_j

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    alpha : float
        1 is the softmax, 2 sparsemax; the larger, the fewer classes get a probability.
    bias : bool
        Whether each class has a bias.
    device, dtype
        As in ``torch.nn.Linear``.

    Raises
    ------
    ParameterError
        If `alpha` is not finite and 1 or more.

    Notes
    -----
    Equals ``torch.nn.Linear(in_features, n_classes)`` followed by
    :func:`luce.nn.functional.entmax_loss` for labels. Options mean what they mean in
    `cross_entropy`, with :math:`\ell_j`, the loss of class j as the label, in the place of
    :math:`-\log p_j`, and the conjugate :math:`\Omega^*` in that of the logsumexp: alpha 1 *is*
    the cross-entropy. So a distribution ``q`` as the target has the loss
    :math:`\sum_j q_j \ell_j`, which is ``entmax_loss`` and the entropy of ``q``, with the same
    gradient :math:`p - q`.

    ``log_prob`` is ``-inf`` outside of the support: score with :meth:`forward`, not with it. A
    label that leads by :math:`1 / (\alpha - 1)` has loss and gradient exactly 0. Saves, for
    labels without smoothing, temperature, softcap, z-loss and focal loss on the CPU: of the
    logits a few rows exist at a time; else it holds them all. Costs a threshold for each row.
    Under autocast the logits are computed in the dtype of the weights all the same.

    Source: Peters, Niculae & Martins (2019), ACL; Blondel, Martins & Niculae (2020), JMLR 21.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import EntmaxHead
    >>> head = EntmaxHead(16, 1000, alpha=1.5)
    >>> hidden, target = torch.randn(4, 7, 16), torch.randint(1000, (4, 7))
    >>> head(hidden, target, label_smoothing=0.1).backward()
    >>> head.log_prob(hidden).exp().sum(-1).shape
    torch.Size([4, 7])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        alpha: float = 1.5,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, n_classes, alpha, bias, device, dtype)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, alpha={self.alpha}"
