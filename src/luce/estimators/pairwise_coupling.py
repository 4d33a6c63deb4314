r"""Probabilities of k classes from the probabilities of each pair.

A classifier of the pair (i, j) estimates :math:`r_{ij} = P(i \mid i \text{ or } j, x)`. For
:math:`k > 2` there are more estimates than probabilities, and in general none that fit them all:
:math:`p_i / (p_i + p_j) = r_{ij}`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from luce import functions

Doubles = NDArray[np.float64]

COUPLINGS = ("wu-lin-weng", "hastie-tibshirani")
_BLOCK = 1 << 21  # numbers of the matrices of some rows at a time
_SWEEPS = 30
_ROUNDS = 100
_ENOUGH = 1e-10  # relative change of a probability in one round
_FAR = 25.0  # log-odds beyond it are taken for it: their curvature would be lost to rounding


def pairs_of(k: int) -> NDArray[np.intp]:
    """Return the pairs of classes (m, 2), the smaller first: (0, 1), (0, 2), ..., (k-2, k-1)."""
    return np.column_stack(np.triu_indices(k, 1))


def coupled(log_odds: Doubles, k: int, weights: Doubles, kind: str) -> Doubles:
    """Return log-probabilities (n, k) up to a constant of each row.

    Parameters
    ----------
    log_odds : (n, m) array
        For each of `pairs_of` the log-odds of its second class.
    k : int
        Number of classes.
    weights : (m,) array
        How many rows (by weight) each pair was learnt from; only Hastie and Tibshirani ask.
    kind : str
        One of `COUPLINGS`.

    Returns
    -------
    (n, k) array
    """
    if k == 2:  # the log-odds are all there is, and their probabilities are exact
        return np.column_stack([np.zeros(len(log_odds)), log_odds[:, 0]])
    methods: dict[str, Callable[[Doubles, Doubles], Doubles]] = {
        "wu-lin-weng": lambda r, _: wu_lin_weng(r),
        "hastie-tibshirani": hastie_tibshirani,
    }
    first, second = pairs_of(k).T
    of_pairs = np.zeros((k, k))
    of_pairs[first, second] = of_pairs[second, first] = weights
    result = np.empty((len(log_odds), k))
    step = max(1, _BLOCK // (k * k))
    for start in range(0, len(log_odds), step):
        part = slice(start, start + step)
        r = np.zeros((len(log_odds[part]), k, k))
        r[:, second, first] = functions.sigmoid(log_odds[part])
        r[:, first, second] = functions.sigmoid(-log_odds[part])  # not 1 - r, which rounds
        with np.errstate(divide="ignore"):
            result[part] = np.log(methods[kind](r, of_pairs))
    return result


def wu_lin_weng(r: Doubles) -> Doubles:
    r"""Return the probabilities (b, k) that fit the pairs r (b, k, k) in least squares.

    .. math:: \min_p \sum_{i < j} (r_{ji} p_i - r_{ij} p_j)^2
              \quad\text{with}\quad \sum_i p_i = 1

    With the matrix of this form, :math:`Q_{ii} = \sum_j r_{ji}^2` and
    :math:`Q_{ij} = -r_{ij} r_{ji}`, the solution obeys :math:`Q p = \lambda 1`, where
    :math:`\lambda` is the minimum. A dense solve gives it up to rounding of the largest
    probability; then each equation in turn is solved for its own probability. Those are sums
    and quotients of positive numbers, so that small probabilities get digits of their own.

    Source: T.-F. Wu, C.-J. Lin, R. Weng (2004), Probability estimates for multi-class
    classification by pairwise coupling, JMLR 5: section 4.2, "the second approach", and its
    algorithm 2.
    """
    k = r.shape[1]
    lost = np.swapaxes(r, 1, 2)  # (b, k, k): r_ji
    mixed = r * lost
    diagonal = np.einsum("bij,bij->bi", lost, lost)  # (b, k)
    form = -mixed
    form[:, np.arange(k), np.arange(k)] = diagonal
    # Q p = lambda 1 also solves (Q + c 1 1') p = (lambda + c) 1, which is never singular.
    form += diagonal.mean(axis=1)[:, None, None]
    u = np.linalg.solve(form, np.ones((len(r), k, 1)))[:, :, 0]
    p: Doubles = np.maximum(u / u.sum(axis=1, keepdims=True), 0.0)
    wins = diagonal == 0  # of every pair: nothing to divide by, nothing to correct
    divisor = np.where(wins, 1.0, diagonal)
    for _ in range(_SWEEPS):
        before = p.copy()
        misfit = lost * p[:, :, None]
        misfit = misfit - np.swapaxes(misfit, 1, 2)  # r_ji p_i - r_ij p_j
        minimum = 0.5 * np.einsum("bij,bij->b", misfit, misfit)
        for i in range(k):
            own = (np.einsum("bj,bj->b", mixed[:, i], p) + minimum) / divisor[:, i]
            p[:, i] = np.where(wins[:, i], p[:, i], own)
        p /= p.sum(axis=1, keepdims=True)
        if (np.abs(p - before) <= _ENOUGH * p).all():
            break
    return p


def hastie_tibshirani(r: Doubles, weights: Doubles) -> Doubles:
    r"""Return the probabilities (b, k) most likely in the model of Bradley and Terry.

    .. math:: \max_p \sum_{i \ne j} n_{ij} r_{ij} \log \mu_{ij},
              \qquad \mu_{ij} = \frac{p_i}{p_i + p_j}

    where n are the `weights` (k, k), and r is held between ``sigmoid(-25)`` and ``sigmoid(25)``. At
    the maximum :math:`\sum_j n_{ij} r_{ij} = \sum_j n_{ij} \mu_{ij}` for all i. In
    :math:`u = \log p` the function is concave, and Newton's method, its steps damped as its
    self-concordance asks for, takes a few rounds where the iteration of the source may take
    thousands.

    Source: T. Hastie, R. Tibshirani (1998), Classification by pairwise coupling, Annals of
    Statistics 26(2), section 2; F. Bach (2010), Electronic Journal of Statistics 4 (the damping).
    """
    k = r.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        logits = np.clip(np.log(r) - np.log(np.swapaxes(r, 1, 2)), -_FAR, _FAR)
    logits[:, np.arange(k), np.arange(k)] = 0.0
    r = functions.sigmoid(logits)
    u = logits.sum(axis=2) / k  # exact where one p fits all pairs
    busy = np.arange(len(r))
    for _ in range(_ROUNDS):
        step = _newton_step(u[busy], r[busy], weights)
        spread = np.ptp(step, axis=1, keepdims=True)
        safe = np.maximum(spread, np.finfo(float).tiny)
        u[busy] += step * (np.log1p(safe) / safe)
        busy = busy[spread[:, 0] > _ENOUGH]
        if not len(busy):
            break
    return functions.softmax(u)


def _newton_step(u: Doubles, r: Doubles, weights: Doubles) -> Doubles:
    apart = u[:, :, None] - u[:, None, :]
    fitted, against = functions.sigmoid(apart), functions.sigmoid(-apart)
    lost = np.swapaxes(r, 1, 2)
    # Of two estimates that sum to 1 the smaller one tells how far the pair is from its fit.
    misfit = weights * np.where(r < lost, r - fitted, against - lost)
    laplacian = -weights * fitted * against
    k = u.shape[1]
    laplacian[:, np.arange(k), np.arange(k)] = 0.0
    diagonal = -laplacian.sum(axis=2)
    laplacian[:, np.arange(k), np.arange(k)] = diagonal
    root = np.sqrt(diagonal)
    scaled = laplacian / root[:, :, None] / root[:, None, :]
    scaled += root[:, :, None] * root[:, None, :] / diagonal.sum(axis=1)[:, None, None]  # gauge
    right = misfit.sum(axis=2) / root
    step: Doubles = np.linalg.solve(scaled, right[:, :, None])[:, :, 0] / root
    return step
