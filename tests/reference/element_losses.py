"""Losses of single numbers in mpmath: the formulas of PyTorch's and torchvision's documentation.

Each gives (loss, derivative in x, size of the terms that may cancel in the derivative).
"""

from typing import NamedTuple

from mpmath import mp, mpf

from reference.functions import at_full_precision


class Exact(NamedTuple):
    loss: mpf
    grad: mpf
    size: mpf


@at_full_precision
def mse(x: float, t: float) -> Exact:
    r = mpf(float(x)) - mpf(float(t))
    return Exact(r**2, 2 * r, abs(2 * r))


@at_full_precision
def mae(x: float, t: float) -> Exact:
    r = mpf(float(x)) - mpf(float(t))
    return Exact(abs(r), mp.sign(r), abs(mp.sign(r)))


@at_full_precision
def huber(x: float, t: float, delta: float = 1.0) -> Exact:
    r, d = mpf(float(x)) - mpf(float(t)), mpf(float(delta))
    if abs(r) <= d:
        return Exact(r**2 / 2, r, abs(r))
    return Exact(d * (abs(r) - d / 2), d * mp.sign(r), d)


@at_full_precision
def binary_cross_entropy(
    z: float,
    t: float,
    *,
    weight: float = 1.0,
    pos_weight: float = 1.0,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    focal_gamma: float = 0.0,
) -> Exact:
    """``w (1 - p_t)^gamma BCE(u, t')`` with ``p_t = p t' + (1 - p)(1 - t')``."""
    w, c, s, temp, gamma = (
        mpf(float(one)) for one in (weight, pos_weight, label_smoothing, temperature, focal_gamma)
    )
    u, t = mpf(float(z)) / temp, (1 - s) * mpf(float(t)) + s / 2
    p, q = 1 / (1 + mp.exp(-u)), 1 / (1 + mp.exp(u))
    bce = c * t * mp.log1p(mp.exp(-u)) + (1 - t) * mp.log1p(mp.exp(u))
    slope = [(1 - t) * p, -c * t * q]
    if not gamma:
        return Exact(w * bce, w * sum(slope) / temp, w * sum(map(abs, slope)) / temp)
    wrong = q * t + p * (1 - t)  # 1 - p_t
    terms = [wrong**gamma * one for one in slope]
    terms.append(gamma * wrong ** (gamma - 1) * p * q * (1 - 2 * t) * bce)
    return Exact(w * wrong**gamma * bce, w * sum(terms) / temp, w * sum(map(abs, terms)) / temp)
