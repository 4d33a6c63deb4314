"""Bring any array into the form that kernels take, and their result back into the caller's.

Kernels take C-contiguous float32 or float64 and one axis of classes. float16 is computed in
float32 and rounded once at the end.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import Axis, as_axes, as_floats, as_where, check_out
from luce.functions.rows import as_rows, from_rows, without
from luce.functions.tiles import tiles

Kernel = Callable[[NDArray[Any], NDArray[Any]], None]
AxisKernel = Callable[[NDArray[Any], NDArray[Any], int], None]
Formula = Callable[..., NDArray[Any]]


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
    target = out if out is not None and _fits(out, ready) else kernels.empty_like(ready)
    if ready.size:
        kernel(ready, target, place)
    if target is out:
        return target
    result = parted(target, axes, z.shape)
    with np.errstate(over="ignore", under="ignore"):  # one rounding from float32 to float16
        if out is None:
            return np.ascontiguousarray(result, dtype)
        out[...] = result
    return out


def elementwise(kernel: Kernel, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return ``kernel`` of every element, in `out` if that is given."""
    z, dtype = as_floats(x)
    if out is not None:
        check_out(out, z.shape, dtype)
    ready = np.ascontiguousarray(z)
    target = out if out is not None and _fits(out, ready) else kernels.empty_like(ready)
    if ready.size:
        kernel(ready, target)
    if target is out:
        return target
    if out is None:
        with np.errstate(over="ignore", under="ignore"):
            return target.astype(dtype, copy=False).reshape(z.shape)
    with np.errstate(over="ignore", under="ignore"):  # one rounding from float32 to float16
        out[...] = target.reshape(z.shape)
    return out


def by_formula(formula: Formula, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return a formula of every element, computed in float64 and rounded as a kernel's result."""

    def kernel(z: NDArray[Any], target: NDArray[Any]) -> None:
        source, flat = z.reshape(-1), target.reshape(-1)
        with np.errstate(all="ignore"):
            for part in tiles(source.size, 1):
                flat[part] = formula(source[part].astype(np.float64))

    return elementwise(kernel, x, out)


def over_rows(
    formula: Formula,
    x: ArrayLike,
    axis: Axis,
    *others: ArrayLike,
    where: ArrayLike | None,
    keepdims: bool,
    out: NDArray[Any] | None,
    nothing: float = -np.inf,
) -> NDArray[Any]:
    """Return one number for each row, by a formula of (n, k) tiles of float64, rounded once.

    The formula gets a tile of `x`, masked, and one of each of `others`, which broadcast to `x`,
    and returns (n,). A row of no classes gives `nothing`. The result has the shape of a sum over
    the axes.
    """
    z, dtype = as_floats(x)
    axes = as_axes(axis, z.shape)
    shape = without(axes, z.shape, keepdims=keepdims)
    if out is not None:
        check_out(out, shape, dtype)
    tables = _tables(masked(z, where), axes, others)
    result = np.full(len(tables[0]), nothing)
    with np.errstate(all="ignore"):
        for part in tiles(*tables[0].shape):
            result[part] = formula(*(table[part].astype(np.float64) for table in tables))
        narrow = result.astype(z.dtype).reshape(shape)
    return delivered(narrow, dtype, keepdims=keepdims, out=out)


def delivered(
    result: NDArray[Any],
    dtype: np.dtype[Any],
    *,
    keepdims: bool,
    out: NDArray[Any] | None,
) -> NDArray[Any]:
    """Return a result of one number a row in its dtype: a scalar where no axis is left."""
    with np.errstate(over="ignore", under="ignore"):  # the one rounding
        total = result.astype(dtype, copy=False)
    if out is None:
        return total if keepdims else total[()]
    out[...] = total
    return out


def rows_by_formula(
    formula: Formula, x: ArrayLike, axis: Axis, *others: ArrayLike, where: ArrayLike | None
) -> NDArray[Any]:
    """Return an array of the shape of `x`, by a formula from (n, k) tiles to (n, k)."""
    z, dtype = as_floats(x)
    axes = as_axes(axis, z.shape)
    tables = _tables(masked(z, where), axes, others)
    result = np.empty(tables[0].shape, z.dtype)
    with np.errstate(all="ignore"):
        for part in tiles(*tables[0].shape):
            result[part] = formula(*(table[part].astype(np.float64) for table in tables))
        result = result.astype(dtype, copy=False)
    return from_rows(result, axes, z.shape)


def _tables(
    z: NDArray[Any], axes: tuple[int, ...], others: tuple[ArrayLike, ...]
) -> list[NDArray[Any]]:
    return [as_rows(np.broadcast_to(one, z.shape), axes) for one in (z, *others)]


def masked(z: NDArray[Any], where: ArrayLike | None) -> NDArray[Any]:
    """Return the logits with ``-inf`` where the mask is False, whatever stood there."""
    if where is None:
        return z
    return np.where(as_where(where, z.shape), z, z.dtype.type(-np.inf))


def joined(z: NDArray[Any], axes: tuple[int, ...]) -> tuple[NDArray[Any], int]:
    """Return a C-contiguous array with all classes on one axis, and that axis."""
    if len(axes) == 1:
        return np.ascontiguousarray(z), axes[0]
    rows, kept = as_rows(z, axes), without(axes, z.shape, keepdims=False)
    return rows.reshape(*kept, rows.shape[1]), len(kept)


def parted(result: NDArray[Any], axes: tuple[int, ...], shape: tuple[int, ...]) -> NDArray[Any]:
    """Undo `joined`: return the classes to the axes they came from."""
    if len(axes) == 1:
        return result
    return from_rows(result, axes, shape)


def _fits(out: NDArray[Any], ready: NDArray[Any]) -> bool:
    """Whether the kernel may write straight into `out`: same layout, and no partial overlap."""
    if out.shape != ready.shape or out.dtype != ready.dtype:
        return False
    if not (out.flags.c_contiguous and out.dtype.isnative):
        return False
    return out.ctypes.data == ready.ctypes.data or not np.may_share_memory(out, ready)
