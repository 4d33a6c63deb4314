"""A few rows at a time, so that what a formula needs beside them stays in the cache."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TILE = 1 << 16  # numbers: half a megabyte of float64, a dozen of which fit a cache


def tiles(n: int, k: int) -> list[slice]:
    """Return slices of n rows of k numbers that fit a tile, or of one row; none if k is 0."""
    if k == 0:
        return []
    step = max(1, _TILE // k)
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def by_tiles(
    function: Callable[..., NDArray[Any]], result: NDArray[Any], axis: int, *arrays: NDArray[Any]
) -> None:
    """Write ``function`` of rows (n, k) of the C-contiguous arrays of one shape to `result`.

    The axis of the classes may be any.
    A tile is read before its place in the result is written, so the result may be an argument.
    """
    target = _folded(result, axis)
    sources = [_folded(one, axis) for one in arrays]
    k = target.shape[1]
    with np.errstate(all="ignore"):  # NaN and infinity are values here
        for place in _places(*target.shape):
            parts = [
                np.ascontiguousarray(source[place].transpose(0, 2, 1)).reshape(-1, k)
                for source in sources
            ]
            shape = target[place].transpose(0, 2, 1).shape
            target[place] = function(*parts).reshape(shape).transpose(0, 2, 1)


def _folded(array: NDArray[Any], axis: int) -> NDArray[Any]:
    before, k, after = array.shape[:axis], array.shape[axis], array.shape[axis + 1 :]
    return array.reshape(int(np.prod(before)), k, int(np.prod(after)))


def _places(outer: int, k: int, inner: int) -> Iterator[tuple[slice, slice, slice]]:
    wide = max(1, min(inner, _TILE // k))
    high = max(1, _TILE // (k * wide))
    for i in range(0, outer, high):
        for j in range(0, inner, wide):
            yield slice(i, i + high), slice(None), slice(j, j + wide)
