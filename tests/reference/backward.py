"""Backward passes of the softmax and its logarithm for many rows, in NumPy's widest numbers.

Both return the product (n, k) and the size of the terms that may cancel in it.
"""

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.longdouble]


def softmax_vjp(z: NDArray, v: NDArray, temperature: float) -> tuple[Wide, Wide]:
    """Return p_i (v_i - sum_j p_j v_j) / T and p_i sum_j p_j |v_i - v_j| / T."""
    p, winner, _ = _probabilities(z, temperature)
    lead = v.astype(np.longdouble)
    lead = lead - np.take_along_axis(lead, winner, 1)
    exact = p * (lead - (p * lead).sum(axis=1, keepdims=True))
    order = np.argsort(lead, axis=1)
    at, mass = (np.take_along_axis(part, order, 1) for part in (lead, p))
    below, moments = mass.cumsum(axis=1), (mass * at).cumsum(axis=1)
    distances = at * (2 * below - below[:, -1:]) - 2 * moments + moments[:, -1:]
    unit = np.empty_like(distances)
    np.put_along_axis(unit, order, distances, 1)
    return exact / temperature, p * unit / temperature


def log_softmax_vjp(z: NDArray, v: NDArray, temperature: float) -> tuple[Wide, Wide]:
    """Return (v_i - p_i sum_j v_j) / T and (|v_i| (1 - p_i) + p_i sum_{j != i} |v_j|) / T."""
    p, winner, rest = _probabilities(z, temperature)
    wide = v.astype(np.longdouble)
    complement = 1 - p
    np.put_along_axis(complement, winner, rest, 1)
    exact, unit = (
        one * complement - sign * p * (one.sum(axis=1, keepdims=True) - one)
        for one, sign in ((wide, 1), (np.abs(wide), -1))
    )
    return exact / temperature, unit / temperature


def _probabilities(z: NDArray, temperature: float) -> tuple[Wide, NDArray[np.intp], Wide]:
    """Return p (n, k), the winner (n, 1), and the sum of the others' p (n, 1)."""
    u = z.astype(np.longdouble) / np.longdouble(temperature)
    winner = u.argmax(axis=1)[:, None]
    powers = np.exp(u - np.take_along_axis(u, winner, 1))
    np.put_along_axis(powers, winner, 0, 1)
    others = powers.sum(axis=1, keepdims=True)
    np.put_along_axis(powers, winner, 1, 1)
    return powers / (1 + others), winner, others / (1 + others)
