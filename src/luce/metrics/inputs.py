"""Labels and probabilities as the metrics take them: checked once, here."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import _checks
from luce.errors import ShapeError


def as_probabilities(proba: ArrayLike) -> NDArray[np.float64]:
    """Probabilities as float64 (n, k), with ``n >= 1`` and rows that sum to 1."""
    p = _checks.as_float_array(proba, "proba")
    if p.ndim != 2 or 0 in p.shape:
        raise ShapeError(
            f"proba must have the shape (rows, classes) with a row and a class at least,"
            f" got {p.shape}. Pass the result of predict_proba."
        )
    return _checks.as_distributions(p, p.shape[:1], p.shape[1]).astype(np.float64, copy=False)


def as_labels(labels: ArrayLike, rows: int, classes: int) -> NDArray[np.int64]:
    """Labels 0..classes-1 as int64 (rows,)."""
    return _checks.as_labels(labels, (rows,), classes)
