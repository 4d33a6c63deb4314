"""Entmax of tensors: softmax, sparsemax, and what lies between and beyond."""

from typing import Any

import torch
from torch import Tensor

from luce import functions
from luce._checks import as_alpha, as_temperature
from luce.nn.eager import as_numpy, is_native, widened
from luce.nn.functional import thresholds
from luce.nn.functional.softmax import masked, softmax


def entmax(
    x: Tensor,
    alpha: float | Tensor = 1.5,
    dim: int = -1,
    *,
    temperature: float = 1.0,
    where: Tensor | None = None,
) -> Tensor:
    r"""Probabilities between softmax (alpha 1) and sparsemax (alpha 2): the unlikely get exactly 0.

    .. math:: p_i = \Big[ (\alpha - 1)\, x_i / T - \tau \Big]_+^{1 / (\alpha - 1)},
        \qquad \sum_i p_i = 1

    Parameters
    ----------
    x : Tensor
        As in :func:`softmax`.
    alpha : float or Tensor
        1 or more; the larger, the fewer classes get a probability above 0. A tensor, which may be
        learnt, must be above 1 and broadcast to `x` with length 1 along `dim`: one alpha for
        each head of an attention, for example. Its values are not checked.
    dim, temperature, where
        As in :func:`softmax`; masked classes get 0.

    Returns
    -------
    Tensor
        The shape and dtype of `x`, in [0, 1]. A row whose largest logit is not finite holds NaN.
        16-bit floats are computed in float32 and rounded once.

    Raises
    ------
    ParameterError
        If alpha is not finite and 1 or more, or the temperature not positive and finite.

    Notes
    -----
    The Jacobian is symmetric: with the slopes :math:`s_i = p_i^{2-\alpha}` of the support, else 0,
    and :math:`\tilde s = s / \sum_j s_j`, and :math:`h = -p \log p`,

    .. math::
        \frac{\partial p_i}{\partial x_j} = \frac{s_i}{T} (\delta_{ij} - \tilde s_j), \qquad
        \frac{\partial p_i}{\partial \alpha} = \frac{p_i - \tilde s_i}{(\alpha - 1)^2}
            + \frac{h_i - \tilde s_i \sum_j h_j}{\alpha - 1}.

    Where a class is exactly at the threshold the function has a kink; the derivative is that of the
    side on which this class is out.

    On the CPU in eager mode, for one alpha, :func:`luce.entmax` computes the probabilities and
    :func:`luce.entmax_vjp` the gradient, to the accuracy promised there. Elsewhere the threshold
    comes from the sorted logits for alpha 1.5 and 2, and from bisection for others.

    Source: Peters, Niculae & Martins (2019), ACL; Correia, Niculae & Martins (2019), Adaptively
    sparse transformers, EMNLP, proposition 1, for the gradient in alpha.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> functional.entmax(torch.tensor([3.0, 1.0, 2.5, 2.0]))
    tensor([0.6242, 0.0000, 0.2917, 0.0841])
    >>> alpha = torch.tensor(1.5, requires_grad=True)
    >>> functional.entmax(torch.tensor([3.0, 1.0, 2.5, 2.0]), alpha)[0].backward()
    >>> print(round(alpha.grad.item(), 4))
    0.2941
    """
    t = as_temperature(temperature)
    z = masked(x, where)
    if not isinstance(alpha, Tensor):
        alpha = as_alpha(alpha)
        if alpha == 1.0:
            return softmax(z, dim, temperature=t)
    if z.numel() == 0 or z.dim() == 0:
        return torch.softmax(z, dim)
    return _of_any_alpha(widened(z), alpha, dim, t).to(z.dtype)


def _of_any_alpha(z: Tensor, alpha: float | Tensor, dim: int, t: float) -> Tensor:
    # A number enters as a tensor too: one formula serves for both.
    given = alpha if isinstance(alpha, Tensor) else torch.tensor(alpha, dtype=torch.float64)
    known = None if isinstance(alpha, Tensor) else alpha
    # The compiler refuses functions that have a forward-mode derivative.
    function = _Entmax if torch.compiler.is_compiling() else _BothWays
    p: Tensor = function.apply(z, given, dim, t, known)
    return p


class _Entmax(torch.autograd.Function):
    """Probabilities from which, and from alpha alone, every derivative follows."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, alpha: Tensor, dim: int, t: float, known: float | None) -> Tensor:
        if is_native(z) and (known or alpha.numel() == 1):
            one = known or alpha.item()
            return torch.from_numpy(functions.entmax(as_numpy(z), one, dim, temperature=t))
        return thresholds.probabilities(z, alpha, dim, t, known)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        z, alpha, ctx.dim, ctx.t, ctx.known = inputs
        ctx.save_for_backward(z, alpha, output)
        ctx.save_for_forward(z, alpha, output)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        z, alpha, p = ctx.saved_tensors
        in_z, in_alpha = None, None
        if ctx.needs_input_grad[0]:
            one = ctx.known or (alpha.item() if alpha.numel() == 1 and is_native(alpha) else None)
            if one and is_native(z, v) and not torch.is_grad_enabled():
                arrays = as_numpy(z), as_numpy(v)
                in_z = torch.from_numpy(
                    functions.entmax_vjp(*arrays, one, ctx.dim, temperature=ctx.t)
                )
            else:
                in_z = jacobian_product(p, v, alpha, ctx.dim) / ctx.t
        if ctx.needs_input_grad[1]:
            each = v * slope_in_alpha(p, alpha, ctx.dim)
            in_alpha = each.sum_to_size(alpha.shape).to(alpha.dtype)
        return in_z, in_alpha, None, None, None


class _BothWays(_Entmax):
    """The same with its forward-mode derivative."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        _, alpha, p = ctx.saved_tensors
        in_z, in_alpha = tangents[:2]
        change = torch.zeros_like(p)
        if in_z is not None:
            change = change + jacobian_product(p, in_z, alpha, ctx.dim) / ctx.t
        if in_alpha is not None:
            change = change + slope_in_alpha(p, alpha, ctx.dim) * in_alpha
        return change


def jacobian_product(p: Tensor, v: Tensor, alpha: Tensor, dim: int) -> Tensor:
    """Return the product of the Jacobian at temperature 1 and a vector, from the probabilities."""
    slope = _slope(p, alpha)
    share = slope / slope.sum(dim, keepdim=True)
    rest = v - (share * v).sum(dim, keepdim=True)
    # The second mean, that of what the first one leaves, removes the rounding of the first.
    return slope * (rest - (share * rest).sum(dim, keepdim=True))


def slope_in_alpha(p: Tensor, alpha: Tensor, dim: int) -> Tensor:
    """Return the derivative of the probabilities in alpha."""
    a = alpha.to(p.dtype) - 1.0
    slope = _slope(p, alpha)
    share = slope / slope.sum(dim, keepdim=True)
    base = torch.where(p > 0, p, torch.ones_like(p))
    surprise = -base * base.log()
    left = surprise - share * surprise.sum(dim, keepdim=True)
    return (p - share) / (a * a) + left / a


def _slope(p: Tensor, alpha: Tensor) -> Tensor:
    inside = p > 0
    base = torch.where(inside, p, torch.ones_like(p))
    return torch.where(inside, base ** (2.0 - alpha.to(p.dtype)), torch.zeros_like(p))
