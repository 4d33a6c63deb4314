"""Numbers kept as the unevaluated sum of two float64: what an operation rounds off is not lost.

An exponential turns the rounding of its argument into a relative error up to 745 times as large.
So what divides by a temperature, or squares a number, before an exponential carries the rounding
along as `Pair.low`, and brings it back in afterwards: the NumPy twin, and formulas of the rooms
above that have no kernel.

Source: Dekker (1971), Numer. Math. 18; Knuth, The Art of Computer Programming, volume 2, 4.2.2.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

LN2_HIGH = 6.93147180369123816490e-01  # log 2 to 33 bits: its product with an exponent is exact
LN2_LOW = 1.90821492927058770002e-10  # log 2 - LN2_HIGH

_SPLIT = 134217729.0  # 2^27 + 1: halves a float64 into two numbers of 26 bits
_FARTHEST = 4000.0  # the exponential of anything farther from 0 is 0 or infinite
_HOTTEST = 1e290  # above it differences of logits might overflow although their quotients do not
_DEEP = -600.0  # below it an exponential nears the end of the normal range


class Pair(NamedTuple):
    """The number ``high + low``, where `low` is at most half a unit in the last place of `high`."""

    high: Any
    low: Any


def sum_of(a: Any, b: Any) -> Pair:
    """Return ``a + b`` exactly; where it overflows, `low` is 0."""
    total = a + b
    seen = total - a
    low = (a - (total - seen)) + (b - seen)
    return Pair(total, np.where(np.isfinite(total), low, 0.0))


def product_of(a: Any, b: Any) -> Pair:
    """Return ``a * b`` exactly, for numbers between 1e-140 and 1e140 (or 0)."""
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    low = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return Pair(product, low)


def plus(pair: Pair, other: Pair) -> Pair:
    """Return the sum of two pairs."""
    total = sum_of(pair.high, other.high)
    return Pair(total.high, total.low + (pair.low + other.low))


def times(pair: Pair, other: Pair) -> Pair:
    """Return the product of two pairs in the range of `product_of`."""
    product = product_of(pair.high, other.high)
    return Pair(product.high, product.low + (pair.high * other.low + pair.low * other.high))


def ratio_of(a: Pair, b: Pair) -> Pair:
    """Return ``a / b``, off by some 2^-104 of it, for numbers in the range of `product_of`."""
    high = a.high / b.high
    whole = product_of(high, b.high)
    return sum_of(high, ((a.high - whole.high) - whole.low + a.low - high * b.low) / b.high)


def divided(x: Any, temperature: float, low: Any = 0.0) -> Pair:
    """Return ``(x + low) / temperature``, to twice the digits where its exponential matters."""
    if temperature == 1.0:
        return Pair(x, low)
    mantissa, power_of_two = np.frexp(temperature)
    scaled = np.ldexp(x, -power_of_two)
    quotient = scaled / mantissa
    near = np.where(np.abs(quotient) < _FARTHEST, quotient, 0.0)
    product = product_of(near, mantissa)
    left = (scaled - product.high) - product.low + np.ldexp(low, -power_of_two)
    return Pair(quotient, np.where(near == quotient, left / mantissa, 0.0))


def gap_of(x: Any, top: Any, temperature: float) -> Pair:
    """Return ``(x - top) / temperature``."""
    if temperature > _HOTTEST:
        x, top, temperature = 0.25 * x, 0.25 * top, 0.25 * temperature
    difference = sum_of(x, -top)
    gap = divided(difference.high, temperature, difference.low)
    return Pair(gap.high, np.where(np.isfinite(gap.high), gap.low, 0.0))


def sum_of_rows(a: Doubles) -> Doubles:
    """Return the sum of each row of (n, k), k > 0, with length 1 kept, rounded about once."""
    exact, rest = sums_of_rows(a)
    return exact + rest


def sums_of_rows(a: Doubles) -> tuple[Doubles, Doubles]:
    """Return two parts of the sum of each row of (n, k), k > 0, with length 1 kept.

    Each row's numbers are cut at 25 bits below the largest: the upper parts add up exactly, and
    what the lower parts lose is lost far below the last place. Nothing depends on other rows.
    """
    _, exponent = np.frexp(np.abs(a).max(axis=1, keepdims=True))
    cut = np.ldexp(1.5, exponent + 27)
    upper = (a + cut) - cut
    return upper.sum(axis=1, keepdims=True), (a - upper).sum(axis=1, keepdims=True)


def times_exp(factor: Any, exponent: Pair) -> Any:
    """Return ``factor * exp(exponent)``, accurate also where the exponential alone would underflow.

    A factor of 0 gives 0.
    """
    high, low = exponent
    power = factor * np.exp(high)
    half = np.exp(0.5 * high)
    power = np.where(high < _DEEP, (factor * half) * half, power)
    return np.where(factor == 0, 0.0, power + power * low)


def _halves(x: Any) -> tuple[Any, Any]:
    scaled = _SPLIT * x
    high = scaled - (scaled - x)
    return high, x - high
