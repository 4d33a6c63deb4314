"""Calibration of every class, not of the answer alone; and a figure without the upward bias."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.metrics.calibration import top_label
from luce.metrics.inputs import as_labels, as_probabilities
from luce.metrics.reliability import bin_index, inner_edges


class ClasswiseError(NamedTuple):
    """The calibration error of each class (k,), and their mean."""

    mean: float
    per_class: NDArray[np.float64]


def classwise_calibration_error(
    labels: ArrayLike, proba: ArrayLike, *, bins: int = 15, binning: str = "width"
) -> ClasswiseError:
    r"""Mean distance between the stated probability of a class and its share.

    .. math:: \mathrm{ECE}_j = \sum_b \frac{n_{jb}}{n} \, \lvert \mathrm{share}_{jb}
        - \mathrm{mean}_{jb}(p_j) \rvert, \qquad \frac1k \sum_j \mathrm{ECE}_j

    over bins of each class's own probability. The error of the top label is blind to what is
    said about the other classes; this one is not. With k classes most probabilities lie near 0,
    so the figure is about 1/k of what one expects: compare it at the same k only. Bins of equal
    "mass" give the adaptive error (ACE).

    Source: Kull et al. (2019), NeurIPS, section 2 (classwise); Nixon et al. (2019), CVPR workshops.

    Examples
    --------
    >>> classwise_calibration_error([0, 0, 1, 1], [[0.75, 0.25]] * 4).per_class
    array([0.25, 0.25])
    """
    p = as_probabilities(proba)
    y = as_labels(labels, *p.shape)
    errors = np.array([_error(c, y == j, bins, binning) for j, c in enumerate(p.T)])
    return ClasswiseError(float(errors.mean()), errors)


def squared_calibration_error(
    labels: ArrayLike,
    proba: ArrayLike,
    *,
    bins: int = 15,
    binning: str = "mass",
    debiased: bool = True,
) -> float:
    r"""Mean squared distance between confidence and accuracy of the top label, without its bias.

    .. math:: \sum_b \frac{n_b}{n} \Big( (\mathrm{conf}_b - \mathrm{acc}_b)^2
        - \frac{\mathrm{acc}_b (1 - \mathrm{acc}_b)}{n_b - 1} \Big)

    The second term is what chance alone adds to the first on average; without it
    (``debiased=False``) a calibrated model never shows 0. The debiased figure of one test set may
    be negative: then there is nothing to see. Bins of one row are left out.

    Source: Kumar, Liang & Ma (2019), Verified uncertainty calibration, NeurIPS, section 5; the
    term itself: Ferro & Fricker (2012), Quarterly Journal of the Royal Met. Society 138.

    Examples
    --------
    >>> labels, proba = [0] * 6 + [1] * 2, [[0.75, 0.25]] * 8
    >>> squared_calibration_error(labels, proba, bins=1, debiased=False)
    0.0
    >>> round(squared_calibration_error(labels, proba, bins=1), 4)
    -0.0268
    """
    p = as_probabilities(proba)
    confidence, correct = top_label(as_labels(labels, *p.shape), p)
    count, share, mean = binned(confidence, correct, bins, binning)
    square = (mean - share) ** 2
    if debiased:
        several = count > 1
        count, share, square = count[several], share[several], square[several]
        square = square - share * (1 - share) / (count - 1)
    return float((count * square).sum() / len(confidence))


def binned(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int, binning: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Rows, share of right ones and mean confidence of each bin that is not empty."""
    index = bin_index(confidence, inner_edges(confidence, bins, binning))
    count = np.bincount(index)
    kept = count > 0
    share = np.bincount(index, correct)[kept] / count[kept]
    return count[kept], share, np.bincount(index, confidence)[kept] / count[kept]


def _error(p: NDArray[np.float64], true: NDArray[np.bool_], bins: int, binning: str) -> float:
    count, share, mean = binned(p, true, bins, binning)
    return float((count * np.abs(mean - share)).sum() / len(p))
