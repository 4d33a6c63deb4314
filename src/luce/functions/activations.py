"""Other activations of neural networks, each with its derivative."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import as_finite
from luce.functions.interchange import own_kind
from luce.functions.layout import by_formula
from luce.functions.sigmoid_grad import bell
from luce.kernels.pairs import Doubles


@own_kind
def tanh(x: ArrayLike, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    r"""Hyperbolic tangent: the logistic function stretched to (-1, 1).

    .. math:: \tanh x = 2\, \sigma(2 x) - 1

    Parameters
    ----------
    x, out
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        The shape and dtype of `x`. ``-inf`` gives -1, ``inf`` gives 1, NaN gives NaN.

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
    ``numpy.tanh`` in float64, with luce's dtypes.

    Examples
    --------
    >>> import luce
    >>> luce.tanh([-1000.0, 0.0, 1.0]).round(4)
    array([-1.    ,  0.    ,  0.7616])
    """
    return by_formula(np.tanh, x, out)


@own_kind
def tanh_grad(x: ArrayLike, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    r"""Derivative of :func:`tanh`, accurate in both tails.

    .. math:: 1 - \tanh^2 x = \frac{1}{\cosh^2 x}

    Parameters
    ----------
    x, out
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        The derivative at each `x`, in [0, 1]; 0 at both infinities, NaN for NaN.

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
    ``1 - tanh(x)**2`` of the value, the usual shortcut, is 0 from x = 19 on.

    Examples
    --------
    >>> import luce
    >>> luce.tanh_grad([0.0, 20.0])
    array([1.0000000e+00, 1.6993417e-17])
    """
    return by_formula(lambda z: 4.0 * bell(2.0 * z, 1.0), x, out)


@own_kind
def relu(x: ArrayLike, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    r"""Rectified linear unit.

    .. math:: \max(x, 0)

    Parameters
    ----------
    x, out
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        The shape and dtype of `x`. NaN gives NaN, not 0.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`.

    Accuracy
    --------
    float32 : 0 ULP
    float64 : 0 ULP

    Notes
    -----
    :func:`softplus` is its smooth version, and equals it at temperature 0.

    Examples
    --------
    >>> import luce
    >>> luce.relu([-2.0, 0.0, 3.0])
    array([0., 0., 3.])
    """
    return by_formula(lambda z: np.maximum(z, 0.0) + 0.0, x, out)


@own_kind
def relu_grad(x: ArrayLike, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    r"""Derivative of :func:`relu`.

    .. math:: [\, x > 0 \,]

    Parameters
    ----------
    x, out
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        1 above 0, and 0 elsewhere, also at 0, where there is no derivative, as in PyTorch; NaN
        gives NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`.

    Accuracy
    --------
    float32 : 0 ULP
    float64 : 0 ULP

    Notes
    -----
    Equal to :func:`step` with `at_zero` of 0.

    Examples
    --------
    >>> import luce
    >>> luce.relu_grad([-2.0, 0.0, 3.0])
    array([0., 0., 1.])
    """
    return by_formula(lambda z: np.heaviside(z, 0.0), x, out)


@own_kind
def leaky_relu(
    x: ArrayLike, slope: float = 0.01, *, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    r"""Rectified linear unit that lets a part of negative numbers through.

    .. math:: x \text{ if } x > 0, \quad \text{slope} \cdot x \text{ otherwise}

    Parameters
    ----------
    x
        As in :func:`sigmoid`.
    slope : float
        The slope below 0, finite; 0 gives :func:`relu`.
    out : ndarray, optional
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        The shape and dtype of `x`. NaN gives NaN; slope 0 gives 0 at ``-inf``, too.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`, and if the slope is not finite.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 1 ULP

    Notes
    -----
    The product with the slope, a float64, is rounded once: in float32 others round 0.01 before.

    Examples
    --------
    >>> import luce
    >>> luce.leaky_relu([-2.0, 0.0, 3.0])
    array([-0.02,  0.  ,  3.  ])
    """
    a = as_finite(slope, "slope")
    return by_formula(lambda z: _leaky(z, a), x, out)


@own_kind
def leaky_relu_grad(
    x: ArrayLike, slope: float = 0.01, *, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    r"""Derivative of :func:`leaky_relu`.

    .. math:: 1 \text{ if } x > 0, \quad \text{slope} \text{ otherwise}

    Parameters
    ----------
    x, slope, out
        As in :func:`leaky_relu`.

    Returns
    -------
    ndarray
        1 above 0, and the slope elsewhere, also at 0, as in PyTorch; NaN gives NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`leaky_relu`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 0 ULP

    Notes
    -----
    Only the slope itself is rounded, to the dtype of the result.

    Examples
    --------
    >>> import luce
    >>> luce.leaky_relu_grad([-2.0, 0.0, 3.0])
    array([0.01, 0.01, 1.  ])
    """
    a = as_finite(slope, "slope")
    return by_formula(lambda z: np.where(np.isnan(z), z, np.where(z > 0, 1.0, a)), x, out)


@own_kind
def step(x: ArrayLike, at_zero: float = 0.5, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    r"""Heaviside's step: the logistic function at temperature 0.

    .. math:: 0 \text{ if } x < 0, \quad h \text{ if } x = 0, \quad 1 \text{ if } x > 0

    Parameters
    ----------
    x
        As in :func:`sigmoid`.
    at_zero : float
        The value ``h`` at 0, finite. One half is the limit of :func:`sigmoid`.
    out : ndarray, optional
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        The shape and dtype of `x`. NaN gives NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`, and if `at_zero` is not finite.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 0 ULP

    Notes
    -----
    Only `at_zero` itself is rounded, to the dtype of the result.

    Examples
    --------
    >>> import luce
    >>> luce.step([-2.0, 0.0, 3.0])
    array([0. , 0.5, 1. ])
    """
    middle = as_finite(at_zero, "at_zero")
    return by_formula(lambda z: np.heaviside(z, middle), x, out)


@own_kind
def step_grad(x: ArrayLike, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    r"""Derivative of :func:`step`: 0, which is why no gradient can train a step.

    .. math:: 0 \text{ for } x \ne 0

    Parameters
    ----------
    x, out
        As in :func:`sigmoid`.

    Returns
    -------
    ndarray
        Zeros, also at 0, where there is no derivative; NaN gives NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sigmoid`.

    Accuracy
    --------
    float32 : 0 ULP
    float64 : 0 ULP

    Notes
    -----
    To train through a step take :func:`sigmoid_grad` at a low temperature in its place.

    Examples
    --------
    >>> import luce
    >>> luce.step_grad([-2.0, 0.0, 3.0])
    array([0., 0., 0.])
    """
    return by_formula(lambda z: np.where(np.isnan(z), z, 0.0), x, out)


def _leaky(x: Doubles, slope: float) -> Doubles:
    below = np.minimum(x, 0.0)
    result: Doubles = np.where(x > 0, x, np.where((slope == 0) & (x < 0), 0.0, slope * below))
    return result
