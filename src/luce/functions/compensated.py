"""Numbers kept as the unevaluated sum of two float64: what an operation rounds off is not lost.

An exponential turns the rounding of its argument into a relative error up to 745 times as large.
So the functions of this room that divide by a temperature, or square a number, before an
exponential carry the rounding along as `Pair.low`, and bring it back in afterwards.

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
    """Return ``a / b``, for numbers in the range of `product_of`."""
    quotient = a.high / b.high
    product = product_of(quotient, b.high)
    left = ((a.high - product.high) - product.low) + (a.low - quotient * b.low)
    return Pair(quotient, left / b.high)


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
