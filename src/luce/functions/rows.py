"""Rows of classes: any axis or axes moved to the last, and sums that lose nothing on the way."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


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


def sum_of_rows(a: Doubles) -> Doubles:
    """Return the sum of each row of (n, k), k > 0, with length 1 kept, rounded about once."""
    exact, rest = sums_of_rows(a)
    return exact + rest


def sums_of_rows(a: Doubles) -> tuple[Doubles, Doubles]:
    """Return two parts of the sum of each row of (n, k), k > 0, with length 1 kept.

    Each row's numbers are cut at 25 bits below the largest: the upper parts add up exactly, and
    what the lower parts lose is lost far below the last place. Nothing depends on other rows.
    """
    _, exponent = np.frexp(np.abs(a).max(axis=1, keepdims=True))
    cut = np.ldexp(1.5, exponent + 27)
    upper = (a + cut) - cut
    return upper.sum(axis=1, keepdims=True), (a - upper).sum(axis=1, keepdims=True)


def _others(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return int(np.prod([length for i, length in enumerate(shape) if i not in axes]))
