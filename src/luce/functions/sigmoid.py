"""The softmax of two classes, its logarithm, its integral and its inverse."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import as_temperature
from luce.functions.interchange import own_kind
from luce.functions.layout import by_formula, elementwise
from luce.kernels.pairs import Doubles, Pair, divided, times_exp

_CERTAIN = -40.0  # below it log(1 + e^x) is e^x to the last bit
_TINY = 1e-18  # below it log(p / (1 - p)) is log p to the last bit


@own_kind(quick=kernels.sigmoid_quick)
def sigmoid(
    x: ArrayLike, *, temperature: float = 1.0, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    r"""Logistic function, accurate at both ends.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x / T}}

    Parameters
    ----------
    x : array_like
        Numbers of any shape. float16, float32 and float64 are kept; integers become float64.
    temperature : float
        Positive and finite. Below 1 makes the step steeper, above 1 flatter.
    out : ndarray, optional
        Receives the result; it may be `x`. Must have the result's shape and dtype.

    Returns
    -------
    ndarray
        Same shape, in [0, 1]. ``-inf`` gives 0, ``inf`` gives 1, NaN gives NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        If `x` does not hold real numbers, if `out` does not fit it, or if the temperature is not
        positive and finite.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    Notes
    -----
    One pass. Results below the normal range are kept, not flushed to 0.

    Examples
    --------
    >>> import luce
    >>> luce.sigmoid([-1000.0, 0.0, 2.0]).round(4)
    array([0.    , 0.5   , 0.8808])
    """
    t = as_temperature(temperature)
    if t == 1.0:
        return elementwise(kernels.sigmoid, x, out)
    return by_formula(lambda z: _sigmoid(z, t), x, out)


@own_kind(quick=kernels.log_sigmoid_quick)
def log_sigmoid(
    x: ArrayLike, *, temperature: float = 1.0, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    r"""Logarithm of the logistic function, accurate where it is close to 0 as well.

    .. math:: \log \sigma(x) = \min(x / T, 0) - \log(1 + e^{-|x| / T})

    Parameters
    ----------
    x, temperature, out
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        Same shape, in [-inf, 0]. ``-inf`` gives ``-inf``, ``inf`` gives 0, NaN gives NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    Notes
    -----
    One pass.

    Examples
    --------
    >>> import luce
    >>> luce.log_sigmoid([-1000.0, 0.0, 40.0])
    array([-1.00000000e+03, -6.93147181e-01, -4.24835426e-18])
    """
    t = as_temperature(temperature)
    if t == 1.0:
        return elementwise(kernels.log_sigmoid, x, out)
    return by_formula(lambda z: _log_sigmoid(z, t), x, out)


@own_kind(quick=kernels.softplus_quick)
def softplus(
    x: ArrayLike, *, temperature: float = 1.0, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    r"""Smooth version of ``max(x, 0)``, accurate in its tail.

    .. math:: T \log(1 + e^{x / T}) = \max(x, 0) + T \log(1 + e^{-|x| / T})

    Parameters
    ----------
    x, temperature, out
        As in :func:`sigmoid`; the lower the temperature, the closer to ``max(x, 0)``.

    Returns
    -------
    ndarray
        Same shape, in [0, inf]. ``-inf`` gives 0, ``inf`` gives ``inf``, NaN gives NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    Notes
    -----
    At temperature 1 it is minus :func:`log_sigmoid` of ``-x``. It never overflows.

    Examples
    --------
    >>> import luce
    >>> luce.softplus([-40.0, 0.0, 1000.0])
    array([4.24835426e-18, 6.93147181e-01, 1.00000000e+03])
    """
    t = as_temperature(temperature)
    if t == 1.0:
        return elementwise(kernels.softplus, x, out)
    return by_formula(lambda z: _softplus(z, t), x, out)


@own_kind
def logit(x: ArrayLike, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    r"""Logarithm of the odds: the inverse of the logistic function.

    .. math:: \operatorname{logit}(p) = \log \frac{p}{1 - p}

    Parameters
    ----------
    x : array_like
        Probabilities of any shape; dtypes as in :func:`sigmoid`.
    out : ndarray, optional
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        Same shape. 0 gives ``-inf``, 1 gives ``inf``; NaN, and what lies outside of [0, 1], gives
        NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 3 ULP

    Notes
    -----
    Near 1/2, where the logarithms of ``p`` and ``1 - p`` cancel, the result keeps all its digits:
    there it is ``log1p((2 p - 1) / (1 - p))``, whose terms are exact.

    Examples
    --------
    >>> import luce
    >>> luce.logit([1e-300, 0.5, 0.5 + 2**-50])
    array([-6.90775528e+02,  0.00000000e+00,  3.55271368e-15])
    """
    return by_formula(_logit, x, out)


def minus_size(x: Doubles, temperature: float) -> Pair:
    """Return ``-|x| / temperature``, to twice the digits."""
    quotient, low = divided(x, temperature)
    return Pair(-np.abs(quotient), np.where(quotient < 0, low, -low))


def _sigmoid(x: Doubles, temperature: float) -> Doubles:
    small = times_exp(1.0, minus_size(x, temperature))
    result: Doubles = np.where(x < 0, small, 1.0) / (1.0 + small)
    return result


def _log_sigmoid(x: Doubles, temperature: float) -> Doubles:
    small = times_exp(1.0, minus_size(x, temperature))
    result: Doubles = np.where(x < 0, x / temperature, 0.0) - np.log1p(small)
    return result


def _softplus(x: Doubles, temperature: float) -> Doubles:
    exponent = minus_size(x, temperature)
    near = temperature * np.log1p(times_exp(1.0, exponent))
    far = times_exp(temperature, exponent)  # also where the exponential alone would underflow
    result: Doubles = np.maximum(x, 0.0) + np.where(exponent.high < _CERTAIN, far, near)
    return result


def _logit(p: Doubles) -> Doubles:
    upper = np.log1p((2 * p - 1) / (1 - p))
    lower = np.where(p < _TINY, np.log(p), -np.log1p((1 - 2 * p) / p))
    return np.where(p < 0.5, lower, upper)
