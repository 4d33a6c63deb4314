"""Logarithm of the sum of exponentials of a tensor."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from luce import kernels
from luce._checks import as_temperature
from luce.nn.eager import as_numpy, is_native, widened
from luce.nn.functional.softmax import masked, softmax


def logsumexp(
    x: Tensor,
    dim: int = -1,
    *,
    temperature: float = 1.0,
    where: Tensor | None = None,
    keepdim: bool = False,
) -> Tensor:
    r"""Logarithm of the sum of exponentials.

    .. math:: \mathrm{lse}(x) = T \log \sum_j e^{x_j / T}

    Parameters
    ----------
    x : Tensor
        Numbers of any shape.
    dim : int
        The dimension to sum over.
    temperature : float
        Positive and finite. The smaller, the closer the result to the largest element.
    where : Tensor of bool, optional
        Broadcasts to `x`; elements where it is False do not take part, whatever they hold.
    keepdim : bool
        Whether `dim` stays, with length 1.

    Returns
    -------
    Tensor
        The shape of `x` without `dim`, in the dtype of `x`. The sum of nothing is ``-inf`` and has
        a gradient of 0; ``+inf`` gives ``+inf`` and NaN gives NaN, both with a gradient of NaN.

    Raises
    ------
    ParameterError
        If the temperature is not positive and finite.

    Notes
    -----
    On the CPU in eager mode the kernel of :func:`luce.logsumexp` computes it, to the accuracy
    promised there, and the gradient is :func:`softmax`. Elsewhere it is a formula that leaves the
    largest element out of the sum, which ``log1p`` completes.

    Equals ``temperature * torch.logsumexp(x / temperature, dim)``.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> functional.logsumexp(torch.tensor([0.0, 0.0]))
    tensor(0.6931)
    >>> print(f"{functional.logsumexp(torch.tensor([0.0, -40.0])).item():.3g}")
    4.25e-18
    """
    t = as_temperature(temperature)
    z = masked(x, where)
    total = _logsumexp(widened(z), dim, t).to(z.dtype)
    return total if keepdim or z.dim() == 0 else total.squeeze(dim)


def _logsumexp(z: Tensor, dim: int, t: float) -> Tensor:
    if z.numel() == 0 or z.dim() == 0:
        return torch.logsumexp(z, dim, keepdim=True)
    if not is_native(z):
        return _composite(z, dim, t)
    total: Tensor = _Native.apply(z, dim, t)
    return total


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, dim: int, t: float) -> Tensor:
        ctx.save_for_backward(z)
        ctx.dim, ctx.t = dim, t
        logits, place = np.ascontiguousarray(as_numpy(z)), dim % z.dim()
        total = logits[(slice(None),) * place + (slice(1),)].copy()
        kernels.logsumexp(logits, total, place, t)
        return torch.from_numpy(total)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor, None, None]:
        (z,) = ctx.saved_tensors
        p = softmax(z, ctx.dim, temperature=ctx.t, empty="zero")
        return p * v, None, None


def _composite(z: Tensor, dim: int, t: float) -> Tensor:
    """Return it by torch operations; the winner's own 1 in the sum is added by ``log1p``."""
    u = z if t == 1.0 else z / t
    winner = u.detach().argmax(dim, keepdim=True)
    top = u.gather(dim, winner)
    has_rest = torch.isfinite(top)  # else the top is the result
    power = torch.exp(u - torch.where(has_rest, top, torch.zeros_like(top)))
    rest = power.scatter(dim, winner, 0.0).sum(dim, keepdim=True)
    rest = torch.where(has_rest, rest, torch.zeros_like(rest))
    total = top + torch.log1p(rest)
    return total if t == 1.0 else t * total
