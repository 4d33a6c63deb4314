"""The Brier score: the squared distance of the probabilities from what happened."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.metrics.inputs import as_labels, as_probabilities
from luce.metrics.intervals import Estimate, mean_interval
from luce.metrics.reliability import bin_index, inner_edges


class BrierDecomposition(NamedTuple):
    """Parts of a Brier score; ``score == reliability - resolution + uncertainty``."""

    score: float
    reliability: float
    resolution: float
    uncertainty: float


def brier_score(labels: ArrayLike, proba: ArrayLike) -> Estimate:
    r"""Mean squared distance of probabilities (n, k) from labels (n,), with its interval.

    .. math:: \frac1n \sum_i \sum_j (p_{ij} - [y_i = j])^2 \in [0, 2]

    That is Brier's own definition, over all classes; of two classes some take one alone, which is
    half of it. Like the log loss it is smallest for the true probabilities, but a confident
    mistake costs 2 at most.

    Source: Brier (1950), Monthly Weather Review 78.

    Examples
    --------
    >>> round(brier_score([0, 1], [[0.9, 0.1], [0.4, 0.6]]).value, 4)
    0.17
    """
    p = as_probabilities(proba)
    y = as_labels(labels, *p.shape)
    value, low, high = mean_interval(((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1))
    return Estimate(value, np.maximum(0.0, low).item(), np.minimum(2.0, high).item())


def brier_decomposition(
    labels: ArrayLike,
    proba: ArrayLike,
    *,
    bins: int = 15,
    binning: str = "mass",
    debiased: bool = False,
) -> BrierDecomposition:
    r"""The Brier score taken apart: what is wrong, what is known, what there was to know.

    With the share :math:`\bar o_b` of a class in a bin b of its probability, the mean probability
    :math:`\bar p_b` there, and its share :math:`\bar o` among all rows, summed over the classes,

    .. math:: \underbrace{\sum_b \tfrac{n_b}{n} (\bar p_b - \bar o_b)^2}_{\text{reliability}}
        - \underbrace{\Big( \sum_b \tfrac{n_b}{n} (\bar o_b - \bar o)^2 + W \Big)}_{
        \text{resolution}} + \underbrace{\bar o (1 - \bar o)}_{\text{uncertainty}} .

    The reliability is 0 if the stated probabilities come true; the resolution says how far the
    answers part the rows; the uncertainty is the score without any features. W holds what differs
    within bins, so that the sum is the score exactly. Bins of equal mass go where the rows are.

    ``debiased`` takes off what chance adds to the reliability and resolution of finite bins. The
    sum stays the score.

    Source: Murphy (1973), J. Applied Meteorology 12; Stephenson, Coelho & Jolliffe (2008), Weather
    and Forecasting 23 (within bins); Ferro & Fricker (2012), Q. J. R. Met. Soc. 138 (the bias).

    Examples
    --------
    >>> parts = brier_decomposition([0, 0, 1, 1], [[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.3, 0.7]])
    >>> [round(part, 4) for part in parts]
    [0.1, 0.1, 0.5, 0.5]
    """
    p = as_probabilities(proba)
    y = as_labels(labels, *p.shape)
    parts = [_of_class(c, y == j, bins, binning, debiased) for j, c in enumerate(p.T)]
    score, reliability, uncertainty = np.sum(parts, axis=0).tolist()
    return BrierDecomposition(score, reliability, reliability + uncertainty - score, uncertainty)


def _of_class(
    p: NDArray[np.float64], true: NDArray[np.bool_], bins: int, binning: str, debiased: bool
) -> tuple[float, float, float]:
    """Return score, reliability and uncertainty; the resolution is what the score leaves."""
    n = len(p)
    index = bin_index(p, inner_edges(p, bins, binning))
    count = np.bincount(index)
    several = np.maximum(count, 1)
    share = np.bincount(index, true) / several
    mean = np.bincount(index, p) / several
    overall = float(true.mean())
    reliability = float((count * (mean - share) ** 2).sum() / n)
    uncertainty = overall * (1 - overall)
    if debiased:
        spread = share * (1 - share) / np.maximum(count - 1, 1)
        reliability -= float((count * spread * (count > 1)).sum() / n)
        uncertainty *= n / max(n - 1, 1)
    return float(((p - true) ** 2).mean()), reliability, uncertainty
