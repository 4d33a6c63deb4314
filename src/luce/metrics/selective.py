"""Answering some rows only: the risk among them against how many they are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import _checks
from luce.errors import DataError, ShapeError


class RiskCoverage(NamedTuple):
    """Points of a risk-coverage curve, the surest rows first; all arrays (m,)."""

    coverage: NDArray[np.float64]  # share of the rows with a confidence of the threshold or more
    risk: NDArray[np.float64]  # mean loss among them
    threshold: NDArray[np.float64]


def risk_coverage(losses: ArrayLike, confidence: ArrayLike) -> RiskCoverage:
    """Mean loss of the rows that are answered, for every threshold of the confidence.

    ``losses`` (n,) are 0 and 1 for right and wrong answers, or any other loss; ``confidence``
    (n,) is larger for surer rows. Rows of equal confidence are answered together or not at all,
    so there is a point for each value that occurs.

    Source: El-Yaniv & Wiener (2010), JMLR 11; Geifman & El-Yaniv (2017), NeurIPS.

    Examples
    --------
    >>> curve = risk_coverage([0, 0, 1, 0], [0.9, 0.8, 0.7, 0.7])
    >>> curve.coverage, curve.risk
    (array([0.25, 0.5 , 1.  ]), array([0.  , 0.  , 0.25]))
    """
    threshold, count, total = _grouped(losses, confidence)
    rows = np.cumsum(count)
    return RiskCoverage(rows / rows[-1], np.cumsum(total) / rows, threshold)


def aurc(losses: ArrayLike, confidence: ArrayLike) -> float:
    r"""Area under the risk-coverage curve: the mean risk over all coverages.

    .. math:: \frac1n \sum_{m=1}^{n} \frac1m \sum_{i \le m} \ell_{(i)}

    with rows in the order of falling confidence; rows of equal confidence are taken in every
    order, which gives each their mean loss. 0 is perfect; a confidence that says nothing gives
    the mean loss.

    Source: Geifman, Uziel & El-Yaniv (2019), ICLR, section 2.

    Examples
    --------
    >>> round(aurc([0, 0, 1, 0], [0.9, 0.8, 0.7, 0.6]), 4)
    0.1458
    """
    _, count, total = _grouped(losses, confidence)
    in_order = np.repeat(total / count, count)
    return float((np.cumsum(in_order) / np.arange(1, len(in_order) + 1)).mean())


def _grouped(
    losses: ArrayLike, confidence: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return each confidence that occurs, falling, with its number of rows and total loss."""
    loss = _checks.as_doubles(np.asarray(losses) * 1, "losses")  # True and False count 1 and 0
    sure = _checks.as_doubles(confidence, "confidence")
    if loss.ndim != 1 or loss.shape != sure.shape or len(loss) == 0:
        raise ShapeError(
            "losses and confidence must hold one number a row, and one row at least, got shapes"
            f" {loss.shape} and {sure.shape}. Pass both for the same rows."
        )
    wrong = ~np.isfinite(loss) | np.isnan(sure)
    if wrong.any():
        raise DataError(
            f"losses must be finite and no confidence NaN, got {loss[wrong][0]} and"
            f" {sure[wrong][0]} at row {int(wrong.argmax())}. Drop the row."
        )
    values, index, count = np.unique(-sure, return_inverse=True, return_counts=True)
    return -values, count.astype(np.int64), np.bincount(index, loss).astype(np.float64)
