"""Which classes are taken for which, and what follows for each class."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.metrics.inputs import as_labels


class ClassScores(NamedTuple):
    """Figures of each class, all (k,); NaN where there is nothing to divide by."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Counts (k, k): entry ``[i, j]`` is the number of rows of class ``i`` taken for class ``j``.

    Examples
    --------
    >>> confusion_matrix([0, 0, 1], [0, 1, 1], classes=2)
    array([[1, 1],
           [0, 1]])
    """
    rows = len(np.asarray(labels))
    true = as_labels(labels, rows, classes)
    predicted = as_labels(predictions, rows, classes)
    pairs = np.bincount(true * classes + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes).astype(np.int64)


def class_scores(confusion: NDArray[np.int64]) -> ClassScores:
    r"""Precision, recall, F1 and support of each class of a confusion matrix (k, k).

    .. math:: P_j = \frac{c_{jj}}{\sum_i c_{ij}}, \quad R_i = \frac{c_{ii}}{\sum_j c_{ij}}, \quad
        F = \frac{2 c_{ii}}{\sum_j c_{ij} + \sum_j c_{ji}}

    The precision of a class that is never predicted and the recall of a class without rows are NaN
    (scikit-learn says 0 and warns).

    Examples
    --------
    >>> class_scores(np.array([[1, 1], [0, 1]])).recall
    array([0.5, 1. ])
    """
    hits, predicted, support = confusion.diagonal(), confusion.sum(axis=0), confusion.sum(axis=1)
    with np.errstate(invalid="ignore"):  # 0 / 0 is meant to be NaN
        return ClassScores(
            hits / predicted, hits / support, 2 * hits / (support + predicted), support
        )
