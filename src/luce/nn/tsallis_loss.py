r"""The losses of the entmax family over a linear layer: composed of torch's operations, or fused.

What a softmax has in :math:`-\log p_j`, the loss of class j, this family has in

.. math:: \ell_j = \Omega^*(u) - u_j, \qquad
    \Omega(p) = \sum_j \frac{p_j^\alpha - p_j}{\alpha (\alpha - 1)}, \qquad
    \nabla \ell_j = \operatorname{entmax}_\alpha(u) - e_j

(Blondel, Martins & Niculae 2020, JMLR 21, for the gradient of the conjugate). The fused loss is
that of labels: of the logits a few rows exist at a time, which become their gradient.
"""

from typing import Any

import torch
from torch import Tensor

from luce.nn.eager import is_native, is_plain, is_wanted
from luce.nn.functional.entmax import entmax
from luce.nn.functional.fenchel_young import of_rows, of_winner, power_or_zero
from luce.nn.logit_shape import LogitShape
from luce.nn.row_losses import of_all_classes, of_labels, of_normalisers
from luce.nn.targets import Targets

_CHUNK = 2**19  # logits at a time: few enough to stay in the cache until they are gradients


def linear_tsallis_loss(
    rows: Tensor, weight: Tensor, bias: Tensor | None, targets: Targets, alpha: float
) -> Tensor:
    """Return the losses of rows (n, d), or their sum if that is all that is asked for.

    Either can be handed to `Targets.reduced`. Autocast does not reach the logits: which classes
    are outside of the support is a matter of small differences.
    """
    layer = (rows, weight) if bias is None else (rows, weight, bias)
    with torch.autocast(rows.device.type, enabled=False):
        if _is_fused(targets, alpha) and is_native(*layer) and not is_wanted(targets.own):
            losses: Tensor = _Fused.apply(rows, weight, bias, targets, alpha, is_wanted(*layer))
            return losses
        return losses_of_logits(torch.nn.functional.linear(rows, weight, bias), targets, alpha)


def losses_of_logits(z: Tensor, targets: Targets, alpha: float) -> Tensor:
    """Return the loss of each row of logits (n, k), with any target and any option."""
    scalars = targets.scalars
    u = LogitShape(scalars.softcap, scalars.temperature)(z)
    plain = targets._replace(scalars=scalars._replace(gamma=0.0))
    least, top = _loss_of_likeliest(u, alpha)  # (n,), (n, 1)
    if targets.y is not None and targets.spread is None:
        at = targets.y[:, None]
        each = _weighed(least[:, None] + (top - u.gather(1, at)), u, alpha, scalars.gamma, at)
        losses = of_labels(-each[:, 0], plain)
    else:
        each = _weighed(least[:, None] + (top - u), u, alpha, scalars.gamma, None)
        losses = of_all_classes(-each, plain)
    if scalars.z_loss == 0:
        return losses
    return losses + of_normalisers((least + top[:, 0]).square(), targets)


