"""Whether tensors hold numbers that can be looked at, and NumPy's view of them."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter

_PLAIN = (Tensor, Parameter)  # a subclass may stand for anything, such as a part on each device
_NATIVE = (torch.float32, torch.float64)
_WIDENED = (*_NATIVE, torch.float16, torch.bfloat16)


def is_eager(*tensors: Tensor) -> bool:
    """Whether tensors are plain ones on the CPU, and nothing traces or transforms what is done.

    Only then are values looked at (labels in range, distributions that sum to 1): elsewhere that
    would wait for a device, or break a graph.
    """
    return is_plain(*tensors) and all(one.device.type == "cpu" for one in tensors)


def is_plain(*tensors: Tensor) -> bool:
    """Whether each tensor stands for its own numbers, on whatever device."""
    if is_transformed():
        return False
    # Autograd hands over gradients of which each stands for several, where it was asked for them
    # at once: by is_grads_batched=True or jacobian(vectorize=True).
    several = torch._C._functorch.is_legacy_batchedtensor
    return all(type(one) in _PLAIN and not several(one) for one in tensors)


def is_transformed() -> bool:
    """Whether torch traces or transforms what is done: compile, export, jit.trace, func, vmap.

    Then neither values nor what shapes depend on may be looked at: it would be the same for all.
    """
    return is_recorded() or torch._C._are_functorch_transforms_active()


def is_recorded() -> bool:
    """Whether torch writes down operations, to run them again: compile, export, jit.trace."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined]


def is_native(*tensors: Tensor, widened: bool = False) -> bool:
    """Whether the kernels can take these tensors: eager ones of float32 or float64.

    With `widened` also those of 16 bits, for a caller that hands copies of them to the kernels.
    """
    if not is_eager(*tensors) or forward_ad._current_level >= 0:
        return False
    dtypes = _WIDENED if widened else _NATIVE
    return all(one.dtype in dtypes and one.layout == torch.strided for one in tensors)


def is_wanted(*tensors: Tensor | None) -> bool:
    """Whether autograd will ask for the gradient of one of them."""
    return torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors)


def as_numpy(tensor: Tensor) -> NDArray[Any]:
    """Return an eager tensor as an array on the same memory; bfloat16 is widened to float32."""
    plain = tensor.detach().resolve_neg()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    array: NDArray[Any] = plain.numpy()
    return array


def widened(tensor: Tensor) -> Tensor:
    """Return float16 and bfloat16 as float32, in which they are computed, others as they are."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
