"""JAX: ``jax.nn``, gradients by ``jax.vjp``; losses from optax, its companion, where installed.

float64 is switched on, as JAX's documentation says for those who want it. Masks go to ``where=``.
A soft target goes to ``optax.safe_softmax_cross_entropy``, optax's documented answer to logits of
``-inf``.
"""

from inspect import signature
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from conformance.judge import Library, NotOfferedError
from conformance.libraries import offered, only_floats

try:
    import optax
except ImportError:
    optax = None

jax.config.update("jax_enable_x64", True)


class LossGrad(NamedTuple):
    """What a loss with its gradient returns."""

    loss: Any
    grad: Any


def own(x: Any) -> jax.Array:
    array = np.asarray(x)
    return jnp.asarray(
        array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    )


def mask(where: Any) -> Any:
    return None if where is None else jnp.asarray(where)


def softmax(x, axis=-1, *, where=None):
    return np.asarray(jax.nn.softmax(own(x), axis, where=mask(where)))


def log_softmax(x, axis=-1, *, where=None):
    return np.asarray(jax.nn.log_softmax(own(x), axis, where=mask(where)))


def logsumexp(x, axis=-1, *, b=None, where=None, keepdims=False):
    weights = None if b is None else own(b)
    found = jax.nn.logsumexp(own(x), axis, b=weights, where=mask(where), keepdims=keepdims)
    return np.asarray(found)


def logmeanexp(x, axis=-1, *, where=None, keepdims=False):
    return np.asarray(jax.nn.logmeanexp(own(x), axis, where=mask(where), keepdims=keepdims))


def unary(function):
    return lambda x: np.asarray(function(own(x)))


def slope(function):
    def at(x):
        z = own(only_floats(x))
        found, pull = jax.vjp(function, z)
        return np.asarray(pull(jnp.ones_like(found))[0])

    return at


def sigmoid(x):
    return np.asarray(jax.nn.sigmoid(own(only_floats(x))))


def log_sigmoid(x):
    return np.asarray(jax.nn.log_sigmoid(own(only_floats(x))))


def gelu(x, approximate="none"):
    return np.asarray(jax.nn.gelu(own(x), approximate=approximate == "tanh"))


def leaky_relu(x, slope=0.01):
    return np.asarray(jax.nn.leaky_relu(own(x), slope))


def one_hot(labels, classes, *, axis=-1):
    return np.asarray(jax.nn.one_hot(own(labels), classes, axis=axis))


def vjp(function):
    def pulled(x, v, axis=-1, *, where=None):
        z = own(only_floats(x))
        _, pull = jax.vjp(lambda one: function(one, axis, where=mask(where)), z)
        return np.asarray(pull(own(v).astype(z.dtype))[0])

    return pulled


def jvp(function):
    def pushed(x, v, axis=-1, *, where=None):
        z = own(only_floats(x))
        pushed_on = jax.jvp(lambda one: function(one, axis, where=mask(where)), (z,), (own(v),))
        return np.asarray(pushed_on[1])

    return pushed


def total(z, axis, where=None):
    return jax.nn.logsumexp(z, axis, where=where)


def logsumexp_hvp(x, u, axis=-1, *, where=None):
    gradient = jax.grad(lambda z: total(z, axis, mask(where)).sum())
    return np.asarray(jax.jvp(gradient, (own(only_floats(x)),), (own(u),))[1])


def softmax_jacobian(x, axis=-1):
    if np.ndim(x) != 1:
        raise NotOfferedError("jacobian also differentiates between rows")
    return np.asarray(jax.jacobian(lambda z: jax.nn.softmax(z, axis))(own(x)))


# optax.


def losses_of(z, target, label_smoothing: float, axis: int):
    if np.ndim(target) < z.ndim:
        labels = np.asarray(target)
        if labels.size and not (labels.min() >= 0 and labels.max() < max(z.shape[axis], 1)):
            raise NotOfferedError("labels are documented to lie in 0..k-1")
    if np.ndim(target) < z.ndim and not label_smoothing:
        return optax.losses.softmax_cross_entropy_with_integer_labels(z, own(target), axis=axis)
    if axis != -1:
        raise NotOfferedError("safe_softmax_cross_entropy has no axis")
    q = own(target)
    if q.ndim < z.ndim:
        q = jax.nn.one_hot(q, z.shape[-1], dtype=z.dtype)
    if label_smoothing:
        q = optax.losses.smooth_labels(q.astype(z.dtype), label_smoothing)
    return optax.losses.safe_softmax_cross_entropy(z, q)


REDUCED = {"none": lambda losses: losses, "sum": jnp.sum, "mean": jnp.mean}


