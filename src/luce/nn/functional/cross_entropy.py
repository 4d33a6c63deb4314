"""Cross-entropy of logits with labels or with distributions, for tensors."""

from typing import Any

import torch
from torch import Tensor

from luce.errors import ShapeError
from luce.losses.cross_entropy import loss_and_gradient, loss_of
from luce.losses.options import Options, Scalars
from luce.nn import gpu
from luce.nn.eager import as_numpy, is_eager, is_native, is_plain, is_wanted, widened
from luce.nn.functional.log_softmax import log_softmax_of_last
from luce.nn.logit_shape import LogitShape
from luce.nn.options import checked
from luce.nn.row_losses import log_normaliser, of_all_classes, of_normalisers
from luce.nn.targets import Targets


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    dim: int = -1,
    weight: Tensor | None = None,
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
    r"""Cross-entropy of logits, accurate also where the right class wins clearly.

    .. math::
        L = \sum_{j=1}^k t_j (1 - p_j)^\gamma (-\log p_j) + \lambda\, r \operatorname{lse}(u)^2,
        \qquad u = \frac{c \tanh(z / c)}{T}, \quad p = \operatorname{softmax}(u)

    Options and targets :math:`t` are those of :func:`luce.losses.cross_entropy`, which has the
    formulas in full. Every option works with every other.

    Parameters
    ----------
    logits : Tensor, shape (..., k, ...)
        ``k`` classes along `dim`; ``-inf`` is an impossible class.
    target : Tensor
        Labels in ``0..k-1``, in the shape of the logits without `dim`. Or one distribution for
        each row, in the shape of the logits: it may need a gradient, too.
    dim : int
        The dimension of the classes.
    weight : Tensor, shape (k,), optional
        Weight ``w`` of each class. None weighs all alike.
    weighting : {"class", "row"}
        What the weights multiply: "class" is PyTorch's meaning, each class's term, also those
        that the smoothing adds; "row" weighs whole rows by the weight of their label.
    label_smoothing : float
        ``s``, the part of each target in [0, 1) that is spread evenly over all classes.
    ignore_index : int, optional
        Rows with this label have loss and gradient 0 and do not count in the mean, whatever their
        logits hold. For labels only; unlike PyTorch's, it is not -100 unless you say so.
    temperature : float
        ``T``, positive and finite; divides the logits after the softcap.
    softcap : float, optional
        ``c``: squeezes finite logits smoothly into ``(-c, c)``.
    z_loss : float
        Strength :math:`\lambda \ge 0` of the pull of the normaliser towards 1.
    focal_gamma : float
        :math:`\gamma \ge 0`: above 0, rows that are right already count less.
    reduction : {"mean", "sum", "none"}
        "mean" divides the sum by that of the row weights; in "class" weighting for distributions
        by the number of rows, as PyTorch does.
    normalizer : float, optional
        For "mean" only: what to divide by instead, such as the number of labels in all parts of a
        batch.
    empty : {"nan", "zero", "raise"}
        The mean where there is nothing to average. Its gradient is 0.

    Returns
    -------
    Tensor
        The loss: a scalar, or for reduction "none" one number for each row. It has the dtype of
        float32 and float64 logits; that of float16 and bfloat16 ones is float32.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    LabelError
        If a label is out of range, or a row of probabilities is not a distribution.
    ParameterError
        If an option has an impossible value.
    DataError
        If there is nothing to average and `empty` is "raise".

    Notes
    -----
    Equals ``torch.nn.functional.cross_entropy`` in the options that it has. Values (the range of
    labels, sums of distributions, an empty mean that is to raise) are checked for plain tensors
    on the CPU only: not inside ``torch.compile``, ``torch.export`` and ``torch.func``, nor on
    other devices, where looking at them would break the graph or wait for the device.

    Plain float32 and float64 tensors on the CPU go through the kernels of
    :func:`luce.losses.cross_entropy_grad`, which give loss and gradient in one pass: memory of
    one array of the logits' size, half of what PyTorch needs. Labels of CUDA tensors of 16 and 32
    bits go to kernels in Triton, unless `focal_gamma` is given or the weights need a gradient;
    there a label out of range makes its loss and gradient NaN. Everything else is composed of
    torch's operations, and second derivatives are, too.

    Examples
    --------
    >>> import torch
    >>> from luce.nn.functional import cross_entropy
    >>> logits = torch.tensor([[0.0, -40.0], [1.0, 2.0]], requires_grad=True)
    >>> loss = cross_entropy(logits, torch.tensor([0, -100]), ignore_index=-100)
    >>> loss.backward()
    >>> print(f"{loss:.4e}", logits.grad.numpy())
    4.2484e-18 [[-4.248354e-18  4.248354e-18]
     [ 0.000000e+00  0.000000e+00]]
    """
    _, scalars = checked(
        weighting=weighting, label_smoothing=label_smoothing, ignore_index=ignore_index,
        temperature=temperature, softcap=softcap, z_loss=z_loss, focal_gamma=focal_gamma,
        reduction=reduction, normalizer=normalizer, empty=empty,
    )  # fmt: skip
    if logits.ndim == 0:
        raise ShapeError(
            "logits must have a dimension of classes, got a single number."
            " Pass a tensor of shape (..., k)."
        )
    if gpu.takes(logits):
        from luce.nn.gpu import loss as kernels

        if kernels.serves(target, logits.ndim - 1, weight, scalars):
            return kernels.cross_entropy(logits, target, weight, dim, scalars)
    z = widened(logits)
    others = [target] if weight is None else [target, weight]
    if is_native(z) and is_eager(*others) and not is_wanted(*others):
        if is_wanted(z):
            result: Tensor = _Native.apply(z, target, weight, dim, scalars)
            return result
        loss = loss_of(as_numpy(z), as_numpy(target), dim, _for_arrays(weight, scalars))
        return torch.as_tensor(loss).to(z.dtype)
    return composed_cross_entropy(z, target, weight, dim, scalars)


