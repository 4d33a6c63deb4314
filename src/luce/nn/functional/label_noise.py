"""Losses that wrong labels cannot pull far."""

from typing import Any

import torch
from torch import Tensor

from luce._checks import as_finite, as_ignore_index, as_strength
from luce.errors import ParameterError, ShapeError
from luce.nn.functional.cross_entropy import cross_entropy


def generalized_cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    q: float = 0.7,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Between the cross-entropy and the mean absolute error, which noise hardly moves.

    .. math:: L = \frac{1 - p_y^q}{q}, \quad p = \operatorname{softmax}(z)

    For ``q`` towards 0 it is the cross-entropy, for ``q = 1`` the absolute error ``1 - p_y``. Its
    gradient is that of the cross-entropy times :math:`p_y^q`: a label that the model finds
    incredible counts little.

    Parameters
    ----------
    logits : Tensor of shape (..., k)
        The network's.
    target : Tensor of shape (...)
        Labels.
    q : float, default=0.7
        In [0, 1].
    ignore_index : int, optional
        Rows with this label do not count.
    reduction : {"mean", "sum", "none"}
        As for `cross_entropy`.

    Returns
    -------
    Tensor
        A scalar, or the loss of each row.

    Raises
    ------
    ParameterError, ShapeError, LabelError
        As for `cross_entropy`; ShapeError also for distributions, ParameterError if `q` is
        not in [0, 1].

    Notes
    -----
    Computed as ``-expm1(-q * cross_entropy) / q``: no digit is lost where the model is sure, nor
    for a small q.

    Source: Zhang & Sabuncu (2018), Generalized cross entropy loss for training deep neural networks
    with noisy labels, NeurIPS, equation 6.

    Examples
    --------
    >>> import torch
    >>> from luce.nn.functional import generalized_cross_entropy
    >>> wrong = torch.tensor([[20.0, 0.0]]), torch.tensor([1])
    >>> print(f"{generalized_cross_entropy(*wrong):.4f}")
    1.4286
    """
    power = as_finite(q, "q", 0.0, 1.0)
    surprise = _surprise(logits, target, ignore_index)
    loss = surprise if power == 0 else -torch.expm1(-power * surprise) / power
    return _reduced(loss, target, ignore_index, reduction)


def symmetric_cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.1,
    beta: float = 1.0,
    log_zero: float = -4.0,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Cross-entropy plus its reverse, in which the label's distribution is inside the logarithm.

    .. math:: L = -\alpha \log p_y - \beta A (1 - p_y), \quad p = \operatorname{softmax}(z)

    where A stands for :math:`\log 0`. The reverse part is bounded, and so robust; the other learns
    the rare and hard rows.

    Parameters
    ----------
    logits : Tensor of shape (..., k)
        The network's.
    target : Tensor of shape (...)
        Labels.
    alpha : float, default=0.1
        Weight of the cross-entropy.
    beta : float, default=1.0
        Weight of its reverse.
    log_zero : float, default=-4.0
        A, below 0.
    ignore_index : int, optional
        Rows with this label do not count.
    reduction : {"mean", "sum", "none"}
        As for `cross_entropy`.

    Returns
    -------
    Tensor
        A scalar, or the loss of each row.

    Raises
    ------
    ParameterError, ShapeError, LabelError
        As for `cross_entropy`; ShapeError also for distributions, ParameterError if a weight
        is negative, or `log_zero` not below 0.

    Notes
    -----
    Source: Wang et al. (2019), Symmetric cross entropy for robust learning with noisy labels, ICCV,
    equations 7 and 8.

    Examples
    --------
    >>> import torch
    >>> from luce.nn.functional import symmetric_cross_entropy
    >>> print(f"{symmetric_cross_entropy(torch.zeros(1, 2), torch.tensor([1])):.4f}")
    2.0693
    """
    weights: dict[str, Any] = {"alpha": alpha, "beta": beta}
    a, b = (as_strength(value, name, "0.1 to 1") for name, value in weights.items())
    floor = as_finite(log_zero, "log_zero", most=0.0)
    if floor == 0:
        raise ParameterError(
            "log_zero must be below 0, got 0: the reverse part would be nothing. Pass log_zero=-4,"
            " or beta=0."
        )
    surprise = _surprise(logits, target, ignore_index)
    loss = a * surprise + b * floor * torch.expm1(-surprise)
    return _reduced(loss, target, ignore_index, reduction)


def _surprise(logits: Tensor, target: Tensor, ignore_index: int | None) -> Tensor:
    """Return ``-log p_y`` of each row; a distribution has no single one."""
    if target.shape != logits.shape[:-1]:
        raise ShapeError(
            f"target must hold a label for each row, shape {tuple(logits.shape[:-1])}, got shape"
            f" {tuple(target.shape)}. For distributions use cross_entropy, or pass their argmax."
        )
    return cross_entropy(logits, target, ignore_index=ignore_index, reduction="none")


def _reduced(loss: Tensor, target: Tensor, ignore_index: int | None, reduction: str) -> Tensor:
    """The mean over the rows that count; ignored rows have a surprise, and so a loss, of 0."""
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if reduction != "mean":
        raise ParameterError(
            f"reduction must be one of 'mean', 'sum', 'none', got {reduction!r}. Pass one of these."
        )
    ignored = as_ignore_index(ignore_index)
    if ignored is None:
        return loss.mean()
    return loss.sum() / (target != ignored).sum()
