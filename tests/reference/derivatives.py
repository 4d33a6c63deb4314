"""Derivatives of the softmax and its logarithms in mpmath, one row at a time.

Each result comes with the size of the terms that may cancel in it. Impossible classes (``-inf``)
are left out by the caller.
"""

from collections.abc import Sequence

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray

from reference.functions import at_full_precision, exact, odds_against_the_winner

Sized = tuple[list[mpf], list[mpf]]


def probabilities(row: Sequence[float], temperature: float) -> tuple[int, list[mpf], list[mpf]]:
    """Return the winner, p, and 1 - p with its digits."""
    winner, odds, losers = odds_against_the_winner(exact(row, temperature))
    total = 1 + losers
    p = [one / total for one in odds]
    return winner, p, [losers / total if j == winner else 1 - p[j] for j in range(len(p))]


@at_full_precision
def centred(row: Sequence[float], u: Sequence[float], temperature: float = 1.0) -> Sized:
    """Return (u_i - sum_j p_j u_j) / T and sum_j p_j |u_i - u_j| / T."""
    winner, p, _ = probabilities(row, temperature)
    u, t = exact(u), mpf(float(temperature))
    drift = mp.fsum(p[j] * (u[j] - u[winner]) for j in range(len(u)))
    values = [((one - u[winner]) - drift) / t for one in u]
    return values, [size / t for size in mean_distances(p, u)]


def mean_distances(p: Sequence[mpf], u: Sequence[mpf]) -> list[mpf]:
    """Return sum_j p_j |u_i - u_j| from sums over the sorted u."""
    order = sorted(range(len(u)), key=u.__getitem__)
    sizes = [mpf(0)] * len(u)
    for direction in (order, order[::-1]):
        mass, total = mpf(0), mpf(0)
        for last, i in zip([direction[0], *direction], direction, strict=False):
            total += mass * abs(u[i] - u[last])
            sizes[i] += total
            mass += p[i]
    return sizes


@at_full_precision
def softmax_product(row: Sequence[float], u: Sequence[float], temperature: float = 1.0) -> Sized:
    """Return the product of the (symmetric) Jacobian of the softmax and u."""
    _, p, _ = probabilities(row, temperature)
    values, sizes = centred(row, u, temperature)
    return (
        [a * b for a, b in zip(p, values, strict=True)],
        [a * b for a, b in zip(p, sizes, strict=True)],
    )


@at_full_precision
def log_softmax_vjp(row: Sequence[float], v: Sequence[float], temperature: float = 1.0) -> Sized:
    """Return (v_i (1 - p_i) - p_i sum of the other v) / T, and the same of absolute values."""
    _, p, complement = probabilities(row, temperature)
    v, t = exact(v), mpf(float(temperature))
    total, size = mp.fsum(v), mp.fsum(map(abs, v))
    values = [(v[i] * complement[i] - p[i] * (total - v[i])) / t for i in range(len(v))]
    sizes = [(abs(v[i]) * complement[i] + p[i] * (size - abs(v[i]))) / t for i in range(len(v))]
    return values, sizes


@at_full_precision
def mean(row: Sequence[float], u: Sequence[float], temperature: float = 1.0) -> Sized:
    """Return the mean of u under the softmax, and that of its absolute values."""
    _, p, _ = probabilities(row, temperature)
    u = exact(u)
    return (
        [mp.fsum(a * b for a, b in zip(p, u, strict=True))],
        [mp.fsum(a * abs(b) for a, b in zip(p, u, strict=True))],
    )


@at_full_precision
def softmax_jacobian(row: Sequence[float], temperature: float = 1.0) -> list[mpf]:
    """Return p_i (delta_ij - p_j) / T, row after row."""
    _, p, complement = probabilities(row, temperature)
    k, t = len(p), mpf(float(temperature))
    return [p[i] * (complement[i] if i == j else -p[j]) / t for i in range(k) for j in range(k)]


@at_full_precision
def log_softmax_jacobian(row: Sequence[float], temperature: float = 1.0) -> list[mpf]:
    """Return (delta_ij - p_j) / T, row after row."""
    _, p, complement = probabilities(row, temperature)
    k, t = len(p), mpf(float(temperature))
    return [(complement[i] if i == j else -p[j]) / t for i in range(k) for j in range(k)]


def directions(row: NDArray, seed: int = 0) -> dict[str, NDArray]:
    """Return vectors on which products with the Jacobian lose digits, in the row's dtype."""
    rng = np.random.default_rng(seed)
    k, dtype = len(row), row.dtype
    winner = np.zeros(k)
    winner[row.argmax()] = 1
    return {
        name: vector.astype(dtype)
        for name, vector in {
            "N(0,1)": rng.normal(size=k),
            "a large common part": 1e6 + rng.normal(size=k),
            "alike": np.full(k, 0.3),
            "the winner": winner,
            "all but the winner": 1 - winner,
            "many sizes": rng.normal(size=k) * 10.0 ** rng.integers(-12, 12, k),
            "the loser far off": np.where(np.arange(k) == row.argmin(), 1e12, rng.normal(size=k)),
            "the logits": np.clip(row, -1e30, 1e30),
        }.items()
    }