def composed_cross_entropy(
    z: Tensor, target: Tensor, weight: Tensor | None, dim: int, scalars: Scalars
) -> Tensor:
    """Return the loss of float32 or float64 logits, composed of torch's operations."""
    if target.ndim == z.ndim:
        target = target.movedim(dim, -1)
    z = z.movedim(dim, -1)
    *leading, k = z.shape
    targets = Targets.of(target, tuple(leading), k, weight, scalars, z.dtype)
    rows = targets.without_unused(z.reshape(-1, k))
    return targets.reduced(losses_of_logits(rows, targets).reshape(leading))


def losses_of_logits(z: Tensor, targets: Targets) -> Tensor:
    """Return the loss of each row of logits (n, k), composed of torch's operations."""
    scalars = targets.scalars
    u = LogitShape(scalars.softcap, scalars.temperature)(z)
    log_p = log_softmax_of_last(u)
    losses = of_all_classes(log_p, targets)
    if scalars.z_loss == 0:
        return losses
    return losses + of_normalisers(log_normaliser(u, log_p).square(), targets)


class _Native(torch.autograd.Function):
    """Loss and gradient by the kernels, in one pass; the gradient is scaled later."""

    @staticmethod
    def forward(
        ctx: Any,
        z: Tensor,
        target: Tensor,
        weight: Tensor | None,
        dim: int,
        scalars: Scalars,
    ) -> Tensor:
        ctx.save_for_backward(z, target, weight)
        ctx.dim, ctx.scalars = dim, scalars
        loss, ctx.grad = _loss_and_gradient(z, target, weight, dim, scalars)
        return torch.as_tensor(loss).to(z.dtype)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        z, target, weight = ctx.saved_tensors
        nothing = (None,) * 4
        if torch.is_grad_enabled():
            with torch.enable_grad():
                loss = composed_cross_entropy(z, target, weight, ctx.dim, ctx.scalars)
            return *torch.autograd.grad(loss, z, g, create_graph=True), *nothing
        grad, ctx.grad = ctx.grad, None
        if grad is None:  # a second pass through a graph that was retained
            _, grad = _loss_and_gradient(z, target, weight, ctx.dim, ctx.scalars)
        if not is_plain(g):
            return grad * (g if g.ndim == 0 else g.unsqueeze(ctx.dim)), *nothing
        if g.ndim:
            return grad.mul_(g.unsqueeze(ctx.dim)), *nothing
        return grad if g.item() == 1.0 else grad.mul_(g), *nothing


def _loss_and_gradient(
    z: Tensor, target: Tensor, weight: Tensor | None, dim: int, scalars: Scalars
) -> tuple[Any, Tensor]:
    loss, grad = loss_and_gradient(as_numpy(z), as_numpy(target), dim, _for_arrays(weight, scalars))
    return loss, torch.from_numpy(grad)


def _for_arrays(weight: Tensor | None, scalars: Scalars) -> Options:
    return Options(None if weight is None else as_numpy(weight), scalars)
