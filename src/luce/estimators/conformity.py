"""Conformity scores of probabilities, and the quantile that makes sets of them hold the truth."""

from fractions import Fraction
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

METHODS = ("lac", "aps", "raps")


def conformity_scores(
    p: Doubles, method: str, u: Doubles | None = None, *, penalty: float = 0.0, rank: int = 0
) -> Doubles:
    r"""Return the score (n, k) of each class of each row: the larger, the less it fits.

    With :math:`r_{ij}` the rank of class j in row i, from 1 for the most probable, and
    :math:`P_{ij}` the sum of the probabilities down to it,

    ==========  ==============================================================
    ``"lac"``   :math:`1 - p_{ij}`
    ``"aps"``   :math:`P_{ij} - u_i p_{ij}`
    ``"raps"``  :math:`P_{ij} - u_i p_{ij} + \lambda \max(0, r_{ij} - r)`
    ==========  ==============================================================

    Parameters
    ----------
    p : (n, k) array
        Probabilities.
    method : {"lac", "aps", "raps"}
        Which score.
    u : (n,) array, optional
        Uniform random numbers; None for 0.
    penalty : float
        :math:`\lambda` of "raps".
    rank : int
        r of "raps": the first ranks that cost nothing.

    Returns
    -------
    (n, k) array of float64

    Notes
    -----
    Source: Sadinle, Lei & Wasserman (2019), JASA 114 (LAC); Romano, Sesia & Candès (2020),
    NeurIPS, equation 5 (APS); Angelopoulos et al. (2021), ICLR, equation 4 (RAPS).
    """
    if method == "lac":
        return 1 - p
    order = np.argsort(-p, axis=1, kind="stable")
    cumulated = np.cumsum(np.take_along_axis(p, order, axis=1), axis=1)
    if method == "raps":
        cumulated += penalty * np.maximum(0, np.arange(1, p.shape[1] + 1) - rank)
    scores = np.empty_like(p)
    np.put_along_axis(scores, order, cumulated, axis=1)
    return scores if u is None else scores - u[:, None] * p


def conformal_quantile(scores: Doubles, alpha: float) -> float:
    r"""Return the ``ceil((n + 1) (1 - alpha))``-th smallest score; inf where there is none.

    A new score, exchangeable with these, is at most that with probability ``1 - alpha`` at least,
    and ``1 - alpha + 1 / (n + 1)`` at most if no two are equal. ``alpha`` is taken as the decimal
    number that it is written as: in binary, ``100 * (1 - 0.29)`` would be above 71.

    Source: Vovk, Gammerman & Shafer (2005), Algorithmic learning in a random world; Lei et al.
    (2018), JASA 113, theorem 2.2.
    """
    n = len(scores)
    place = ceil((n + 1) * (1 - Fraction(str(float(alpha)))))
    if place > n:
        return inf
    return float(np.partition(scores, place - 1)[place - 1]) if place > 0 else -inf
