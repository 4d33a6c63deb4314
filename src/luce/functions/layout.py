"""Bring any array into the form that kernels take, and their result back into the caller's.

Kernels take C-contiguous float32 or float64 and one axis of classes. float16 is computed in
float32 and rounded once at the end.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import Axis, as_axes, as_floats, as_where, check_out

Kernel = Callable[[NDArray[Any], NDArray[Any]], None]
AxisKernel = Callable[[NDArray[Any], NDArray[Any], int], None]


def along_axes(
    kernel: AxisKernel,
    x: ArrayLike,
    axis: Axis,
    where: ArrayLike | None,
    out: NDArray[Any] | None,
) -> NDArray[Any]:
    """Return ``kernel`` along `axis`, in the shape of `x`, in `out` if that is given."""
    z, dtype = as_floats(x)
    axes = as_axes(axis, z.shape)
    z = masked(z, where)
    if out is not None:
        check_out(out, z.shape, dtype)
    ready, place = joined(z, axes)
    target = out if out is not None and _fits(out, ready) else np.empty_like(ready, order="C")
    if ready.size:
        kernel(ready, target, place)
    if target is out:
        return target
    result = parted(target, axes, z.shape)
    if out is None:
        return np.ascontiguousarray(result, dtype)
    with np.errstate(over="ignore", under="ignore"):  # one rounding from float32 to float16
        out[...] = result
    return out


def elementwise(kernel: Kernel, x: ArrayLike) -> NDArray[Any]:
    """Return ``kernel`` of every element."""
    z, dtype = as_floats(x)
    ready = np.ascontiguousarray(z)
    result = np.empty_like(ready)
    if ready.size:
        kernel(ready, result)
    return result.astype(dtype, copy=False).reshape(z.shape)


def masked(z: NDArray[Any], where: ArrayLike | None) -> NDArray[Any]:
    """Return the logits with ``-inf`` where the mask is False, whatever stood there."""
    if where is None:
        return z
    return np.where(as_where(where, z.shape), z, z.dtype.type(-np.inf))


def joined(z: NDArray[Any], axes: tuple[int, ...]) -> tuple[NDArray[Any], int]:
    """Return a C-contiguous array with all classes on one axis, and that axis."""
    if len(axes) == 1:
        return np.ascontiguousarray(z), axes[0]
    moved = np.moveaxis(z, axes, range(-len(axes), 0))
    kept = moved.shape[: z.ndim - len(axes)]
    classes = int(np.prod([z.shape[one] for one in axes]))
    return np.ascontiguousarray(moved).reshape(*kept, classes), len(kept)


def parted(result: NDArray[Any], axes: tuple[int, ...], shape: tuple[int, ...]) -> NDArray[Any]:
    """Undo `joined`: return the classes to the axes they came from."""
    if len(axes) == 1:
        return result
    lengths = [shape[one] for one in axes]
    return np.moveaxis(result.reshape(*result.shape[:-1], *lengths), range(-len(axes), 0), axes)


def _fits(out: NDArray[Any], ready: NDArray[Any]) -> bool:
    """Whether the kernel may write straight into `out`: same layout, and no partial overlap."""
    if out.shape != ready.shape or out.dtype != ready.dtype:
        return False
    if not (out.flags.c_contiguous and out.dtype.isnative):
        return False
    return out.ctypes.data == ready.ctypes.data or not np.may_share_memory(out, ready)
