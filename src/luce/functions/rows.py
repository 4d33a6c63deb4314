"""Rows of classes: any axis or axes moved to the last, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_rows(z: NDArray[Any], axes: tuple[int, ...]) -> NDArray[Any]:
    """Return the array as C-contiguous (rows, classes), the classes being those of `axes`."""
    classes = int(np.prod([z.shape[one] for one in axes]))
    moved = np.moveaxis(z, axes, range(-len(axes), 0))
    return np.ascontiguousarray(moved).reshape(_others(z.shape, axes), classes)


def from_rows(rows: NDArray[Any], axes: tuple[int, ...], shape: tuple[int, ...]) -> NDArray[Any]:
    """Undo `as_rows`: return the C-contiguous array of that shape."""
    kept = [length for i, length in enumerate(shape) if i not in axes]
    whole = rows.reshape(*kept, *(shape[one] for one in axes))
    return np.ascontiguousarray(np.moveaxis(whole, range(-len(axes), 0), axes))


def without(axes: tuple[int, ...], shape: tuple[int, ...], *, keepdims: bool) -> tuple[int, ...]:
    """Return the shape that a sum over the axes has."""
    if keepdims:
        return tuple(1 if i in axes else length for i, length in enumerate(shape))
    return tuple(length for i, length in enumerate(shape) if i not in axes)


def _others(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return int(np.prod([length for i, length in enumerate(shape) if i not in axes]))
