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
    if is_transformed():
        return False
    return all(type(one) in _PLAIN and one.device.type == "cpu" for one in tensors)


def is_transformed() -> bool:
    """Whether torch traces or transforms what is done: compile, export, func, vmap."""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()


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


def is_traced() -> bool:
    """Whether shapes must not depend on values: inside `torch.compile`, export and `torch.func`."""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
