"""Cross-entropy of a linear layer, for tensors."""

from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from luce.losses.linear_layer import WORKSPACE, Gradients, Layer, evaluate
from luce.losses.options import Options, Scalars
from luce.losses.targets import Targets as TargetsOfArrays
from luce.nn import gpu
from luce.nn.eager import as_numpy, is_eager, is_native, is_plain, is_wanted, widened
from luce.nn.functional.cross_entropy import losses_of_logits
from luce.nn.options import checked
from luce.nn.targets import Targets

# Measured on AVX-512 in chunks of 48, 96, 192, 384 and 768 rows: (700, 200, 50,000) takes 1.22,
# 1.09, 1.02, 1.00 and 1.00 times the best; (768, 1024, 64,000) from 96 rows on 1.00, 1.00, 1.11 and
# 1.13. So memory decides: a third of all rows, and 64 MB of logits where they are many.
_LEAST_WORKSPACE = 2_000_000  # bytes; with less, small problems would be cut for nothing
_PART = 3


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    target: Tensor,
    bias: Tensor | None = None,
    *,
    class_weight: Tensor | None = None,
    weighting: str = "class",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    focal_gamma: float = 0.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Tensor:
    r"""Cross-entropy of the logits of a linear layer, which are never held all at once.

    .. math:: L = \operatorname{cross\_entropy}(z, y), \qquad z = h W^\top + b

    Parameters
    ----------
    hidden : Tensor, shape (..., d)
        ``h``: rows of ``d`` numbers.
    weight : Tensor, shape (k, d)
        ``W``: ``d`` numbers for each of ``k`` classes, as in ``torch.nn.Linear``.
    target : Tensor, shape (...) or (..., k)
        Labels or distributions, as in :func:`cross_entropy`.
    bias : Tensor, shape (k,), optional
        ``b``; ``-inf`` makes a class impossible.
    class_weight : Tensor, shape (k,), optional
        The ``weight`` of :func:`cross_entropy`.
    weighting, label_smoothing, ignore_index
        As in :func:`cross_entropy`.
    temperature, softcap, z_loss, focal_gamma
        As in :func:`cross_entropy`.
    reduction, normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    Tensor
        As :func:`cross_entropy`.

    Raises
    ------
    ShapeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`.

    Notes
    -----
    Equals ``cross_entropy(torch.nn.functional.linear(hidden, weight, bias), target)``, which
    holds the logits, their log-softmax and its gradient. Here a few rows of logits at a time
    become their gradient in place, while the loss is computed, and enter both products: memory
    beyond arguments and gradients is at most a third of one array of all logits, or 2 MB if
    that is more, and never above 64 MB. Rows that do not count are left out of the products.

    So it is for tensors on the CPU, of any float dtype: 16 bits are computed in float32, under
    autocast too, and gradients rounded once. For reduction "none" the gradients are computed
    when they are asked for, from logits that are computed again.

    CUDA tensors of 16 and 32 bits with labels are served alike by kernels in Triton, unless
    `focal_gamma` is given: with at most 448 MB of logits at a time, and products in the dtype of
    the tensors, or of autocast, that accumulate in float32. In 16 bits the gradient of the weights
    is kept in float32 over the chunks of rows where that takes at most 64 MB or there are more
    than 8 chunks; else it is rounded after each of them.

    Everything else (``torch.compile``, ``torch.func``, other devices, second derivatives, a target
    or class weights that need a gradient) is the plain formula, composed of torch's operations.

    Examples
    --------
    >>> import torch
    >>> from luce.nn.functional import linear_cross_entropy
    >>> hidden = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
    >>> weight = torch.tensor([[0.5, 0.5], [1.0, -1.0], [0.0, 0.25]])
    >>> print(round(linear_cross_entropy(hidden, weight, torch.tensor([0, 2])).item(), 4))
    1.0167
    """
    _, scalars = checked(
        weighting=weighting, label_smoothing=label_smoothing, ignore_index=ignore_index,
        temperature=temperature, softcap=softcap, z_loss=z_loss, focal_gamma=focal_gamma,
        reduction=reduction, normalizer=normalizer, empty=empty,
    )  # fmt: skip
    layer = [hidden, weight] if bias is None else [hidden, weight, bias]
    others = [target] if class_weight is None else [target, class_weight]
    if gpu.takes(*layer):
        from luce.nn.gpu import linear_cross_entropy as kernels
        from luce.nn.gpu.loss import serves

        if serves(target, hidden.ndim - 1, class_weight, scalars):
            return kernels.linear_cross_entropy(hidden, weight, target, bias, class_weight, scalars)
    if is_native(*layer, widened=True) and is_eager(*others) and not is_wanted(*others):
        result: Tensor = _Fused.apply(
            hidden, weight, bias, target, class_weight, scalars, is_wanted(*layer)
        )
        return result
    return _composed(hidden, weight, bias, target, class_weight, scalars)


