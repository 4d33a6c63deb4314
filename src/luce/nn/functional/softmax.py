"""Softmax of tensors."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from luce import functions, kernels
from luce._checks import as_choice, as_temperature
from luce.nn import gpu
from luce.nn.eager import as_numpy, is_native, is_wanted, widened

_EMPTY = ("nan", "zero")


def softmax(
    x: Tensor,
    dim: int = -1,
    *,
    temperature: float = 1.0,
    where: Tensor | None = None,
    empty: str = "nan",
) -> Tensor:
    r"""Probabilities from logits, to the last few bits, and so their gradient.

    .. math:: p_i = \frac{e^{x_i / T}}{\sum_j e^{x_j / T}}

    Parameters
    ----------
    x : Tensor
        Logits of any shape, classes along `dim`; ``-inf`` is an impossible class.
    dim : int
        The dimension of the classes.
    temperature : float
        Positive and finite. Below 1 sharpens the distribution, above 1 flattens it.
    where : Tensor of bool, optional
        Broadcasts to `x`. Classes where it is False get probability 0, whatever they hold.
    empty : {"nan", "zero"}
        What a row without a possible class (all ``-inf`` or all masked) gives: NaN, or
        probabilities of 0 with a gradient of 0.

    Returns
    -------
    Tensor
        The shape and dtype of `x`. A row with NaN or ``+inf`` holds NaN. 16-bit floats are
        computed in float32 and rounded once.

    Raises
    ------
    ParameterError
        If the temperature is not positive and finite, or `empty` is not one of its choices.

    Notes
    -----
    On the CPU in eager mode the kernels of :func:`luce.softmax` compute it, to the accuracy
    promised there, and its gradient from the probabilities, measured from that of the winner.
    CUDA tensors of 16 and 32 bits without a mask go to a kernel in Triton. Under
    ``torch.compile``, ``torch.func`` and everywhere else it is a formula of torch's operations.
    Either way the gradient of a clear winner is minus the sum of the others' and not
    0, as that of ``torch.softmax`` is once ``1 - p`` rounds to 0.

    Equals ``torch.softmax(x / temperature, dim)``.

    Source: Blanchard, Higham & Higham (2021), IMA J. Numer. Anal. 41(4).

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> functional.softmax(torch.tensor([3.0, 1.0, 2.0, 4.0]))
    tensor([0.2369, 0.0321, 0.0871, 0.6439])
    >>> mask = torch.tensor([True, True, False, False])
    >>> functional.softmax(torch.tensor([3.0, 1.0, 2.0, 4.0]), where=mask)
    tensor([0.8808, 0.1192, 0.0000, 0.0000])
    """
    t = as_temperature(temperature)
    as_choice(empty, _EMPTY, "empty")
    if where is None and empty == "nan" and x.dim() and gpu.takes(x):
        from luce.nn.gpu.softmax import softmax as of_rows

        rows = x.movedim(dim, -1)
        p = of_rows(rows.reshape(-1, rows.shape[-1]), t)
        return p.reshape(rows.shape).movedim(-1, dim)
    z = masked(widened(x), where)
    if empty == "nan":
        return _softmax(z, dim, t).to(x.dtype)
    # The logits of such rows are replaced first: a NaN that is only covered has a gradient of NaN.
    nothing = (z == -torch.inf).all(dim, keepdim=True)
    p = _softmax(torch.where(nothing, 0.0, z), dim, t)
    return torch.where(nothing, 0.0, p).to(x.dtype)


def masked(x: Tensor, where: Tensor | None) -> Tensor:
    """Return the logits with ``-inf`` where the mask is False, and a gradient of 0 there."""
    return x if where is None else x.masked_fill(~where, -torch.inf)


def _softmax(z: Tensor, dim: int, t: float) -> Tensor:
    if z.numel() == 0 or z.dim() == 0:
        return torch.softmax(z, dim)
    if not is_native(z):
        return _composite(z, dim, t)
    if is_wanted(z):
        p: Tensor = _Native.apply(z, dim, t)
        return p
    return torch.from_numpy(functions.softmax(as_numpy(z), dim, temperature=t))


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, dim: int, t: float) -> Tensor:
        p = torch.from_numpy(functions.softmax(as_numpy(z), dim, temperature=t))
        ctx.save_for_backward(p)
        ctx.dim, ctx.t = dim % z.dim(), t
        return p

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor, None, None]:
        (p,) = ctx.saved_tensors
        if torch.is_grad_enabled() or not is_native(p, v):
            return jacobian_product(p, v, ctx.dim, ctx.t), None, None
        if ctx.dim != p.dim() - 1:
            return _product(p, v, ctx.dim, ctx.t), None, None
        given = np.ascontiguousarray(as_numpy(p))
        grad = kernels.empty_like(given)
        kernels.softmax_gradient(given, np.ascontiguousarray(as_numpy(v)), grad, ctx.t)
        return torch.from_numpy(grad), None, None


def _product(p: Tensor, v: Tensor, dim: int, t: float) -> Tensor:
    """Return what `jacobian_product` does, in three passes over memory that is in the cache.

    Torch measures `v` from a mean that is rounded. What the gradient then sums to, and should not,
    is that rounding, and small: taking it off by shares of p loses nothing.
    """
    grad: Tensor = torch._softmax_backward_data(v, p, dim, p.dtype)
    grad.addcmul_(p, grad.sum(dim, keepdim=True), value=-1.0)
    return grad if t == 1.0 else grad.div_(t)


def jacobian_product(p: Tensor, v: Tensor, dim: int, t: float) -> Tensor:
    """Return ``p (v - sum p v) / t``, with `v` measured from that of the winner.

    So nothing cancels where the winner has nearly all.
    """
    winner = p.detach().argmax(dim, keepdim=True)
    lead = v - v.gather(dim, winner)
    return p * (lead - (p * lead).sum(dim, keepdim=True)) / t


def _composite(z: Tensor, dim: int, t: float) -> Tensor:
    """Return the softmax by torch operations, which can be differentiated any number of times.

    The winner's logit is taken off with its gradient. So the winner gets minus the sum of the
    others' gradients, and not a difference that cancels.
    """
    u = z if t == 1.0 else z / t
    winner = u.detach().argmax(dim, keepdim=True)
    power = torch.exp(u - u.gather(dim, winner))  # NaN for the winner at infinity
    own = power.gather(dim, winner)
    rest = torch.where(_places(u, dim) == winner, torch.zeros_like(power), power)
    return power / (own + rest.sum(dim, keepdim=True))


def _places(u: Tensor, dim: int) -> Tensor:
    """Return the numbers of the classes, shaped to broadcast along `dim`."""
    shape = [1] * u.dim()
    shape[dim] = u.shape[dim]
    return torch.arange(u.shape[dim], device=u.device).view(shape)