def reduced(losses, reduction: str):
    if reduction not in REDUCED:
        raise NotOfferedError("reductions are the caller's own mean and sum")
    return REDUCED[reduction](losses)


def with_gradient(loss, z, reduction: str) -> LossGrad:
    found, pull = jax.vjp(lambda one: reduced(loss(one), reduction), z)
    return LossGrad(np.asarray(found), np.asarray(pull(jnp.ones_like(found))[0]))


def cross_entropy(logits, target, *, axis=-1, label_smoothing=0.0, reduction="mean"):
    z = own(only_floats(logits))
    return np.asarray(reduced(losses_of(z, target, label_smoothing, axis), reduction))


def cross_entropy_grad(logits, target, *, axis=-1, label_smoothing=0.0, reduction="mean"):
    z = own(only_floats(logits))
    return with_gradient(lambda one: losses_of(one, target, label_smoothing, axis), z, reduction)


def cross_entropy_hvp(logits, target, vector, *, axis=-1, label_smoothing=0.0, reduction="mean"):
    gradient = jax.grad(
        lambda z: reduced(losses_of(z, target, label_smoothing, axis), reduction).sum()
    )
    return np.asarray(jax.jvp(gradient, (own(only_floats(logits)),), (own(vector),))[1])


def two_sided(loss):
    def both(x, y, *, reduction="mean", **options):
        for name in options:
            if name not in signature(loss).parameters:
                raise NotOfferedError(f"no {name}")
        z = own(only_floats(x))
        y = jnp.broadcast_to(jnp.asarray(np.asarray(y), z.dtype), z.shape)
        return with_gradient(lambda one: loss(one, y, **options), z, reduction)

    return (lambda x, y, **options: both(x, y, **options).loss), both


def binary(z, y):
    return optax.losses.sigmoid_binary_cross_entropy(z, y)


def huber(z, y, delta=1.0):
    return optax.losses.huber_loss(z, y, delta=delta)


def squared(z, y):
    return optax.losses.squared_error(z, y)


def divergence(logits, target, *, reduction="mean"):
    if not np.all(np.asarray(target) > 0):
        raise NotOfferedError("targets are documented to be strictly positive")
    q = jnp.asarray(np.asarray(target), own(logits).dtype)
    z = own(only_floats(logits))
    return with_gradient(
        lambda one: optax.losses.kl_divergence(jax.nn.log_softmax(one), q), z, reduction
    )


def kl_divergence(logits, target, *, reduction="mean"):
    return divergence(logits, target, reduction=reduction).loss


def sample_categorical(x, axis=-1, *, size, rng=None):
    z = own(x)
    return np.asarray(
        jax.random.categorical(jax.random.key(0), z, axis, shape=(size, *z.shape[:-1]))
    )


def library() -> Library:
    unaries = {
        "sigmoid": jax.nn.sigmoid,
        "log_sigmoid": jax.nn.log_sigmoid,
        "softplus": jax.nn.softplus,
        "logit": jax.scipy.special.logit,
        "tanh": jnp.tanh,
        "relu": jax.nn.relu,
    }
    functions = [
        softmax,
        log_softmax,
        logsumexp,
        logmeanexp,
        sigmoid,
        log_sigmoid,
        gelu,
        leaky_relu,
        one_hot,
        logsumexp_hvp,
        softmax_jacobian,
        sample_categorical,
    ]
    operations = {one.__name__: one for one in functions} | {
        "softmax_vjp": vjp(jax.nn.softmax),
        "log_softmax_vjp": vjp(jax.nn.log_softmax),
        "logsumexp_vjp": vjp(total),
        "softmax_jvp": jvp(jax.nn.softmax),
        "log_softmax_jvp": jvp(jax.nn.log_softmax),
        "gelu_grad": slope(lambda z: jax.nn.gelu(z, approximate=False)),
    }
    operations = {name: unary(one) for name, one in unaries.items()} | operations
    operations |= {f"{name}_grad": slope(one) for name, one in unaries.items()}
    name = f"jax {jax.__version__}"
    if optax is not None:
        name += f" + optax {optax.__version__}"
        operations |= {
            "cross_entropy": cross_entropy,
            "cross_entropy_grad": cross_entropy_grad,
            "cross_entropy_hvp": cross_entropy_hvp,
            "kl_divergence": kl_divergence,
            "kl_divergence_grad": divergence,
        }
        for loss, function in (
            ("binary_cross_entropy", binary),
            ("huber", huber),
            ("mse", squared),
        ):
            operations[loss], operations[f"{loss}_grad"] = two_sided(function)
    return Library(name, offered(operations))
