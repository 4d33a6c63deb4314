"""Arithmetic that the kernels share: exponentials of differences, and the capping of logits."""

import math

import triton
import triton.language as tl

_FAR = tl.constexpr(-200.0)  # exp2 of anything below is 0
_FLAT = tl.constexpr(0.35)  # below it tanh is a polynomial
_LN2 = tl.constexpr(0.6931471805599453)
_LOG2E_HIGH = tl.constexpr(1.44269502162933349609375)
_LOG2E_LOW = tl.constexpr(1.9259629911266175e-08)


def scales(temperature: float) -> tuple[float, float]:
    """Return ``log2(e) / temperature`` as a float32 and what that lacks."""
    import numpy as np

    exact = 1.0 / (math.log(2.0) * temperature)
    high = float(np.float32(exact))
    return high, exact - high


@triton.jit
def power(gap, high, low):
    """Return ``2 ** (gap (high + low))`` for ``gap <= 0``, with the product's rounding removed.

    Without that an error of ``|gap|`` units in the last place of the exponent stays in the result.
    """
    t = tl.where(gap * high < _FAR, _FAR, gap * high)
    near = tl.where(gap * high < _FAR, 0.0, gap)  # infinite differences have no remainder
    left = tl.fma(near, high, -near * high) + near * low
    return tl.exp2(t) * (1.0 + left * _LN2)


@triton.jit
def natural(gap):
    """Return ``e ** gap`` for ``gap <= 0``."""
    return power(gap, _LOG2E_HIGH, _LOG2E_LOW)


@triton.jit
def log1p(x):
    """Return ``log(1 + x)`` for ``x >= 0``: Kahan's correction of the rounding of ``1 + x``."""
    one_more = 1.0 + x
    safe = tl.where(one_more == 1.0, 2.0, one_more)
    corrected = tl.log(safe) * (x / (safe - 1.0))
    result = tl.where(one_more == 1.0, x, corrected)
    return tl.where(x == float("inf"), x, result)


@triton.jit
def capped(z, cap):
    """Return ``cap tanh(z / cap)`` and its derivative; infinite logits stay as they are."""
    x = z / cap
    size = tl.abs(x)
    e = natural(-2.0 * size)
    s = x * x
    series = -1382.0 / 155925.0 + s * (21844.0 / 6081075.0)
    series = 62.0 / 2835.0 + s * series
    series = 2.0 / 15.0 + s * (-17.0 / 315.0 + s * series)
    near = x * (1.0 + s * (-1.0 / 3.0 + s * series))
    far = tl.where(x < 0, -1.0, 1.0) * (1.0 - e) / (1.0 + e)
    tanh = tl.where(size < _FLAT, near, far)
    endless = size == float("inf")
    slope = 4.0 * e / ((1.0 + e) * (1.0 + e))
    return tl.where(endless, z, cap * tanh), tl.where(endless, 0.0, slope)
