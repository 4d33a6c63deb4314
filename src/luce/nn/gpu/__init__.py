"""Kernels for GPUs, in Triton: what `luce.nn.functional` runs on CUDA tensors.

Nothing here is imported before a CUDA tensor comes; Triton comes with PyTorch for CUDA. On the
CPU, with ``TRITON_INTERPRET=1`` in the environment, the same code runs in Triton's interpreter:
slowly, but so that it can be tested.
"""

import os
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.autograd import forward_ad

from luce.nn.eager import is_plain

DTYPES = (torch.float16, torch.bfloat16, torch.float32)

_found = find_spec("triton") is not None


def has_triton() -> bool:
    """Whether Triton is installed."""
    return _found


def is_interpreted() -> bool:
    """Whether kernels run in Triton's interpreter, which takes tensors on the CPU."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def takes(*tensors: Tensor) -> bool:
    """Whether the kernels are for these tensors: plain ones on a GPU, of 16 or 32 bits.

    While torch traces or transforms, formulas of torch's operations take their place: a compiler
    fuses those by itself.
    """
    return (
        _found
        and is_plain(*tensors)
        and forward_ad._current_level < 0
        and all(one.is_cuda and one.dtype in DTYPES for one in tensors)
    )
