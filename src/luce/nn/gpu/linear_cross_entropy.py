r"""Cross-entropy of a linear layer on a GPU: a few thousand rows of logits at a time.

For each chunk of rows: one product gives the logits, the kernels the losses and, over the logits
themselves, their gradient; two more products carry it on to the hidden states and the weights.
Nothing is computed twice: three products in all, beside which the kernels' three passes over the
logits are a few percent. (Liger and QuACK go the same way; CCE, which never writes logits, computes
them again in its backward pass.) The gradients are there when the loss is, and are scaled when the
gradient of the loss arrives.

Each product accumulates in float32. Of the weights' gradient the sum over chunks is kept in
float32, too, if that takes no more than `_SUMS` bytes or there are more than `_FEW` chunks; else
it is rounded to 16 bits after each of the few chunks.
"""

from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor

from luce.losses.options import Scalars
from luce.nn.eager import is_plain
from luce.nn.gpu.cross_entropy import Spec, measured, pulled_back
from luce.nn.gpu.loss import reduced, scale_of, spec_of
from luce.nn.targets import wrong_shape

WORKSPACE = 448 << 20  # bytes of logits at a time
_SUMS = 64 << 20
_FEW = 8
_TILE = 128  # rows of a tile of the matrix products
_ROOM = 1.0 / 64  # in float16, by which rows are multiplied so that their sum does not overflow


