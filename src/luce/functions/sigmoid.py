"""The softmax of two classes, and its logarithm."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce.functions.interchange import own_kind
from luce.functions.layout import elementwise


@own_kind
def sigmoid(x: ArrayLike) -> NDArray[Any]:
    r"""Logistic function, accurate at both ends.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}}

    Parameters
    ----------
    x : array_like
        Numbers of any shape. float16, float32 and float64 are kept; integers become float64.

    Returns
    -------
    ndarray
        Same shape, in [0, 1]. ``-inf`` gives 0, ``inf`` gives 1, NaN gives NaN.

    Raises
    ------
    DtypeError
        If `x` does not hold real numbers.

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
    return elementwise(kernels.sigmoid, x)


@own_kind
def log_sigmoid(x: ArrayLike) -> NDArray[Any]:
    r"""Logarithm of the logistic function, accurate where it is close to 0 as well.

    .. math:: \log \sigma(x) = \min(x, 0) - \log(1 + e^{-|x|})

    Parameters
    ----------
    x : array_like
        Numbers of any shape. float16, float32 and float64 are kept; integers become float64.

    Returns
    -------
    ndarray
        Same shape, in [-inf, 0]. ``-inf`` gives ``-inf``, ``inf`` gives 0, NaN gives NaN.

    Raises
    ------
    DtypeError
        If `x` does not hold real numbers.

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
    return elementwise(kernels.log_sigmoid, x)
