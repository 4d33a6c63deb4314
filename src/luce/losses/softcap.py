"""Logits squeezed smoothly into (-c, c), and the first two derivatives of that."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

_LINEAR = 1e-9  # below this |x|, tanh(x) = x: the next term, x^3 / 3, is beyond the last place


def capped(z: Doubles, c: float) -> Doubles:
    """Return ``c tanh(z / c)``; infinite logits stay infinite, for a mask must stay a mask."""
    with np.errstate(all="ignore"):
        x = z / c
        moves = (np.abs(x) > _LINEAR) & np.isfinite(z)
        return np.where(moves, c * np.tanh(x), z)


def cap_slope(z: Doubles, c: float) -> Doubles:
    """Return the derivative, ``1 - tanh^2(x) = 4 e / (1 + e)^2`` with ``e = exp(-2 |x|)``."""
    with np.errstate(all="ignore"):
        e = np.exp(-2.0 * np.abs(z / c))
        slope: Doubles = 4.0 * e / np.square(1.0 + e)
    return slope


def cap_bend(z: Doubles, c: float) -> Doubles:
    """Return the second derivative, ``-2 / c tanh(x) (1 - tanh^2(x))``."""
    with np.errstate(all="ignore"):
        bend: Doubles = (-2.0 * np.tanh(z / c) / c) * cap_slope(z, c)
    return bend
