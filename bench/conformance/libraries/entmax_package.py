"""entmax: ``sparsemax``, ``entmax15`` and, for other alphas, ``entmax_bisect``; torch tensors."""

from importlib.metadata import version

import entmax as package
import torch

from conformance.judge import Library, NotOfferedError
from conformance.libraries import offered, only_floats
from conformance.libraries.torch_nn import array, one_axis, tensor


def chosen(alpha: float):
    """Return the exact algorithm where there is one, as the package's README advises."""
    if alpha == 1.5:
        return package.entmax15
    if alpha == 2:
        return package.sparsemax
    if alpha <= 1:
        raise NotOfferedError("alpha is documented to be above 1")
    return lambda z, dim: package.entmax_bisect(z, alpha=alpha, dim=dim)


def sparsemax(x, axis=-1):
    return array(package.sparsemax(tensor(only_floats(x)), dim=one_axis(axis, x)))


def entmax(x, alpha=1.5, axis=-1):
    return array(chosen(alpha)(tensor(only_floats(x)), dim=one_axis(axis, x)))


def sparsemax_vjp(x, v, axis=-1):
    z = tensor(only_floats(x), True)
    (found,) = torch.autograd.grad(package.sparsemax(z, dim=one_axis(axis, x)), z, tensor(v))
    return array(found)


def entmax_vjp(x, v, alpha=1.5, axis=-1):
    z = tensor(only_floats(x), True)
    (found,) = torch.autograd.grad(chosen(alpha)(z, dim=one_axis(axis, x)), z, tensor(v))
    return array(found)


def library() -> Library:
    functions = (sparsemax, entmax, sparsemax_vjp, entmax_vjp)
    return Library(f"entmax {version('entmax')}", offered({f.__name__: f for f in functions}))
