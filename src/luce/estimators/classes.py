"""Which classes labels name, and where they stand among them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import LabelError


class Classes(NamedTuple):
    """The classes, sorted, and each row's number among them."""

    classes: NDArray[Any]  # (k,)
    labels: NDArray[np.int64]  # (n,) in 0..k-1


def classes_of(y: NDArray[Any]) -> Classes:
    """Return the classes of labels (n,); raise a LabelError if there is but one."""
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise LabelError(
            f"y must hold at least two classes, got one class, {classes.tolist()[0]!r}, in all"
            f" {len(labels)} rows. Check that y is the right column."
        )
    return Classes(classes, labels.astype(np.int64))
