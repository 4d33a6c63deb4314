"""Logarithm of the softmax, for tensors."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from luce import kernels
from luce._checks import as_temperature
from luce.functions.derivatives import log_softmax_vjp
from luce.functions.softmax import log_softmax as log_softmax_of_array
from luce.nn.eager import as_numpy, is_native, is_recorded, is_wanted, widened


def log_softmax(logits: Tensor, dim: int = -1, *, temperature: float = 1.0) -> Tensor:
    r"""Logarithm of the softmax, accurate also where one class wins clearly.

    .. math:: \ell_i = \frac{z_i}{T} - \log \sum_j e^{z_j / T}

    Parameters
    ----------
    logits : Tensor
        Logits of any shape; ``-inf`` is an impossible class.
    dim : int
        The dimension of the classes.
    temperature : float
        ``T``, positive and finite. Below 1 sharpens the distribution, above 1 flattens it.

    Returns
    -------
    Tensor
        The shape and dtype of `logits`; float16 and bfloat16 are computed in float32 and rounded
        once. A row whose largest logit is not finite holds NaN.

    Raises
    ------
    ParameterError
        If the temperature is not positive and finite.

    Notes
    -----
    Equals ``torch.log_softmax(logits / temperature, dim)`` where that is accurate. The largest
    class is left out of the sum and added by ``log1p``, and in the gradient ``1 - p`` of that
    class is never a difference: a confident row has a loss and a gradient where torch's are 0.

    Plain tensors on the CPU go through the kernels of :func:`luce.log_softmax`, which keep a number
    for each row: with it the gradient along the last dimension needs no second sum of
    exponentials. Everything else (other devices, ``torch.compile``, ``torch.func``, second
    derivatives) is composed of torch's operations.

    Accuracy
    --------
    gradient, float32 : 2 ULP
    gradient, float64 : 4 ULP

    in the unit of :func:`luce.log_softmax_vjp`; the result as :func:`luce.log_softmax`.

    Examples
    --------
    >>> import torch
    >>> from luce.nn.functional import log_softmax
    >>> print(log_softmax(torch.tensor([20.0, 0.0])).numpy())
    [-2.0611537e-09 -2.0000000e+01]
    >>> print(torch.log_softmax(torch.tensor([20.0, 0.0]), -1).numpy())
    [  0. -20.]
    """
    t = as_temperature(temperature)
    z = widened(logits)
    if is_native(z):
        result = _by_kernels(z, dim, t)
    else:
        result = log_softmax_of_last(z.movedim(dim, -1) / t).movedim(-1, dim)
    return result.to(logits.dtype)


def log_softmax_of_last(z: Tensor) -> Tensor:
    """Return the logarithm of the softmax along the last dimension, of torch's operations alone."""
    if is_recorded():  # they take no function with derivatives in both modes
        return _formula(z)
    result: Tensor = _Composed.apply(z)
    return result


def _formula(z: Tensor) -> Tensor:
    """Return ``(z - max) - log1p(sum of the others)``."""
    top, winner = z.max(dim=-1, keepdim=True)
    gap = z - torch.where(torch.isfinite(top), top, torch.nan)
    rest = gap.exp().scatter(-1, winner, 0.0).sum(dim=-1, keepdim=True)
    return gap - rest.log1p()


class _Composed(torch.autograd.Function):
    """The formula and its derivatives, where autograd's would be ``p - 1``, rounded to 0."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor) -> Tensor:
        return _formula(z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return _pulled_back(ctx.saved_tensors[0], g)

    @staticmethod
    def jvp(ctx: Any, v: Tensor) -> Tensor:
        log_p: Tensor = ctx.saved_tensors[0]
        return v - (log_p.exp() * v).sum(dim=-1, keepdim=True)


def _by_kernels(z: Tensor, dim: int, temperature: float) -> Tensor:
    if is_wanted(z):
        result: Tensor = _Native.apply(z, dim, temperature)
        return result
    return torch.from_numpy(log_softmax_of_array(as_numpy(z), dim, temperature=temperature))


class _Native(torch.autograd.Function):
    """The kernels, on the tensors' own memory."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, dim: int, temperature: float) -> Tensor:
        ctx.save_for_backward(z)
        ctx.dim, ctx.temperature, ctx.sums = dim, temperature, None
        if z.dim() == 0 or dim not in (-1, z.dim() - 1) or not z.numel():
            return torch.from_numpy(log_softmax_of_array(as_numpy(z), dim, temperature=temperature))
        rows = np.ascontiguousarray(as_numpy(z))
        result, ctx.sums = kernels.empty_like(rows), np.empty(rows.size // rows.shape[-1])
        kernels.log_softmax_with_sums(rows, result, ctx.sums, temperature)
        return torch.from_numpy(result)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        (z,), dim, temperature = ctx.saved_tensors, ctx.dim, ctx.temperature
        if torch.is_grad_enabled() or not is_native(z, g):
            log_p = log_softmax_of_last(z.movedim(dim, -1) / temperature)
            pulled = _pulled_back(log_p, g.movedim(dim, -1)).movedim(-1, dim) / temperature
            return pulled, None, None
        rows, slopes = as_numpy(z), as_numpy(g)
        grad = None if ctx.sums is None else _gradient(rows, ctx.sums, slopes, temperature)
        if grad is None:
            grad = log_softmax_vjp(rows, slopes, dim, temperature=temperature)
        return torch.from_numpy(grad), None, None


def _gradient(
    z: NDArray[Any], sums: NDArray[np.float64], v: NDArray[Any], temperature: float
) -> NDArray[Any] | None:
    """Return the gradient along the last axis; None where v is too large for the kernel."""
    rows, slopes = np.ascontiguousarray(z), np.ascontiguousarray(v)
    grad = kernels.empty_like(rows)
    done = kernels.log_softmax_gradient(rows, sums, slopes, grad, temperature)
    return grad if done else None


def _pulled_back(log_p: Tensor, g: Tensor) -> Tensor:
    """Return ``g_i - p_i sum_j g_j``; for the winner ``g_i (1 - p_i) - p_i sum_{j != i} g_j``."""
    p, winner = log_p.exp(), log_p.argmax(dim=-1, keepdim=True)
    g_of_winner = g.gather(-1, winner)
    others = g.scatter(-1, winner, 0.0).sum(dim=-1, keepdim=True)
    rest = -log_p.gather(-1, winner).expm1()
    at_winner = g_of_winner * rest - p.gather(-1, winner) * others
    return (g - p * (g_of_winner + others)).scatter(-1, winner, at_winner)
