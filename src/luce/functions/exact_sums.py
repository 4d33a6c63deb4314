"""Sums of segments of pairs of float64, to twice the digits and whatever the order."""

import numpy as np
from numpy.typing import NDArray

from luce.kernels.pairs import Doubles, Pair, sum_of

_LEVELS = 3  # pieces that each number is cut into; with at least 27 bits each


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
        total, lost = sum_of(total, np.add.reduceat(piece, starts))
        error = error + lost
        if level and low.any():
            piece = (small + cut) - cut
            small = small - piece
            total, lost = sum_of(total, np.add.reduceat(piece, starts))
            error = error + lost
    return sum_of(total, error + np.add.reduceat(rest + small, starts))


def piece_bits(terms: int) -> int:
    """Return how many bits the pieces may have for `terms` of them to add up exactly."""
    return 51 - max(1, int(terms)).bit_length()
