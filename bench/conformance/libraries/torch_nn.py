"""PyTorch on the CPU: ``torch`` and ``torch.nn.functional``, gradients by autograd.

Softmax and its logarithm are for one axis and floating-point tensors. ``cross_entropy`` wants the
classes on axis 1 (or 0 for a single row), and they are moved there.
"""

from functools import wraps
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import torch
from torch.nn import functional as F

from conformance.judge import Library, NotOfferedError
from conformance.libraries import offered, only_floats


class LossGrad(NamedTuple):
    """What a loss with its gradient returns."""

    loss: Any
    grad: Any


class LinearLossGrad(NamedTuple):
    """What the linear loss with its gradients returns."""

    loss: Any
    grad_hidden: Any
    grad_weight: Any
    grad_bias: Any


def tensor(x: Any, wants_gradient: bool = False) -> torch.Tensor:
    """Return a tensor with the strides of the array, where a tensor can have them."""
    array = np.asarray(x)
    if array.dtype == ml_dtypes.bfloat16:
        result = torch.from_numpy(array.astype(np.float32)).bfloat16()
    elif not array.dtype.isnative:
        raise NotOfferedError("no byte order but the machine's")
    elif any(stride < 0 or stride % max(array.itemsize, 1) for stride in array.strides):
        raise NotOfferedError("no such strides")
    else:
        result = torch.from_numpy(array if array.flags.writeable else array.copy())
    return result.requires_grad_() if wants_gradient else result


def array(result: torch.Tensor) -> np.ndarray:
    if result.dtype == torch.bfloat16:
        return result.detach().float().numpy().astype(ml_dtypes.bfloat16)
    return result.detach().numpy()


def one_axis(axis: Any, x: Any) -> int:
    if axis is None or isinstance(axis, tuple):
        raise NotOfferedError("one axis only")
    return axis


def softmax(x, axis=-1):
    return array(torch.softmax(tensor(only_floats(x)), one_axis(axis, x)))


def log_softmax(x, axis=-1):
    return array(torch.log_softmax(tensor(only_floats(x)), one_axis(axis, x)))


def logsumexp(x, axis=-1, *, keepdims=False):
    z = tensor(x)
    axes = tuple(range(z.ndim)) if axis is None else axis
    return array(torch.logsumexp(z, axes, keepdim=keepdims))


def unary(function):
    return lambda x: array(function(tensor(only_floats(x))))


def slope(function):
    """Return the derivative of an elementwise function, at x, by autograd."""

    def at(x):
        z = tensor(only_floats(x), True)
        (found,) = torch.autograd.grad(function(z).sum(), z)
        return array(found)

    return at


def gelu(x, approximate="none"):
    return array(F.gelu(tensor(only_floats(x)), approximate=approximate))


def leaky_relu(x, slope=0.01):
    return array(F.leaky_relu(tensor(only_floats(x)), slope))


def one_hot(labels, classes):
    return array(F.one_hot(tensor(labels), classes))


def vjp(function):
    def pulled(x, v, axis=-1):
        z = tensor(only_floats(x), True)
        (found,) = torch.autograd.grad(function(z, one_axis(axis, x)), z, tensor(v))
        return array(found)

    return pulled


def jvp(function):
    def pushed(x, v, axis=-1):
        at = one_axis(axis, x)
        pairs = (tensor(only_floats(x)),), (tensor(v),)
        return array(torch.func.jvp(lambda z: function(z, at), *pairs)[1])

    return pushed


def softmax_jacobian(x, axis=-1):
    if np.ndim(x) != 1:
        raise NotOfferedError("jacrev also differentiates between rows")
    return array(torch.func.jacrev(lambda z: torch.softmax(z, one_axis(axis, x)))(tensor(x)))


def logsumexp_hvp(x, u, axis=-1):
    one_axis(axis, x)
    z, direction = tensor(only_floats(x)), tensor(u)
    gradient = torch.func.grad(lambda one: torch.logsumexp(one, axis).sum())
    return array(torch.func.jvp(gradient, (z,), (direction,))[1])


def prepared(logits: Any, target: Any, axis: int, wants_gradient: bool = False):
    """Return the leaf, the logits with classes on torch's axis, and the target."""
    leaf = tensor(only_floats(logits), wants_gradient)
    z, given = leaf, np.asarray(target)
    t = tensor(given)
    if leaf.ndim > 1:
        z = leaf.movedim(axis, 1)
        t = t.movedim(axis, 1) if t.ndim == leaf.ndim else t
    if t.ndim == leaf.ndim:
        t = t.to(leaf.dtype)  # probabilities
    return leaf, z, t


def cross_entropy(
    logits,
    target,
    *,
    axis=-1,
    weight=None,
    label_smoothing=0.0,
    ignore_index=-100,
    reduction="mean",
):
    _, z, t = prepared(logits, target, axis)
    return array(torch_loss(z, t, weight, label_smoothing, ignore_index, reduction))


def torch_loss(z, t, weight, label_smoothing, ignore_index, reduction):
    if label_smoothing < 0:
        raise NotOfferedError("label_smoothing is documented to lie in 0..1")
    return F.cross_entropy(
        z,
        t,
        weight=None if weight is None else tensor(np.asarray(weight, np.float64)).to(z.dtype),
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )


def cross_entropy_grad(
    logits,
    target,
    *,
    axis=-1,
    weight=None,
    label_smoothing=0.0,
    ignore_index=-100,
    reduction="mean",
):
    leaf, z, t = prepared(logits, target, axis, True)
    loss = torch_loss(z, t, weight, label_smoothing, ignore_index, reduction)
    loss.sum().backward()
    return LossGrad(array(loss), array(leaf.grad))


