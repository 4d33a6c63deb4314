"""Probabilities that the dual function may be asked about: near given ones, with given totals."""

import numpy as np
from scipy.special import entr

from luce.solvers.design import Doubles


def repair(p: Doubles, totals: Doubles, excess: Doubles) -> Doubles:
    """Return what moves the weighted totals of p by ``-excess``, each row keeping its sum.

    The classes that have too much give the same share in every row; the others receive it.
    """
    given, received = shares(totals, excess)
    if not received.any():
        return np.zeros_like(p)
    freed = p @ given
    change: Doubles = freed[:, None] * received - p * given
    return change


def shares(totals: Doubles, excess: Doubles) -> tuple[Doubles, Doubles]:
    """Return what share of its probability a class gives, and of what is given receives."""
    given = np.where(excess > 0, excess / np.maximum(totals, np.finfo(float).tiny), 0.0)
    lacking = np.maximum(-excess, 0.0)
    if not lacking.sum() > 0:
        return np.zeros_like(given), np.zeros_like(given)
    return np.minimum(given, 1.0), lacking / lacking.sum()


def entropy(p: Doubles) -> Doubles:
    """Return the entropy of each row, accurate also where one probability rounds to 1."""
    others = p.copy()
    others[np.arange(len(p)), p.argmax(axis=1)] = 0.0
    lost = others.sum(axis=1)
    entropy: Doubles = entr(others).sum(axis=1) - (1 - lost) * np.log1p(-lost)
    return entropy
