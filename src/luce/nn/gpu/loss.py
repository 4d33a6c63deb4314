"""The cross-entropy of tensors on a GPU: rows by the kernels, their mean by torch."""

from typing import Any

import torch
from torch import Tensor

from luce.losses.options import Scalars
from luce.losses.reduction import Reduction
from luce.nn.eager import is_plain, widened
from luce.nn.functional.cross_entropy import composed_cross_entropy
from luce.nn.gpu.cross_entropy import Rows, Spec, measured, pulled_back
from luce.nn.targets import wrong_shape


def serves(target: Tensor, rows: int, weight: Tensor | None, scalars: Scalars) -> bool:
    """Whether the kernels know this target, for rows of that many dimensions, and the options."""
    fixed = not target.requires_grad and (weight is None or not weight.requires_grad)
    return fixed and target.ndim == rows and scalars.gamma == 0


def spec_of(scalars: Scalars) -> Spec:
    """Return the options as the kernels take them."""
    return Spec(
        scalars.ignore_index,
        scalars.weighting == "row",
        scalars.smoothing,
        scalars.temperature,
        scalars.softcap,
        scalars.z_loss,
    )


def cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor | None, dim: int, scalars: Scalars
) -> Tensor:
    """Return the loss of logits with labels, in float32."""
    z = logits.movedim(dim, -1)
    *leading, k = z.shape
    if list(target.shape) != leading:
        raise wrong_shape(target, tuple(leading), k)
    rows = z.reshape(-1, k).contiguous()  # here, where a copy has its history
    losses, counts = _Losses.apply(rows, target.reshape(-1), weight, scalars)
    return reduced(losses.reshape(leading), counts, weight is not None, scalars)


def reduced(losses: Tensor, counts: Tensor, weighted: bool, scalars: Scalars) -> Tensor:
    """Return the loss, given that of each row and what each row counts."""
    how = scalars.reduction
    if how.kind == "none":
        return losses
    scale = scale_of(counts, weighted, scalars)
    # The mean of nothing has a scale of 0, and so a gradient of 0.
    total = losses.sum() * scale
    if how.kind == "sum" or how.normalizer is not None:
        return total
    return torch.where(scale == 0, 0.0 if how.empty == "zero" else torch.nan, total)


def scale_of(counts: Tensor, weighted: bool, scalars: Scalars) -> Tensor:
    """Return what the sum of the losses is multiplied by; 0 where a mean has nothing to average."""
    how = scalars.reduction
    if how.kind != "mean":
        return counts.new_ones(())
    if how.normalizer is not None:
        return counts.new_full((), 1.0 / how.normalizer)
    if not weighted and scalars.ignore_index is None:
        return counts.new_full((), 1.0 / len(counts) if len(counts) else 0.0)
    total = counts.sum()
    return torch.where(total == 0, 0.0, 1.0 / total)


class _Losses(torch.autograd.Function):
    """Losses of contiguous rows before any division, and what each row counts."""

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, y: Tensor, weight: Tensor | None, scalars: Scalars
    ) -> tuple[Tensor, Tensor]:
        y = y.long().contiguous()
        rows = measured(z, y, weight, spec_of(scalars))
        ctx.save_for_backward(z, y, weight, *rows)
        ctx.scalars = scalars
        ctx.mark_non_differentiable(rows.counts)
        return rows.loss, rows.counts

    @staticmethod
    def backward(ctx: Any, g: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:
        z, y, weight, *columns = ctx.saved_tensors
        again = torch.is_grad_enabled()
        if again or not is_plain(g):
            rows = ctx.scalars._replace(reduction=Reduction("none"))
            with torch.enable_grad():
                loss = composed_cross_entropy(widened(z), y, weight, -1, rows)
            (grad,) = torch.autograd.grad(loss, z, g.to(loss.dtype), create_graph=again)
            return grad, None, None, None
        grad = torch.empty_like(z)
        pulled_back(z, y, weight, spec_of(ctx.scalars), Rows(*columns), g, grad)
        return grad, None, None, None
