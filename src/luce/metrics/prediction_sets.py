"""Sets of classes as answers: how often they hold the truth, and how large they are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import _checks
from luce.errors import DtypeError, ShapeError
from luce.metrics.inputs import as_labels
from luce.metrics.intervals import Estimate, mean_interval, wilson_interval


class SetSizes(NamedTuple):
    """The mean number of classes in a set, and how often each number occurs."""

    mean: Estimate
    counts: NDArray[np.int64]  # (k + 1,) sets of 0, 1, ..., k classes


def set_coverage(labels: ArrayLike, sets: ArrayLike) -> Estimate:
    """Share of rows whose label (n,) lies in its set (n, k) of True and False; Wilson's interval.

    Examples
    --------
    >>> set_coverage([0, 1], [[True, False], [True, False]]).value
    0.5
    """
    held = _held(labels, sets)
    return wilson_interval(int(held.sum()), len(held))


def set_coverage_of_classes(labels: ArrayLike, sets: ArrayLike) -> list[Estimate | None]:
    """The coverage among the rows of each class; None for a class without rows."""
    held = _held(labels, sets)
    y, k = np.asarray(labels), np.shape(sets)[1]
    rows, hits = np.bincount(y, minlength=k), np.bincount(y, held, minlength=k)
    return [wilson_interval(int(h), int(n)) if n else None for h, n in zip(hits, rows, strict=True)]


def set_size(sets: ArrayLike) -> SetSizes:
    """The mean size of sets (n, k), with its interval, and the number of sets of each size.

    Examples
    --------
    >>> set_size([[True, True], [True, False]]).mean.value
    1.5
    """
    given = _sets(sets)
    sizes = given.sum(axis=1)
    counts = np.bincount(sizes, minlength=given.shape[1] + 1)
    return SetSizes(mean_interval(sizes.astype(np.float64)), counts)


def _held(labels: ArrayLike, sets: ArrayLike) -> NDArray[np.bool_]:
    given = _sets(sets)
    y = as_labels(labels, *given.shape)
    held: NDArray[np.bool_] = given[np.arange(len(y)), y]
    return held


def _sets(sets: ArrayLike) -> NDArray[np.bool_]:
    given = _checks.as_array(sets, "sets")
    if given.dtype != np.bool_:
        raise DtypeError(
            f"sets must hold True and False, got {given.dtype}. Pass the result of predict_set."
        )
    if given.ndim != 2 or 0 in given.shape:
        raise ShapeError(
            f"sets must have the shape (rows, classes) with a row at least, got {given.shape}."
            " Pass the result of predict_set."
        )
    return given
