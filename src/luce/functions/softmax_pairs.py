"""The softmax as pairs of float64, for results that are products of two probabilities.

A product of two numbers that have been rounded to float64 cannot be right to its last digits.
Here a probability is off by less than a twentieth of an ULP.
"""

from decimal import Context, Decimal
from functools import cache
from typing import Any

import numpy as np

from luce.functions.exponential_sums import gaps_below_the_top
from luce.kernels.pairs import Doubles, Pair, ratio_of, sum_of, sums_of_rows, times

_STEPS = 32  # entries of the table of 2^(j/32)
_LOWEST = -1000.0  # exp() of anything below is 0 in float64
_LN2 = Decimal("0.693147180559945309417232121458176568075500134360255254120680")


def softmax_pairs(z: Doubles, temperature: float) -> tuple[Pair, Pair]:
    """Return the softmax of each row of (n, k), k > 0, and 1 - p of its winner, (n, 1).

    The winner is the first of the largest logits. Rows whose largest logit is not finite hold NaN.
    """
    top, winner, gap = gaps_below_the_top(z, temperature)
    power = _exponential(gap)
    losers = power.high.copy()
    np.put_along_axis(losers, winner, 0.0, 1)  # the power of the winner is 1 + 0
    rest = sum_of_pairs(losers, power.low)
    one_more = sum_of(1.0, rest.high + 0.0 * top)  # NaN where the top is not finite
    total = sum_of(one_more.high, one_more.low + rest.low)
    return ratio_of(power, total), ratio_of(rest, total)


def sum_of_pairs(high: Doubles, low: Doubles) -> Pair:
    """Return the sum of each row of (n, k) pairs, with length 1 kept."""
    exact, rest = sums_of_rows(high)
    return sum_of(exact, rest + low.sum(axis=1, keepdims=True))


def product(a: Pair, b: Pair) -> Any:
    """Return a b, rounded about once."""
    high, low = times(a, b)
    return high + low


def _exponential(x: Pair) -> Pair:
    """Return e^x for x <= 0: 2^(m / 32) from a table times e^(r + left), |r| < 0.011."""
    far = x.high < _LOWEST
    high, low = np.where(far, _LOWEST, x.high), np.where(far, 0.0, x.low)
    coarse, fine, table, table_low = _constants()
    steps = np.rint(high * (_STEPS / float(_LN2)))
    # The first difference is exact, for `coarse` has 37 bits and `steps` 16.
    r, left = sum_of(high - steps * coarse, low - steps * fine)
    series = 1 / 24 + r * (1 / 120 + r * (1 / 720 + r / 5040))
    left = left + r * r * (0.5 + r * (1 / 6 + r * series))  # e^(r + left) - 1 - r
    octave = np.floor(steps / _STEPS)
    root = (steps - octave * _STEPS).astype(np.intp) & (_STEPS - 1)  # 0 where x is NaN
    base = table[root]
    rise = base * r + (base * left + table_low[root])
    whole = base + rise
    power = np.ldexp(1.0, octave.astype(np.intc))
    return Pair(whole * power, (rise - (whole - base)) * power)


@cache
def _constants() -> tuple[float, float, Doubles, Doubles]:
    """Return ln 2 / 32 as a number of 37 bits and the rest, and 2^(j/32) as pairs."""
    context = Context(prec=60)
    step = context.divide(_LN2, Decimal(_STEPS))
    coarse = float(np.ldexp(np.rint(np.ldexp(float(step), 42)), -42))
    roots = [context.power(Decimal(2), context.divide(Decimal(j), _STEPS)) for j in range(_STEPS)]
    high = [float(one) for one in roots]
    low = [float(context.subtract(a, Decimal(b))) for a, b in zip(roots, high, strict=True)]
    rest = float(context.subtract(step, Decimal(coarse)))
    return coarse, rest, np.array(high), np.array(low)
