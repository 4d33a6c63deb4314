"""Sums and products that keep what rounding leaves over, as pairs of float64 (high, low)."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Pair = tuple[Doubles, Doubles]

_LEVELS = 3  # pieces that each number is cut into; with at least 27 bits each


def two_sum(a: Doubles, b: Doubles) -> Pair:
    """Return the rounded sum and its rounding error (Knuth): together they are a + b exactly."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def two_product(a: Doubles, b: Doubles) -> Pair:
    """Return the rounded product and its rounding error (Dekker), for numbers near 1."""
    product = a * b
    a_high, b_high = _half(a), _half(b)
    a_low, b_low = a - a_high, b - b_high
    error = a_high * b_high - product + a_high * b_low + a_low * b_high
    return product, error + a_low * b_low


def sum_of_segments(high: Doubles, low: Doubles, starts: NDArray[np.intp], bits: int) -> Pair:
    """Return the sum of each segment of pairs in [-1, 1] to about 2e-32 of the largest possible.

    Each number is cut into pieces at fixed places of ``bits`` bits, few enough for the sum of a
    level of pieces to be exact: the order of the elements makes no difference, nor do other rows.
    Source: Demmel & Nguyen (2015), IEEE Transactions on Computers 64(7).
    """
    total = error = np.zeros(len(starts))
    rest, small = high, low
    for level in range(_LEVELS):
        cut = 1.5 * 2.0 ** (52 - bits * (level + 1))
        piece = (rest + cut) - cut
        rest = rest - piece
        total, lost = two_sum(total, np.add.reduceat(piece, starts))
        error = error + lost
        if level and low.any():
            piece = (small + cut) - cut
            small = small - piece
            total, lost = two_sum(total, np.add.reduceat(piece, starts))
            error = error + lost
    return two_sum(total, error + np.add.reduceat(rest + small, starts))


def piece_bits(terms: int) -> int:
    """Return how many bits the pieces may have for `terms` of them to add up exactly."""
    return 51 - max(1, int(terms)).bit_length()


def _half(a: Doubles) -> Doubles:
    scaled = 134217729.0 * a  # 2^27 + 1
    half: Doubles = scaled - (scaled - a)
    return half
