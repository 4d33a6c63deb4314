"""Losses that wrong labels cannot pull far."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from luce._checks import as_finite, as_strength
from luce.errors import ParameterError, ShapeError
from luce.nn.eager import widened
from luce.nn.functional.cross_entropy import cross_entropy
from luce.nn.options import checked
from luce.nn.targets import Targets


def generalized_cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    q: float = 0.7,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
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
    weight : Tensor of shape (k,), optional
        Weight of each class: rows with this label count so much, in the mean, too.
    ignore_index : int, optional
        Rows with this label do not count.
    reduction, normalizer, empty
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
    rows = _Rows.of(
        logits, target, weight=weight, ignore_index=ignore_index, reduction=reduction,
        normalizer=normalizer, empty=empty,
    )  # fmt: skip
    surprise = rows.surprise
    return rows.reduced(surprise if power == 0 else -torch.expm1(-power * surprise) / power)


def symmetric_cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.1,
    beta: float = 1.0,
    log_zero: float = -4.0,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
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
    weight : Tensor of shape (k,), optional
        Weight of each class: rows with this label count so much, in the mean, too.
    ignore_index : int, optional
        Rows with this label do not count.
    reduction, normalizer, empty
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
    rows = _Rows.of(
        logits, target, weight=weight, ignore_index=ignore_index, reduction=reduction,
        normalizer=normalizer, empty=empty,
    )  # fmt: skip
    return rows.reduced(a * rows.surprise + b * floor * torch.expm1(-rows.surprise))


class _Rows(NamedTuple):
    """What the losses of rows are made of, and what they come to."""

    surprise: Tensor
    """``-log p_y`` of each row (n,)."""
    targets: Targets
    leading: tuple[int, ...]

    @classmethod
    def of(
        cls, logits: Tensor, target: Tensor, *, weight: Tensor | None, **options: Any
    ) -> "_Rows":
        """Check rows with a label each; a distribution has no single surprise."""
        *leading, k = logits.shape
        if target.shape != logits.shape[:-1]:
            raise ShapeError(
                f"target must hold a label for each row, shape {tuple(leading)}, got shape"
                f" {tuple(target.shape)}. For distributions use cross_entropy, or pass their"
                " argmax."
            )
        _, scalars = checked(**options)
        z = widened(logits)
        targets = Targets.of(target, tuple(leading), k, weight, scalars, z.dtype)
        assert targets.y is not None
        rows = targets.without_unused(z.reshape(-1, k))
        return cls(cross_entropy(rows, targets.y, reduction="none"), targets, tuple(leading))

    def reduced(self, losses: Tensor) -> Tensor:
        """Return the loss, given that of each row (n,)."""
        used = self.targets.used
        if used is not None:  # 0 * inf would be NaN
            losses = torch.where(used, losses, 0.0)
        return self.targets.reduced((self.targets.own * losses).reshape(self.leading))
