"""Estimates with 95 % confidence intervals: shares (Wilson, Clopper-Pearson), means (normal)."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

Z95 = 1.959963984540054  # 97.5 % quantile of the standard normal distribution


class Estimate(NamedTuple):
    """A figure and the 95 % interval of what it estimates."""

    value: float
    low: float
    high: float


def wilson_interval(successes: int, trials: int) -> Estimate:
    r"""The share ``successes / trials`` with Wilson's 95 % interval.

    .. math:: \frac{\hat p + z^2/2n \pm z\sqrt{\hat p(1-\hat p)/n + z^2/4n^2}}{1 + z^2/n}

    Unlike the interval of the textbook, ``p ± 1.96 sqrt(p(1-p)/n)``, it stays within 0..1, is no
    single point for a share of 0 or 1, and covers about 95 % for few trials too.

    Source: Wilson (1927), JASA 22; recommended by Brown, Cai & DasGupta (2001), Stat. Sci. 16(2).

    Examples
    --------
    >>> [round(x, 4) for x in wilson_interval(81, 263)]
    [0.308, 0.2553, 0.3662]
    """
    share, z2 = successes / trials, Z95**2 / trials
    middle = (share + z2 / 2) / (1 + z2)
    half = Z95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials)) / (1 + z2)
    # min and max only remove rounding: at 0 and 1 the formula's end is exactly 0 and 1
    return Estimate(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def clopper_pearson_interval(successes: int, trials: int) -> Estimate:
    r"""The share ``successes / trials`` with Clopper and Pearson's 95 % interval.

    .. math:: [B^{-1}(0.025;\, s, n-s+1),\; B^{-1}(0.975;\, s+1, n-s)]

    with the quantiles of the beta distribution. It covers 95 % at least, whatever the true share;
    Wilson's is shorter and covers 95 % on average only.

    Source: Clopper & Pearson (1934), Biometrika 26(4).

    Examples
    --------
    >>> [round(x, 4) for x in clopper_pearson_interval(81, 263)]
    [0.308, 0.2527, 0.3676]
    """
    s, n = successes, trials
    low = float(betaincinv(s, n - s + 1, 0.025)) if s > 0 else 0.0
    high = float(betaincinv(s + 1, n - s, 0.975)) if s < n else 1.0
    return Estimate(s / n, low, high)


def mean_interval(values: NDArray[np.float64]) -> Estimate:
    r"""The mean of ``values`` (n,) with the interval of the normal distribution.

    .. math:: \bar x \pm 1.96\, s / \sqrt n, \qquad s^2 = \tfrac{1}{n-1} \sum_i (x_i - \bar x)^2

    A single value says nothing about its spread: both ends are then NaN.

    Examples
    --------
    >>> [round(x, 4) for x in mean_interval(np.array([1.0, 2.0, 3.0]))]
    [2.0, 0.8684, 3.1316]
    """
    mean = float(values.mean())
    if len(values) < 2:
        return Estimate(mean, math.nan, math.nan)
    half = Z95 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)
