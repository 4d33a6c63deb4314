"""How well a score tells two groups of rows apart, whatever the threshold."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import _checks
from luce.errors import DataError
from luce.metrics.intervals import Z95, Estimate


def auroc(inside: ArrayLike, outside: ArrayLike) -> Estimate:
    r"""Chance that a row inside has a higher score than one outside (area under the ROC curve).

    .. math:: A = \frac{1}{mn} \sum_{i,j} \big( [a_i > b_j] + \tfrac12 [a_i = b_j] \big)

    0.5 is a coin, 1 tells all apart. The interval is DeLong's, cut at 0 and 1; for one row in a
    group both ends are NaN.

    Source: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44; Sun & Xu (2014), IEEE Signal
    Processing Letters 21 (by ranks).

    Examples
    --------
    >>> round(auroc([0.9, 0.8, 0.3], [0.2, 0.3]).value, 4)
    0.9167
    """
    a, b = (_finite(scores, name) for scores, name in ((inside, "inside"), (outside, "outside")))
    m, n = len(a), len(b)
    ranks = _midranks(np.concatenate([a, b]))
    above = (ranks[:m] - _midranks(a)) / n  # (m,) share of the other group below each
    below = 1 - (ranks[m:] - _midranks(b)) / m
    value = float(above.mean())
    if min(m, n) < 2:
        return Estimate(value, np.nan, np.nan)
    half = Z95 * float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


def _finite(scores: ArrayLike, name: str) -> NDArray[np.float64]:
    values = _checks.as_doubles(scores, name)
    if values.ndim != 1 or len(values) == 0 or np.isnan(values).any():
        raise DataError(
            f"{name} must be a list of scores, none of them NaN, got shape {values.shape} with"
            f" {int(np.isnan(values).sum())} NaN. Pass the scores of that group of rows."
        )
    return values


def _midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks from 1, equal values sharing their mean rank."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[index]
    return ranks
