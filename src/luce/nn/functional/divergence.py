"""Kullback-Leibler divergence of the softmax of logits from a target."""

from typing import Any

import torch
from torch import Tensor

from luce import losses
from luce._checks import as_temperature, check_same_shape
from luce.losses.reduction import Reduction
from luce.nn.eager import as_numpy, is_native, is_wanted, widened
from luce.nn.functional.by_twin import by_twin, reduced
from luce.nn.functional.log_softmax import log_softmax


def kl_divergence(
    logits: Tensor,
    target: Tensor,
    *,
    temperature: float = 1.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Tensor:
    r"""Kullback-Leibler divergence of the softmax of logits from a distribution, never negative.

    .. math::
        L = \sum_j \Bigl( q_j \log \frac{q_j}{p_j} - q_j + p_j \Bigr),
        \qquad p = \operatorname{softmax}(z / T)

    Parameters
    ----------
    logits : Tensor, shape (..., k)
        ``k`` classes along the last dimension.
    target : Tensor, shape (..., k)
        The distribution :math:`q` of each row: not negative, with a sum of 1.
    temperature : float
        ``T``, positive and finite. The loss is not multiplied by its square, as that of
        :func:`distillation` is.
    reduction : {"mean", "sum", "none"}
        "mean" divides by the number of rows ("batchmean" in PyTorch).
    normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    Tensor
        The loss, in the dtype of the logits; float32 for those of 16 bits.

    Raises
    ------
    ShapeError, LabelError, ParameterError, DataError
        As :func:`luce.losses.kl_divergence`; the values of the target are looked at on the CPU in
        eager mode only.

    Notes
    -----
    Has the meaning and the edge values of :func:`luce.losses.kl_divergence`, which computes it on
    the CPU in eager mode for a target that needs no gradient: also where logits and target nearly
    agree it keeps its digits. Elsewhere, as a sum of ``q (e^x - 1 - x)`` with ``x = log(p / q)``,
    it loses about ``1 / x`` units in the last place, and is never negative.

    Equals ``F.kl_div(log_softmax(logits / T), target, reduction="batchmean")``.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> logits, target = torch.tensor([[2.0, 1.0, 0.1]]), torch.tensor([[0.7, 0.2, 0.1]])
    >>> functional.kl_divergence(logits, target)
    tensor(0.0052)
    """
    t = as_temperature(temperature)
    how = Reduction.checked(reduction, normalizer, empty)
    check_same_shape(tuple(target.shape), tuple(logits.shape), "target")
    z, q = widened(logits), widened(target)

    def twin(x: Any) -> losses.LossGrad:
        return losses.kl_divergence_grad(
            x, as_numpy(q), temperature=t, reduction=reduction, normalizer=normalizer, empty=empty
        )

    def formula(x: Tensor) -> Tensor:
        return reduced(_rows(x, q, t), how)

    if is_native(z, q) and not is_wanted(q):
        return by_twin(z, twin, formula)
    return formula(z)


def _rows(z: Tensor, q: Tensor, t: float) -> Tensor:
    log_p = log_softmax(z, temperature=t)
    inside = q > 0
    log_q = torch.where(inside, q, torch.ones_like(q)).log()
    return divergence_of_rows(log_p, log_q, torch.where(inside, q, torch.zeros_like(q)))


def divergence_of_rows(log_p: Tensor, log_q: Tensor, q: Tensor) -> Tensor:
    """Return ``sum_j q (e^x - 1 - x)``, ``x = log(p / q)``, which is p where q is 0."""
    inside = q > 0
    apart = torch.where(inside, log_p - log_q, torch.zeros_like(log_p))
    each = torch.where(inside, q * (torch.expm1(apart) - apart), log_p.exp())
    return each.sum(-1)