def _loss_of_likeliest(u: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Return the loss of the likeliest class as the label (n,), and its logit (n, 1).

    It comes without cancellation, and the loss of any other class is as much more as the logit
    of that class is lower.
    """
    winner = u.detach().argmax(dim=1, keepdim=True)
    q = torch.zeros_like(u).scatter(1, winner, 1.0)
    return of_rows(u, q, alpha), u.gather(1, winner)


def _weighed(each: Tensor, u: Tensor, alpha: float, gamma: float, at: Tensor | None) -> Tensor:
    """Return losses of classes times ``(1 - p)^gamma``; `at` says of which, None of all."""
    if gamma == 0:
        return each
    p = entmax(u, alpha)
    return each * power_or_zero(1.0 - (p if at is None else p.gather(1, at)), gamma)


def _is_fused(targets: Targets, alpha: float) -> bool:
    """Whether these are labels, without an option that their fused loss does not know."""
    scalars = targets.scalars
    return (
        alpha != 1.0
        and targets.y is not None
        and targets.spread is None
        and scalars.temperature == 1.0
        and scalars.softcap is None
        and scalars.gamma == scalars.z_loss == 0.0
    )


class _Fused(torch.autograd.Function):
    """Loss and gradients in one go; the gradients are scaled when they are asked for."""

    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Targets,
        alpha: float,
        wanted: bool,
    ) -> Tensor:
        ctx.save_for_backward(rows, weight, bias)
        ctx.targets, ctx.alpha = targets, alpha
        by_row = targets.scalars.reduction.kind == "none"
        asked = ctx.needs_input_grad[:3] if wanted and not by_row else (False,) * 3
        losses, ctx.gradients = _evaluate((rows, weight, bias), targets, alpha, asked)
        return losses if by_row else losses.sum()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        layer, targets, asked = ctx.saved_tensors, ctx.targets, ctx.needs_input_grad[:3]
        nothing = (None,) * 3
        if torch.is_grad_enabled() or not is_plain(g):
            return *_slopes(layer, targets, ctx.alpha, asked, g), *nothing
        gradients, ctx.gradients = ctx.gradients, None
        if g.ndim:  # of each row
            weighed = targets._replace(own=targets.own * g)
            _, gradients = _evaluate(layer, weighed, ctx.alpha, asked)
            return *gradients, *nothing
        if gradients is None:  # a second pass through a graph that was retained
            _, gradients = _evaluate(layer, targets, ctx.alpha, asked)
        return *(None if one is None else one.mul_(g) for one in gradients), *nothing


Layer = tuple[Tensor, Tensor, Tensor | None]
Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


def _evaluate(
    layer: Layer, targets: Targets, alpha: float, asked: tuple[bool, ...]
) -> tuple[Tensor, Gradients]:
    """Return the losses (n,), and the gradients of rows, weight and bias that are asked for."""
    rows, weight, bias = layer
    assert targets.y is not None
    of_hidden, of_weight, of_bias = (
        torch.zeros_like(one) if is_asked and one is not None else None
        for one, is_asked in zip(layer, asked, strict=True)
    )
    losses = torch.empty(len(rows), dtype=rows.dtype)
    for start in range(0, len(rows), max(1, _CHUNK // len(weight))):
        part = slice(start, start + max(1, _CHUNK // len(weight)))
        hidden, own, at = rows[part], targets.own[part, None], targets.y[part, None]
        u = torch.nn.functional.linear(hidden, weight, bias)  # (c, k)
        p = entmax(u, alpha)
        least, winner = of_winner(p, alpha)
        each = least[:, None] + (u.gather(1, winner) - u.gather(1, at))
        losses[part] = torch.where(own == 0, 0.0, own * each)[:, 0]
        if not any(asked):
            continue
        slope = p.scatter_(1, at, 0.0)
        slope.scatter_(1, at, -slope.sum(dim=1, keepdim=True))  # p - 1 without cancellation
        slope.mul_(own)  # (c, k)
        if of_hidden is not None:
            torch.mm(slope, weight, out=of_hidden[part])
        if of_weight is not None:
            of_weight.addmm_(slope.T, hidden)
        if of_bias is not None:
            of_bias.add_(slope.sum(dim=0))
    return losses, (of_hidden, of_weight, of_bias)


def _slopes(
    layer: Layer, targets: Targets, alpha: float, asked: tuple[bool, ...], g: Tensor
) -> list[Tensor | None]:
    """Return gradients that are differentiable themselves, while autograd records."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # Of views of them: weights that the rows depend on, or are, would else get what goes
        # through the rows, too, which autograd adds by itself.
        views = [None if one is None else one.view_as(one) for one in layer]
        rows, weight, bias = views
        assert rows is not None
        assert weight is not None
        losses = losses_of_logits(torch.nn.functional.linear(rows, weight, bias), targets, alpha)
        result = losses if targets.scalars.reduction.kind == "none" else losses.sum()
    inputs = [one for one, is_asked in zip(views, asked, strict=True) if is_asked]
    found = iter(torch.autograd.grad(result, inputs, g.to(result.dtype), create_graph=again))  # type: ignore[arg-type]
    return [next(found) if is_asked else None for is_asked in asked]
