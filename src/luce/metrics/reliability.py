"""Stated probabilities against what happened, bin by bin."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luce import _checks
from luce.errors import ParameterError
from luce.metrics.intervals import Estimate, clopper_pearson_interval, wilson_interval

INTERVALS: dict[str, Callable[[int, int], Estimate]] = {
    "wilson": wilson_interval,
    "clopper_pearson": clopper_pearson_interval,
}
BINNINGS = ("mass", "width")


@dataclass(frozen=True)
class ReliabilityBin:
    """The rows with a confidence of ``low..high``: its mean, and how often it came true."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float


def equal_mass_edges(confidence: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Inner edges that split ``confidence`` (n,) into at most ``bins`` parts of about equal size.

    Equal confidences always fall into the same bin, so the order of the rows does not matter; many
    of them make fewer bins.
    """
    ordered = np.sort(confidence)
    edges = np.unique(ordered[np.arange(1, bins) * len(ordered) // bins])
    inner: NDArray[np.float64] = edges[edges > ordered[0]]
    return inner


def inner_edges(confidence: NDArray[np.float64], bins: int, binning: str) -> NDArray[np.float64]:
    """Inner edges of ``bins`` bins of equal "mass" or equal "width"."""
    _checks.as_choice(binning, BINNINGS, "binning")
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise ParameterError(f"bins must be a whole number from 1, got {bins!r}. Pass bins=15.")
    if binning == "mass":
        return equal_mass_edges(confidence, bins)
    return np.arange(1, bins) / bins


def reliability_bins(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    edges: NDArray[np.float64],
    interval: str = "wilson",
) -> list[ReliabilityBin]:
    """Bins of ``confidence`` (n,) between inner ``edges``; empty ones are left out.

    A bin holds its lower edge; ``low`` and ``high`` are its edges, with 0 and 1 at the outside.
    The interval of the accuracy is Wilson's, or with "clopper_pearson" the exact one.

    Examples
    --------
    >>> bins = reliability_bins(np.array([0.2, 0.9]), np.array([False, True]), np.array([0.5]))
    >>> [(b.low, b.high, b.count, b.accuracy) for b in bins]
    [(0.0, 0.5, 1, 0.0), (0.5, 1.0, 1, 1.0)]
    """
    bounds = INTERVALS[_checks.as_choice(interval, tuple(INTERVALS), "interval")]
    index = bin_index(confidence, edges)
    count = np.bincount(index, minlength=len(edges) + 1)
    hits = np.bincount(index, correct, minlength=len(edges) + 1)
    total = np.bincount(index, confidence, minlength=len(edges) + 1)
    borders = [0.0, *edges.tolist(), 1.0]
    return [
        ReliabilityBin(
            borders[b],
            borders[b + 1],
            int(count[b]),
            float(total[b] / count[b]),
            *bounds(int(hits[b]), int(count[b])),
        )
        for b in np.flatnonzero(count)
    ]


def bin_index(confidence: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.intp]:
    """Number of the bin of each confidence (n,); a bin holds its lower edge."""
    return np.searchsorted(edges, confidence, side="right")
