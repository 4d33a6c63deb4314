"""Products of the columns with each other, the rows weighted: what Hessians are made of."""

import numpy as np

from luce import kernels
from luce.solvers.design import Design, Doubles


def weighted_gram(design: Design, weights: Doubles) -> Doubles:
    """Return ``sum_i weights_i x_i x_i^T`` (d, d) for weights (n,)."""
    if design.panels is not None:
        whole: Doubles = weighted_grams(design, weights[:, None])[0]
        return whole
    total: Doubles = np.zeros((design.shape[1],) * 2)
    for gram in design.each(lambda rows: rows.gram(weights[rows.part])):
        total += gram
    return total


def weighted_grams(design: Design, weights: Doubles) -> Doubles:
    """Return ``sum_i weights_ij x_i x_i^T`` (k, d, d) for weights (n, k), from panels."""
    grams = np.empty((weights.shape[1], *(design.shape[1],) * 2))
    kernels.weighted_grams(design.panels, np.ascontiguousarray(weights, dtype=np.float64), grams)
    return grams