def cross_entropy_hvp(
    logits, target, vector, *, axis=-1, weight=None, label_smoothing=0.0, reduction="mean"
):
    leaf, z, t = prepared(logits, target, axis, True)
    loss = torch_loss(z, t, weight, label_smoothing, -100, reduction).sum()
    (first,) = torch.autograd.grad(loss, leaf, create_graph=True)
    (second,) = torch.autograd.grad(first, leaf, tensor(vector))
    return array(second)


def linear_cross_entropy_grad(
    hidden,
    weight,
    target,
    bias=None,
    *,
    class_weight=None,
    label_smoothing=0.0,
    ignore_index=None,
    reduction="mean",
):
    leaves = [tensor(only_floats(one), True) for one in (hidden, weight)]
    offset = None if bias is None else tensor(bias, True)
    given = np.asarray(target)
    loss = F.linear_cross_entropy(
        *leaves,
        tensor(given if given.dtype.kind in "iu" else given.astype(np.asarray(hidden).dtype)),
        linear_bias=offset,
        weight=None if class_weight is None else tensor(class_weight).to(leaves[0].dtype),
        reduction=reduction,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )
    loss.sum().backward()
    grads = [array(leaf.grad) for leaf in leaves]
    return LinearLossGrad(array(loss), *grads, None if offset is None else array(offset.grad))


@wraps(linear_cross_entropy_grad)
def linear_cross_entropy(*args, **options):
    return linear_cross_entropy_grad(*args, **options).loss


def two_sided(function, own_options=()):
    """Return a loss of (x, y) and its gradient in x."""

    def both(x, y, *, reduction="mean", **options):
        leaf = tensor(only_floats(x), True)
        other = tensor(np.broadcast_to(y, np.shape(x)).astype(leaf.detach().numpy().dtype))
        for name in options:
            if name not in own_options:
                raise NotOfferedError(f"no {name}")
        given = {
            n: tensor(np.asarray(v)).to(leaf.dtype) if n.endswith("weight") else v
            for n, v in options.items()
        }
        loss = function(leaf, other, reduction=reduction, **given)
        loss.sum().backward()
        return LossGrad(array(loss), array(leaf.grad))

    return (lambda x, y, **options: both(x, y, **options).loss), both


def divergence(logits, target, *, reduction="mean"):
    """``F.kl_div`` of log-probabilities; "batchmean" is what its documentation calls the mean."""
    leaf = tensor(only_floats(logits), True)
    rows = leaf if leaf.ndim > 1 else leaf[None]
    q = tensor(np.asarray(target)).to(leaf.dtype).reshape(rows.shape)
    parts = F.kl_div(torch.log_softmax(rows, -1), q, reduction="none").sum(-1)
    loss = {"none": parts, "sum": parts.sum(), "mean": parts.mean()}[reduction]
    loss.sum().backward()
    return LossGrad(array(loss.reshape(()) if leaf.ndim == 1 else loss), array(leaf.grad))


def gumbel_softmax(x, axis=-1, *, temperature=1.0, hard=False, rng=None):
    torch.manual_seed(0)
    return array(F.gumbel_softmax(tensor(only_floats(x)), temperature, hard, dim=axis))


def sample_categorical(x, *, size, rng=None):
    torch.manual_seed(0)
    return array(torch.distributions.Categorical(logits=tensor(x)).sample((size,)))


def library() -> Library:
    soft, log_soft, total = torch.softmax, torch.log_softmax, torch.logsumexp
    unaries = {
        "sigmoid": torch.sigmoid,
        "log_sigmoid": F.logsigmoid,
        "softplus": F.softplus,
        "logit": torch.logit,
        "tanh": torch.tanh,
        "relu": F.relu,
    }
    pairs = {
        "binary_cross_entropy": two_sided(
            F.binary_cross_entropy_with_logits, ("weight", "pos_weight")
        ),
        "mse": two_sided(F.mse_loss),
        "mae": two_sided(F.l1_loss),
        "huber": two_sided(F.huber_loss, ("delta",)),
    }
    functions = (
        softmax,
        log_softmax,
        logsumexp,
        gelu,
        leaky_relu,
        one_hot,
        softmax_jacobian,
        logsumexp_hvp,
        cross_entropy,
        cross_entropy_grad,
        cross_entropy_hvp,
        linear_cross_entropy_grad,
        gumbel_softmax,
        sample_categorical,
    )
    return Library(
        f"torch {torch.__version__}",
        offered(
            {one.__name__: one for one in functions}
            | {name: unary(one) for name, one in unaries.items()}
            | {f"{name}_grad": slope(one) for name, one in unaries.items()}
            | {"gelu_grad": slope(F.gelu), "linear_cross_entropy": linear_cross_entropy}
            | {name: loss for name, (loss, _) in pairs.items()}
            | {f"{name}_grad": both for name, (_, both) in pairs.items()}
            | {
                "kl_divergence": lambda z, q, *, reduction="mean": (
                    divergence(z, q, reduction=reduction).loss
                ),
                "kl_divergence_grad": divergence,
                "softmax_vjp": vjp(soft),
                "log_softmax_vjp": vjp(log_soft),
                "logsumexp_vjp": vjp(total),
                "softmax_jvp": jvp(soft),
                "log_softmax_jvp": jvp(log_soft),
            }
        ),
    )
