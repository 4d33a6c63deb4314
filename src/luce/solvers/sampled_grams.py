"""The diagonal blocks of a Hessian, one a class, each from the rows that bend it most."""

import numpy as np

from luce.solvers.blocks import each
from luce.solvers.grams import weighted_gram
from luce.solvers.linear_softmax import Doubles, Floats, LinearSoftmax


def sampled_grams(objective: LinearSoftmax, p: Floats, draws: int, seed: int) -> list[Doubles]:
    r"""Estimate the diagonal blocks of the Hessian, one a class, without the penalty.

    .. math:: \sum_i w_{ij} x_i x_i^T, \qquad w_{ij} = s_i p_{ij} (1 - p_{ij})

    About `draws` rows are drawn with probability proportional to their share in the trace
    (at most 1) and weighted by its inverse, so that the estimate has no bias: near
    separation nearly all curvature comes from few rows, which an even sample would miss.
    """
    squares = objective.design.squares()

    def of_class(j: int) -> Doubles:
        own = p[:, j].astype(np.float64)
        curvature = objective.weights * own * (1 - own)
        chance = capped(curvature * squares, draws)
        random = np.random.default_rng([seed, j])
        kept = np.flatnonzero(random.random(len(own)) < chance)
        return weighted_gram(objective.design.take(kept), curvature[kept] / chance[kept])

    return list(each(of_class, range(objective.classes)))


def capped(shares: Doubles, total: float) -> Doubles:
    """Return probabilities proportional to `shares`, at most 1, with sum about `total`."""
    chance = np.zeros_like(shares)
    free = shares > 0
    while True:
        room = total - np.count_nonzero((shares > 0) & ~free)
        mass = shares[free].sum()
        if not free.any() or room <= 0 or not mass > 0:
            break
        chance[free] = room * (shares[free] / mass)  # room / mass may overflow
        over = free & (chance >= 1)
        if not over.any():
            break
        free &= ~over
    return np.minimum(np.where((shares > 0) & ~free, 1.0, chance), 1.0)
