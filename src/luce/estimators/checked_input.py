"""Input that needs no check: what scikit-learn's validation would return as it is."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _check_sample_weight


def is_checked(X: Any, y: Any) -> bool:
    """Return whether X and y are plain arrays that scikit-learn's checks would leave as they are.

    That is: a finite float64 matrix with a row at least, and a whole number for each. On a few
    hundred rows the checks would take longer than the fit.
    """
    if type(X) is not np.ndarray or type(y) is not np.ndarray:
        return False
    if X.dtype != np.float64 or X.ndim != 2 or y.dtype.kind not in "iu" or y.shape != X.shape[:1]:
        return False
    if not X.size:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))  # where that overflows, the checks look closer


def row_weights(X: Any, sample_weight: ArrayLike | None) -> NDArray[np.float64]:
    """Return a weight for each row: those given, checked, or ones."""
    if sample_weight is None:
        return np.ones(X.shape[0])
    weights: NDArray[np.float64] = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    return weights
