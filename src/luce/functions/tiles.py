"""Work through an array a tile of rows at a time, wherever the axis of the classes lies."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TILE = 1 << 17  # elements worked on at a time, unless one row has more


def by_tiles(
    function: Callable[..., NDArray[Any]], result: NDArray[Any], axis: int, *arrays: NDArray[Any]
) -> None:
    """Write ``function`` of rows (n, k) of the C-contiguous arrays of one shape to `result`.

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
