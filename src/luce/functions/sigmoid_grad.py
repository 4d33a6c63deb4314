"""Derivatives of the logistic function, its logarithm, its integral and its inverse."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import as_temperature
from luce.functions.interchange import own_kind
from luce.functions.layout import by_formula
from luce.functions.sigmoid import minus_size, sigmoid
from luce.kernels.pairs import Doubles, times_exp


@own_kind
def sigmoid_grad(
    x: ArrayLike, *, temperature: float = 1.0, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    r"""Derivative of :func:`sigmoid`, accurate in both tails.

    .. math:: \frac{1}{T}\, \sigma(x)\, \sigma(-x) = \frac{1}{T}\, \frac{e^{-u}}{(1 + e^{-u})^2},
        \qquad u = |x| / T

    Parameters
    ----------
    x, temperature, out
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        The derivative at each `x`, in [0, 1 / (4 T)]; 0 at both infinities, NaN for NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    Notes
    -----
    ``p * (1 - p)`` of the value, the usual shortcut, is 0 from x = 37 on.

    Examples
    --------
    >>> import luce
    >>> luce.sigmoid_grad([0.0, 40.0])
    array([2.50000000e-01, 4.24835426e-18])
    """
    t = as_temperature(temperature)
    return by_formula(lambda z: bell(z, t), x, out)


@own_kind
def log_sigmoid_grad(
    x: ArrayLike, *, temperature: float = 1.0, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    r"""Derivative of :func:`log_sigmoid`.

    .. math:: \frac{1}{T}\, \sigma(-x)

    Parameters
    ----------
    x, temperature, out
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        The derivative at each `x`, in [0, 1 / T]; 1 / T at ``-inf``, 0 at ``inf``, NaN for NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    Notes
    -----
    It is ``1 - p`` of the value without the cancellation.

    Examples
    --------
    >>> import luce
    >>> luce.log_sigmoid_grad([-1000.0, 0.0, 40.0])
    array([1.00000000e+00, 5.00000000e-01, 4.24835426e-18])
    """
    t = as_temperature(temperature)
    return by_formula(lambda z: _falling(z, t), x, out)


@own_kind
def softplus_grad(
    x: ArrayLike, *, temperature: float = 1.0, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    r"""Derivative of :func:`softplus`: the logistic function itself.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x / T}}

    Parameters
    ----------
    x, temperature, out
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        The derivative at each `x`, as :func:`sigmoid` gives it.

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
    The name is there so that every activation ``NAME`` has its ``NAME_grad``.

    Examples
    --------
    >>> import luce
    >>> luce.softplus_grad([-1000.0, 0.0, 2.0]).round(4)
    array([0.    , 0.5   , 0.8808])
    """
    return sigmoid(x, temperature=temperature, out=out)


@own_kind
def logit_grad(x: ArrayLike, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    r"""Derivative of :func:`logit`.

    .. math:: \frac{1}{p (1 - p)}

    Parameters
    ----------
    x, out
        As in :func:`logit`.

    Returns
    -------
    ndarray
        The derivative at each `x`, at least 4: ``inf`` at 0 and 1, NaN for NaN and outside.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 2 ULP

    Notes
    -----
    It overflows to ``inf`` below the reciprocal of the largest number.

    Examples
    --------
    >>> import luce
    >>> luce.logit_grad([0.0, 0.5, 0.8])
    array([ inf, 4.  , 6.25])
    """
    return by_formula(_reciprocal_variance, x, out)


def bell(x: Doubles, temperature: float) -> Doubles:
    """Return the derivative of ``sigmoid(x / temperature)``."""
    exponent = minus_size(x, temperature)
    total = 1.0 + np.exp(exponent.high)
    result: Doubles = times_exp(1.0 / (temperature * total * total), exponent)
    return result


def _falling(x: Doubles, temperature: float) -> Doubles:
    exponent = minus_size(x, temperature)
    share = 1.0 / (temperature * (1.0 + times_exp(1.0, exponent)))
    result: Doubles = np.where(x > 0, times_exp(share, exponent), share)
    return result


def _reciprocal_variance(p: Doubles) -> Doubles:
    inside = (p >= 0) & (p <= 1)
    result: Doubles = np.where(inside, 1.0 / np.abs(p * (1 - p)), np.nan)
    return result
