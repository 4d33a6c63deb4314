"""Which classes labels name, and where they stand among them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import LabelError

_SPARSEST = 4  # numbers of the range of labels for each row


class Classes(NamedTuple):
    """The classes, sorted, and each row's number among them."""

    classes: NDArray[Any]  # (k,)
    labels: NDArray[np.int64]  # (n,) in 0..k-1


def classes_of(y: NDArray[Any]) -> Classes:
    """Return the classes of labels (n,); raise a LabelError if there is but one."""
    found = _of_whole_numbers(y) if y.dtype.kind in "iu" and y.size else None
    classes, labels = found or np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise LabelError(
            f"y must hold at least two classes, got one class, {classes.tolist()[0]!r}, in all"
            f" {len(labels)} rows. Check that y is the right column."
        )
    return Classes(classes, labels.astype(np.int64, copy=False))


def _of_whole_numbers(y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]] | None:
    """Count instead of sorting; None where the numbers are too far apart for that."""
    low, high = int(y.min()), int(y.max())
    if high - low >= _SPARSEST * len(y) or max(-low, high) > np.iinfo(np.int64).max:
        return None
    places = y.astype(np.int64) - low
    there = np.bincount(places) > 0
    classes = (np.flatnonzero(there) + low).astype(y.dtype)
    return classes, places if len(classes) == len(there) else (np.cumsum(there) - 1)[places]
