"""The Gaussian error linear unit and its derivative, exact and in the tanh approximation."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import as_choice
from luce.functions.interchange import own_kind
from luce.functions.layout import by_formula
from luce.kernels.pairs import Doubles, Pair, plus, product_of, ratio_of, sum_of, times, times_exp

_KINDS = ("none", "tanh")
_FAR = 40.0  # beyond it the lower tail is 0 in float64

# To twice the digits: sqrt(2 pi), and its reciprocal.
_SQRT_2_PI = Pair(2.5066282746310007, -1.8328579980459167e-16)
_DENSITY_AT_0 = Pair(0.3989422804014327, -2.49232720227773e-17)
# Of the tanh approximation: 2 sqrt(2/pi), and 0.044715 times that.
_LINEAR = Pair(1.5957691216057308, -9.96930880911092e-17)
_CUBIC = Pair(0.07135481627260025, -6.175149918155315e-19)

# (2 + sqrt(2 pi) t) exp(t^2 / 2) Phi(-t), which lies between 1 and 1.2 for t >= 0, as a polynomial
# in y = (t - 4) / (t + 4), after Shepherd & Laframboise (1981), Math. Comp. 36: its Chebyshev
# series, cut off below 2e-18 and computed with 60 digits, in powers of y, whose coefficients
# sum to less than a half. SciPy's erfcx and erfc are off by up to 7 and 10 ULP.
_TAIL_AT_4 = Pair(1.1354308142581806, -4.1113780914160115e-17)
_TAIL = (
    -0.15607136685265974,
    -0.027922167297671732,
    0.10801948125913945,
    -0.09634499213025763,
    0.049261464761579714,
    -0.012796248918801798,
    -0.0010395920991962697,
    0.001836681617902176,
    -0.00021362208565545626,
    -0.00023472964111015448,
    5.0919126733162564e-05,
    3.633912905449414e-05,
    -8.181565819483584e-06,
    -6.888501460648169e-06,
    9.055188231351164e-07,
    1.438448431784575e-06,
    3.777991866874954e-08,
    -2.9159132064252664e-07,
    -6.485147043761666e-08,
    5.058086688495796e-08,
    2.3459061292307078e-08,
    -6.374546973482402e-09,
    -4.957349320907886e-09,
    4.2073367470215344e-10,
    5.068952977804181e-10,
)


@own_kind
def gelu(
    x: ArrayLike, approximate: str = "none", *, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    r"""Gaussian error linear unit, accurate in its tail.

    .. math:: x\, \Phi(x) = \frac{x}{2} \operatorname{erfc}\!\left( \frac{-x}{\sqrt 2} \right)

    Parameters
    ----------
    x : array_like
        As in :func:`sigmoid`.
    approximate : {"none", "tanh"}
        "tanh" replaces :math:`\Phi(x)` by :math:`\frac12 + \frac12 \tanh \left( \sqrt{2 / \pi}\,
        (x + 0.044715\, x^3) \right)`, as models trained with it need; it is off by up to 0.0005.
    out : ndarray, optional
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        The shape and dtype of `x`. ``-inf`` gives 0, ``inf`` gives ``inf``, NaN gives NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`, and if there is no such approximation.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    of what `approximate` stands for.

    Notes
    -----
    The square in the exponential is carried to twice the digits: at -38 its rounding alone would
    cost hundreds of ULP. ``0.5 * x * (1 + erf(x / sqrt(2)))``, the usual code, is 0 below -8.3.

    Source: Hendrycks & Gimpel (2016), arXiv 1606.08415.

    Examples
    --------
    >>> import luce
    >>> print(luce.gelu([-10.0, -1.0, 1.0]))
    [-7.61985302e-23 -1.58655254e-01  8.41344746e-01]
    """
    tail = _TAILS[as_choice(approximate, _KINDS, "approximate")]
    return by_formula(lambda z: _value(z, tail(_size(z))), x, out)


@own_kind
def gelu_grad(
    x: ArrayLike, approximate: str = "none", *, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    r"""Derivative of :func:`gelu`.

    .. math:: \Phi(x) + x\, \varphi(x)

    Parameters
    ----------
    x, approximate, out
        As in :func:`gelu`; with "tanh" it is the derivative of the approximation.

    Returns
    -------
    ndarray
        The derivative at each `x`, in [-0.13, 1.13]: 0 at ``-inf``, 1 at ``inf``, NaN for NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`gelu`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    in units of :math:`\Phi(x) + |x|\, \varphi(x)`, of which the two terms cancel near -0.75.

    Notes
    -----
    One exponential and a polynomial, as the value.

    Examples
    --------
    >>> import luce
    >>> print(luce.gelu_grad([-10.0, 0.0, 1.0]))
    [-7.61840010e-22  5.00000000e-01  1.08331547e+00]
    """
    tail = _TAILS[as_choice(approximate, _KINDS, "approximate")]
    return by_formula(lambda z: _slope(z, tail(_size(z))), x, out)


class _Tail(NamedTuple):
    """The lower tail ``share * exp(exponent)`` at ``-size``, and its part in the derivative."""

    size: Doubles
    share: Pair
    exponent: Pair
    slope: Doubles  # of the value at -size, divided by exp(exponent)


def _size(x: Doubles) -> Doubles:
    return np.minimum(np.abs(x), _FAR)


def _value(x: Doubles, tail: _Tail) -> Doubles:
    factor = times(tail.share, Pair(tail.size, 0.0))
    # What rounding left over of the factor is a relative error: it goes with the exponent's.
    low = np.where(factor.high > 0, factor.low / factor.high, 0.0) + tail.exponent.low
    lower = times_exp(factor.high, Pair(tail.exponent.high, low))
    result: Doubles = np.maximum(x, 0.0) - lower
    return result


def _slope(x: Doubles, tail: _Tail) -> Doubles:
    lower = times_exp(tail.slope, tail.exponent)
    result: Doubles = np.where(x < 0, lower, 1.0 - lower)
    return result


def _gaussian_tail(t: Doubles) -> _Tail:
    whole = Pair(t, 0.0)
    y = (t - 4.0) / (t + 4.0)
    scaled = plus(_TAIL_AT_4, Pair(y * np.polynomial.polynomial.polyval(y, _TAIL), 0.0))
    share = ratio_of(scaled, plus(Pair(2.0, 0.0), times(_SQRT_2_PI, whole)))
    square = product_of(t, t)
    exponent = Pair(-0.5 * square.high, -0.5 * square.low)
    density = times(_DENSITY_AT_0, whole)
    slope = plus(share, Pair(-density.high, -density.low))
    return _Tail(t, share, exponent, slope.high + slope.low)


def _tanh_tail(t: Doubles) -> _Tail:
    whole = Pair(t, 0.0)
    square = product_of(t, t)
    bent = times(_CUBIC, square)
    inner = times(plus(_LINEAR, bent), whole)
    exponent = Pair(-inner.high, -inner.low)
    share = ratio_of(Pair(1.0, 0.0), sum_of(1.0, times_exp(1.0, exponent)))
    rise = times(plus(_LINEAR, Pair(3.0 * bent.high, 3.0 * bent.low)), whole)
    weight = times(rise, share)
    left = plus(Pair(1.0, 0.0), Pair(-weight.high, -weight.low))
    slope = times(share, left)
    return _Tail(t, share, exponent, slope.high + slope.low)


_TAILS = {"none": _gaussian_tail, "tanh": _tanh_tail}
