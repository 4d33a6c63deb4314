"""The weight of each class: given, or such that all classes weigh the same."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight

Doubles = NDArray[np.float64]


def class_weights(
    given: Mapping[Any, float] | str, classes: NDArray[Any], labels: NDArray[Any], weights: Doubles
) -> Doubles:
    """Return a factor for the rows of each class (k,), as the newest scikit-learn does.

    "balanced" takes the weights of the rows into account, which versions before 1.7 do not.
    """
    if isinstance(given, str):
        of_class = np.bincount(labels, weights, len(classes))
        possible = np.where(of_class > 0, of_class, np.inf)  # a class of no weight stays without
        return np.asarray(of_class.sum() / (len(classes) * possible))
    return np.asarray(
        compute_class_weight(given, classes=classes, y=classes[labels]), dtype=np.float64
    )
