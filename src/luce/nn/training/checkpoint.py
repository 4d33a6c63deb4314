"""The whole state of a training as arrays and a JSON tree, so that it can be kept in a file."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_PLAIN = {torch.float32, torch.float64, torch.int64, torch.uint8}
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (*_PLAIN, torch.bfloat16, torch.float16, torch.bool, torch.int32, torch.int16)
}


class Checkpoint(NamedTuple):
    """A training that can go on as if it had never stopped.

    ``tensors`` are float32, float64, int64 or uint8 arrays; ``facts`` is a JSON tree.
    `luce.tasks.save_checkpoint` writes both to a file.
    """

    tensors: dict[str, NDArray[Any]]
    facts: dict[str, Any]


def pack(
    groups: Mapping[str, Mapping[str, Tensor]],
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return tensors by ``GROUP.NAME`` as arrays of their own, and the dtypes that NumPy lacks.

    A tensor of another dtype, such as bfloat16, or without an axis, is kept as its bytes.
    """
    arrays: dict[str, NDArray[Any]] = {}
    dtypes: dict[str, str] = {}
    for group, tensors in groups.items():
        for name, tensor in tensors.items():
            full = f"{group}.{name}"
            own = tensor.detach().cpu().contiguous().clone()
            if own.dtype not in _PLAIN or own.ndim == 0:
                dtypes[full] = str(own.dtype).removeprefix("torch.")
                own = own.unsqueeze(-1).view(torch.uint8)
            arrays[full] = own.numpy()
    return arrays, dtypes


def unpack(
    arrays: Mapping[str, NDArray[Any]], dtypes: Mapping[str, str], group: str
) -> dict[str, Tensor]:
    """Return the tensors of one group as they were. Raises KeyError for an unknown dtype."""
    found = {}
    for full, array in arrays.items():
        if full.startswith(f"{group}."):
            tensor = torch.from_numpy(np.array(array))
            if full in dtypes:
                tensor = tensor.view(_DTYPES[dtypes[full]]).squeeze(-1)
            found[full.removeprefix(f"{group}.")] = tensor
    return found
