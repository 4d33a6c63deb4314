"""Sums and means of exponentials, row by row, with weights and a temperature, and their logarithms.

Everything takes (n, k) tiles of float64 with k > 0 and gives (n,). The largest term is left out of
each sum and completed by ``log1p``; its logarithm is added in the widest format there is.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.kernels.pairs import (
    LN2_HIGH,
    LN2_LOW,
    Doubles,
    Pair,
    gap_of,
    plus,
    sum_of_rows,
)

Mask = NDArray[np.bool_]


class Gaps(NamedTuple):
    """How far the classes of each row are below the largest one."""

    top: Doubles  # (n, 1)  the largest logit
    winner: NDArray[np.intp]  # (n, 1)  where it stands first
    gap: Pair  # (n, k)  (x - top) / temperature; 0 for the winner


def gaps_below_the_top(x: Doubles, temperature: float) -> Gaps:
    """Return the gaps of each row; NaN where its largest logit is not finite."""
    winner = x.argmax(axis=1)[:, None]  # the first NaN, where there is one
    top = np.take_along_axis(x, winner, 1)
    return Gaps(top, winner, gap_of(x, top, temperature))


def log_weighted_sum(x: Doubles, b: Doubles, temperature: float) -> Doubles:
    """Return ``T log sum_j b_j exp(x_j / T)``; NaN where the sum is negative."""
    endless = ((x == np.inf) & (b != 0)) | (np.isinf(b) & (x > -np.inf))
    member = (b != 0) & (x > -np.inf) & ~endless
    mantissa, exponent = np.frexp(np.where(member, b, 0.0))
    winner = _largest_term(x, b, member, temperature)
    top, weight = np.take_along_axis(x, winner, 1), np.take_along_axis(b, winner, 1)
    weight_mantissa, weight_exponent = np.frexp(weight)
    steps = (exponent - weight_exponent).astype(np.float64)
    gap = gap_of(np.where(member, x, top), top, temperature)
    gap = plus(gap, Pair(steps * LN2_HIGH, steps * LN2_LOW))
    ratio = np.where(member, mantissa / weight_mantissa * np.exp(gap.high), 0.0)
    rest = _losers(ratio, gap, winner)
    log_total = np.where(weight > 0, np.log1p(rest), np.log(-(1 + rest)))
    log_weight = np.log(np.abs(weight).astype(np.longdouble))
    result = (top + temperature * (log_weight + log_total)).astype(np.float64)[:, 0]
    result[~member.any(axis=1)] = -np.inf
    result[(endless & (b > 0)).any(axis=1)] = np.inf
    result[(endless & (b < 0)).any(axis=1)] = np.nan
    result[(np.isnan(x) | np.isnan(b)).any(axis=1)] = np.nan
    return result


def log_mean(x: Doubles, member: Mask, temperature: float) -> Doubles:
    """Return ``T log mean_j exp(x_j / T)`` over the members of each row."""
    top, winner, gap = gaps_below_the_top(np.where(member, x, -np.inf), temperature)
    count = member.sum(axis=1, keepdims=True).astype(np.longdouble)
    power = np.where(member, np.exp(gap.high), 0.0)
    growth = np.where(member, np.expm1(gap.high), 0.0) + power * gap.low
    # Where no class wins clearly, log1p of the mean of e^gap - 1: equal logits give just that.
    mean = sum_of_rows(growth) / count
    log_total = np.log1p(_losers(power, gap, winner))
    log = np.where(mean > -0.5, np.log1p(mean), log_total - np.log(count))
    # Where the gaps are next to nothing it is the plain mean; their quotients might underflow.
    flat = np.where(member & (gap.high > -1e-18), x - top, 0.0)
    is_flat = (~member | (gap.high > -1e-18)).all(axis=1, keepdims=True)
    below = np.where(is_flat, sum_of_rows(flat) / count, temperature * log)
    result = np.where(np.isfinite(top), top + below, top)
    result = np.where(count == 0, np.nan, result)
    narrow: Doubles = result.astype(np.float64)[:, 0]
    return narrow


def _losers(power: Doubles, gap: Pair, winner: NDArray[np.intp]) -> NDArray[np.longdouble]:
    """Return the sum of the powers without the winner's, with what the gaps lost in rounding."""
    power = power + power * gap.low
    np.put_along_axis(power, winner, 0.0, 1)
    return sum_of_rows(power).astype(np.longdouble)


def _largest_term(x: Doubles, b: Doubles, member: Mask, temperature: float) -> Any:
    """Return where the largest ``|b_j| exp(x_j / T)`` of each row stands, (n, 1)."""
    log_size = np.log(np.abs(b))
    size = x / temperature + log_size if temperature > 1 else x + temperature * log_size
    return np.where(member, size, -np.inf).argmax(axis=1)[:, None]
