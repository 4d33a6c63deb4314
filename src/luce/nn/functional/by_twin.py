"""Losses of the NumPy room as nodes of torch's graph, and the reduction of rows that all count."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from luce._checks import nothing_to_average
from luce.losses.reduction import LossGrad, Reduction
from luce.nn.eager import as_numpy

Twin = Callable[[Any], LossGrad]  # of the logits' array: the loss, and its gradient
Formula = Callable[[Tensor], Tensor]  # of the logits: the same loss, by torch's operations


def by_twin(logits: Tensor, twin: Twin, formula: Formula) -> Tensor:
    """Return the loss of logits that kernels take: by the twin, its second derivative by formula.

    The loss is a scalar or has one number for each row, classes along the last dimension.
    """
    loss: Tensor = _ByTwin.apply(logits, twin, formula)
    return loss


class _ByTwin(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, twin: Twin, formula: Formula) -> Tensor:
        loss, grad = twin(as_numpy(logits))
        ctx.save_for_backward(logits, torch.from_numpy(grad))
        ctx.formula = formula
        return torch.from_numpy(np.asarray(loss)).to(logits.dtype)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        logits, slope = ctx.saved_tensors
        if not torch.is_grad_enabled():
            return slope * (g if g.ndim == 0 else g.unsqueeze(-1)), None, None
        (pull,) = torch.autograd.grad(ctx.formula(logits), logits, g, create_graph=True)
        return pull, None, None


def reduced(rows: Tensor, how: Reduction) -> Tensor:
    """Return none, the sum or the mean of the losses of rows that count alike."""
    if how.kind == "none":
        return rows
    total, n = rows.sum(), rows.numel()
    if how.kind == "sum":
        return total
    if how.normalizer is not None:
        return total / how.normalizer
    if n == 0 and how.empty == "raise":
        raise nothing_to_average(n)
    return total / n if n else total.new_full((), 0.0 if how.empty == "zero" else torch.nan)