class Problem(NamedTuple):
    """The layer as rows of one dtype, its labels and options."""

    hidden: Tensor
    """(n, d)."""
    weight: Tensor
    """(k, d)."""
    bias: Tensor | None
    """(k,)."""
    y: Tensor
    """(n,)."""
    class_weight: Tensor | None
    """(k,)."""
    spec: Spec

    def chunk(self, workspace: int) -> int:
        """Return how many rows are worked on at a time."""
        n, k = len(self.hidden), len(self.weight)
        most = max(1, workspace // (k * self.hidden.element_size()))
        even = -(-n // -(-n // most)) if n else 1
        return min(most, -(-even // _TILE) * _TILE)


class Found(NamedTuple):
    """Losses of rows, what each counts, and gradients where they are wanted."""

    loss: Tensor
    counts: Tensor
    hidden: Tensor | None
    weight: Tensor | None
    bias: Tensor | None


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    target: Tensor,
    bias: Tensor | None,
    class_weight: Tensor | None,
    scalars: Scalars,
) -> Tensor:
    """Return the loss of a layer with labels, in float32."""
    layer = [hidden, weight] if bias is None else [hidden, weight, bias]
    common = reduce(torch.promote_types, [one.dtype for one in layer])
    if torch.is_autocast_enabled(hidden.device.type):
        common = torch.get_autocast_dtype(hidden.device.type)
    loss: Tensor = _Fused.apply(
        hidden.to(common),
        weight.to(common),
        None if bias is None else bias.to(common),
        target,
        class_weight,
        scalars,
        torch.is_grad_enabled(),
    )
    return loss


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        target: Tensor,
        class_weight: Tensor | None,
        scalars: Scalars,
        enabled: bool,
    ) -> Tensor:
        ctx.save_for_backward(hidden, weight, bias, target, class_weight)
        ctx.scalars = scalars
        problem = _problem(hidden, weight, bias, target, class_weight, scalars)
        wanted = ctx.needs_input_grad[:3]
        at_once = enabled and any(wanted) and scalars.reduction.kind != "none"
        found = solved(problem, wanted if at_once else (False, False, False), None)
        weighted = class_weight is not None
        ctx.found = found if at_once else None
        ctx.scale = scale_of(found.counts, weighted, scalars)
        losses = found.loss.reshape(hidden.shape[:-1])
        return reduced(losses, found.counts, weighted, scalars)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        tensors, scalars = ctx.saved_tensors, ctx.scalars
        wanted, nothing = ctx.needs_input_grad[:3], (None,) * 4
        if torch.is_grad_enabled() or not is_plain(g):
            return *_slopes(tensors, scalars, wanted, g), *nothing
        found, ctx.found, scale = ctx.found, None, g * ctx.scale
        if found is None:  # of each row, or a second pass through a graph that was retained
            each = scalars.reduction.kind == "none"
            rows = g.reshape(-1).contiguous() if each else None
            scale = g.new_ones(()) if each else scale
            hidden, weight, bias, target, class_weight = tensors
            problem = _problem(hidden, weight, bias, target, class_weight, scalars)
            found = solved(problem, wanted, rows)
        grads = (found.hidden, found.weight, found.bias)
        return *(
            None if grad is None else grad.mul_(scale).reshape(tensor.shape).to(tensor.dtype)
            for grad, tensor in zip(grads, tensors, strict=False)
        ), *nothing


def _problem(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    target: Tensor,
    class_weight: Tensor | None,
    scalars: Scalars,
) -> Problem:
    if target.shape != hidden.shape[:-1]:
        raise wrong_shape(target, tuple(hidden.shape[:-1]), len(weight))
    rows = hidden.detach().reshape(-1, hidden.shape[-1])
    y = target.reshape(-1).long().contiguous()
    return Problem(
        rows.contiguous(),
        weight.detach(),
        None if bias is None else bias.detach(),
        y,
        class_weight,
        spec_of(scalars),
    )


def solved(
    problem: Problem,
    wanted: tuple[bool, ...],
    g: Tensor | None,
    workspace: int = WORKSPACE,
) -> Found:
    """Return losses, and the gradients of their sum, weighted by `g` (n,) if that is given."""
    hidden, weight, bias, y, class_weight, spec = problem
    n, k, rows = len(hidden), len(weight), problem.chunk(workspace)
    chunks = -(-n // rows)
    loss, count = (torch.empty(n, device=hidden.device) for _ in range(2))
    of_hidden = torch.empty_like(hidden) if wanted[0] else None
    of_weight = _Sums.of(weight, chunks) if wanted[1] else None
    of_bias = torch.zeros(k, device=hidden.device) if wanted[2] else None
    logits = torch.empty((min(rows, n), k), dtype=hidden.dtype, device=hidden.device)
    factor = torch.ones((), device=hidden.device).expand(n) if g is None else g
    for start in range(0, n, rows):
        part = slice(start, min(start + rows, n))
        h, labels = hidden[part], y[part]
        z = logits[: len(h)]
        if bias is None:
            torch.mm(h, weight.t(), out=z)
        else:
            torch.addmm(bias, h, weight.t(), out=z)
        found = measured(z, labels, class_weight, spec)
        loss[part], count[part] = found.loss, found.counts
        if not any(wanted):
            continue
        pulled_back(z, labels, class_weight, spec, found, factor[part], z)
        if of_hidden is not None:
            torch.mm(z, weight, out=of_hidden[part])
        if of_weight is not None:
            of_weight.add(z, _of_used(h, labels, found.counts, class_weight, spec))
        if of_bias is not None:
            of_bias += z.sum(0, dtype=torch.float32)
    return Found(loss, count, of_hidden, None if of_weight is None else of_weight.total(), of_bias)


def _of_used(
    h: Tensor, labels: Tensor, counts: Tensor, class_weight: Tensor | None, spec: Spec
) -> Tensor:
    """Return rows with zeros for those of no weight, which may hold anything, such as NaN."""
    used = None if spec.ignore_index is None else labels != spec.ignore_index
    if class_weight is not None and (spec.by_row or spec.smoothing == 0):
        used = counts > 0
    return h if used is None else torch.where(used.unsqueeze(1), h, 0.0)


class _Sums:
    """The gradient of the weights, a sum over chunks."""

    def __init__(self, total: Tensor, dtype: torch.dtype) -> None:
        self._total, self._dtype, self._empty = total, dtype, True

    @classmethod
    def of(cls, weight: Tensor, chunks: int) -> "_Sums":
        wide = chunks > 1 and (4 * weight.numel() <= _SUMS or chunks > _FEW)
        total = torch.empty_like(weight, dtype=torch.float32 if wide else weight.dtype)
        return cls(total.zero_() if chunks == 0 else total, weight.dtype)

    def add(self, z: Tensor, h: Tensor) -> None:
        """Add the product of a chunk."""
        if self._dtype == torch.float16:
            h = h * _ROOM
        if self._empty and self._total.dtype == self._dtype:
            torch.mm(z.t(), h, out=self._total)
        elif self._total.dtype == self._dtype:
            self._total.addmm_(z.t(), h)
        elif self._empty:
            self._total.copy_(torch.mm(z.t(), h))
        else:
            self._total += torch.mm(z.t(), h)
        self._empty = False

    def total(self) -> Tensor:
        """Return the sum over all chunks."""
        return self._total if self._dtype != torch.float16 else self._total / _ROOM


def _slopes(
    tensors: tuple[Tensor | None, ...], scalars: Scalars, wanted: tuple[bool, ...], g: Tensor
) -> list[Tensor | None]:
    """Return gradients that are differentiable themselves."""
    from luce.nn.functional.linear_cross_entropy import slopes

    return slopes(tensors, scalars, wanted, g)