def _composed(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    target: Tensor,
    class_weight: Tensor | None,
    scalars: Scalars,
) -> Tensor:
    """Return the loss by way of all logits."""
    layer = [hidden, weight] if bias is None else [hidden, weight, bias]
    common = reduce(torch.promote_types, [one.dtype for one in layer])
    dtype = torch.float64 if common == torch.float64 else torch.float32
    *leading, d = hidden.shape
    targets = Targets.of(target, tuple(leading), len(weight), class_weight, scalars, dtype)
    # What an unused row holds, such as NaN, would reach the gradient of the weights.
    rows = targets.without_unused(hidden.reshape(-1, d))
    z = torch.nn.functional.linear(
        rows.to(common), weight.to(common), None if bias is None else bias.to(common)
    )
    return targets.reduced(losses_of_logits(widened(z), targets).reshape(leading))


class _Problem(NamedTuple):
    """The layer and its targets as arrays."""

    layer: Layer
    targets: TargetsOfArrays
    scalars: Scalars

    @classmethod
    def of(cls, tensors: tuple[Tensor | None, ...], scalars: Scalars) -> "_Problem":
        hidden, weight, bias, target, class_weight = (
            None if one is None else as_numpy(one) for one in tensors
        )
        assert hidden is not None
        assert weight is not None
        assert target is not None
        layer = Layer.of(hidden, weight, bias)
        options = Options(class_weight, scalars)
        return cls(
            layer, TargetsOfArrays.of(target, layer.leading, layer.classes, options), scalars
        )

    def room(self, wanted: tuple[bool, ...]) -> Gradients:
        """Return room for the gradients of hidden, weight and bias, as far as they are wanted."""
        hidden, weight, bias = wanted
        return Gradients.of(self.layer, hidden=hidden, weight=weight, bias=bias)

    def losses(self, gradients: Gradients | None) -> NDArray[np.float64]:
        """Return the losses of the rows, and fill the gradients."""
        of_all = len(self.layer.hidden) * self.layer.classes * self.layer.weight.itemsize
        workspace = min(WORKSPACE, max(of_all // _PART, _LEAST_WORKSPACE))
        return evaluate(self.layer, self.targets, self.scalars, gradients, workspace)

    def scaled(self, g: NDArray[Any]) -> "_Problem":
        """Return the problem with the loss of each row multiplied by a number."""
        t, factors = self.targets, g.reshape(-1).astype(np.float64)
        return self._replace(
            targets=t._replace(
                own=t.own * factors, spread=t.spread * factors, share=t.share * factors
            )
        )


class _Fused(torch.autograd.Function):
    """Loss and gradients in one go; the gradients are scaled when they are asked for."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        target: Tensor,
        class_weight: Tensor | None,
        scalars: Scalars,
        wanted: bool,
    ) -> Tensor:
        tensors = (hidden, weight, bias, target, class_weight)
        ctx.save_for_backward(*tensors)
        ctx.scalars = scalars
        problem, how = _Problem.of(tensors, scalars), scalars.reduction
        at_once = wanted and how.kind != "none"
        ctx.gradients = problem.room(ctx.needs_input_grad[:3]) if at_once else None
        losses = problem.losses(ctx.gradients).reshape(problem.layer.leading)
        loss = torch.as_tensor(how.reduced(losses, problem.targets.divisor))
        return loss.to(torch.float64 if problem.layer.weight.itemsize == 8 else torch.float32)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        tensors, scalars, wanted = ctx.saved_tensors, ctx.scalars, ctx.needs_input_grad[:3]
        nothing = (None,) * 4
        if torch.is_grad_enabled() or (scalars.reduction.kind == "none" and not is_plain(g)):
            return *slopes(tensors, scalars, wanted, g), *nothing
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None:  # of each row, or a second pass through a graph that was retained
            problem = _Problem.of(tensors, scalars)
            if scalars.reduction.kind == "none":
                problem, g = problem.scaled(as_numpy(g)), g.new_ones(())
            gradients = problem.room(wanted)
            problem.losses(gradients)
        factor = None if is_plain(g) and bool(g == 1) else g
        return *(
            None if grad is None or tensor is None else _delivered(grad, tensor, factor)
            for grad, tensor in zip(gradients, tensors, strict=False)
        ), *nothing


def _delivered(grad: NDArray[Any], tensor: Tensor, factor: Tensor | None) -> Tensor:
    """Return a gradient in the shape and dtype of its tensor; it is nobody else's memory."""
    result = torch.from_numpy(grad)
    if factor is not None:
        result = result.mul_(factor) if is_plain(factor) else result * factor
    return result.reshape(tensor.shape).to(tensor.dtype)


def slopes(
    tensors: tuple[Tensor | None, ...], scalars: Scalars, wanted: tuple[bool, ...], g: Tensor
) -> list[Tensor | None]:
    """Return gradients that are differentiable themselves, while autograd records."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # Of views of them: weights that the hidden states depend on, or are, would else get what
        # goes through the hidden states, too, which autograd adds by itself.
        views = [None if one is None else one.view_as(one) for one in tensors]
        hidden, weight, bias, target, class_weight = views
        assert hidden is not None
        assert weight is not None
        assert target is not None
        loss = _composed(hidden, weight, bias, target, class_weight, scalars)
    inputs = [one for one, is_asked in zip(views, wanted, strict=False) if is_asked]
    found = iter(torch.autograd.grad(loss, inputs, g.to(loss.dtype), create_graph=again))  # type: ignore[arg-type]
    return [next(found) if is_asked else None for is_asked in wanted]
