r"""Probabilities of k classes from k answers to "this class or not?".

The classifier of class j estimates :math:`r_j = P(j \mid x) = \sigma(z_j)` without knowing of the
others, so that in general :math:`\sum_j r_j \ne 1`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from luce import functions

Doubles = NDArray[np.float64]

_FAR = 700.0  # cosh of half of it is within range; the sigmoid is 0 or 1 long before
_ROUNDS = 80
_ENOUGH = 4 * np.finfo(float).eps


def normalised(z: Doubles) -> Doubles:
    r"""Return the logarithms (n, k) of :math:`\sigma(z_j) / \sum_l \sigma(z_l)`.

    The estimates are divided by their sum, as scikit-learn's ``OneVsRestClassifier`` does.
    """
    return functions.log_softmax(functions.log_sigmoid(z))


def one_fires(z: Doubles) -> Doubles:
    r"""Return the logarithms (n, k) of the probability that j is the one class that fires.

    If class j fired with probability :math:`r_j`, independently of the others, then given that
    exactly one fires it is j with a probability proportional to
    :math:`r_j \prod_{l \ne j} (1 - r_l)`, that is to the odds :math:`e^{z_j}`: a softmax of z.
    """
    return functions.log_softmax(z)


def most_likely(z: Doubles) -> Doubles:
    r"""Return the logarithms (n, k) of the distribution nearest to all k estimates.

    .. math:: \max_p \sum_j r_j \log p_j + (1 - r_j) \log(1 - p_j)
              \quad\text{with}\quad \sum_j p_j = 1

    The sum of the k divergences of Kullback and Leibler is smallest there; estimates that sum
    to 1 stay as they are. With Lagrange's multiplier :math:`\delta` each p obeys
    :math:`r / p - (1 - r) / (1 - p) = \delta`, whose solution is
    :math:`p = \sigma(z/2 - \mathrm{asinh}(\delta \cosh(z/2) - \sinh(z/2)))`; the one
    :math:`\delta` in :math:`[-k/(k-1), k]` with the sum 1 is found by Newton's method inside a
    shrinking bracket.

    Source: T.-K. Huang, R. Weng, C.-J. Lin (2006), Generalized Bradley-Terry models and
    multi-class probability estimates, JMLR 7, section 4 (one against the rest).
    """
    k = z.shape[1]
    half = np.clip(z, -_FAR, _FAR) / 2
    cosh, sinh = np.cosh(half), np.sinh(half)
    low, high = np.full(len(z), -k / (k - 1)), np.full(len(z), float(k))
    delta = np.zeros(len(z))
    for _ in range(_ROUNDS):
        inner = delta[:, None] * cosh - sinh
        u = half - np.arcsinh(inner)
        p, rest = functions.sigmoid(u), functions.sigmoid(-u)
        excess = p.sum(axis=1) - 1
        if (np.abs(excess) <= _ENOUGH * k).all():
            break
        low, high = np.where(excess > 0, delta, low), np.where(excess > 0, high, delta)
        slope = -(p * rest * cosh / np.sqrt(1 + inner * inner)).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            newton = delta - excess / slope
        inside = (newton > low) & (newton < high)
        delta = np.where(inside, newton, (low + high) / 2)
    return functions.log_softmax(functions.log_sigmoid(u))


COUPLINGS: dict[str, Callable[[Doubles], Doubles]] = {
    "normalised": normalised,
    "likelihood": most_likely,
    "softmax": one_fires,
}
