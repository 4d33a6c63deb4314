"""Derivatives of the logarithms of sums and means of exponentials, first and second."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from luce._checks import Axis, as_float_array, as_like_one_of
from luce.functions import jacobian
from luce.functions.derivatives import softmax_jvp
from luce.functions.interchange import own_kind
from luce.functions.jacobian import Point
from luce.functions.rows import without


@own_kind
def logsumexp_vjp(
    x: ArrayLike,
    v: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Product of a number for each row and the gradient of :func:`logsumexp`: its backward pass.

    .. math:: g_i = v \, p_i, \qquad p = \operatorname{softmax}(x / T)

    Parameters
    ----------
    x
        As in :func:`softmax`.
    v : array_like
        One number for each row, in the shape of the result of :func:`logsumexp` with or without
        ``keepdims``; 1 for a single row gives the gradient itself.
    axis, temperature, where
        As in :func:`softmax`.

    Returns
    -------
    ndarray
        The gradient in `x`, of the shape and dtype of `x`. Classes that are masked or impossible
        get 0 whatever `v` is; a row without a softmax holds NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if `v` does not hold real numbers or does not fit the result.

    Notes
    -----
    The function is :math:`T \log \sum_j e^{x_j / T}`, so its gradient is the softmax at any
    temperature.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    for probabilities in the normal range.

    Examples
    --------
    >>> import luce
    >>> luce.logsumexp_vjp([[0.0, 0.0], [3.0, 1.0]], [1.0, 10.0]).round(4)
    array([[0.5  , 0.5  ],
           [8.808, 1.192]])
    """
    point = Point.checked(x, axis, temperature, where)
    kept = without(point.axes, point.shape, keepdims=True)
    short = without(point.axes, point.shape, keepdims=False)
    values = as_like_one_of(as_float_array(v, "v"), (short, kept), "v")
    return point.back(point.tiles(jacobian.scaled, values.reshape(-1, 1), point.classes))


@own_kind
def logsumexp_jvp(
    x: ArrayLike,
    u: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    keepdims: bool = False,
) -> NDArray[Any]:
    r"""How :func:`logsumexp` changes when its input moves along `u`.

    .. math:: \sum_j p_j u_j, \qquad p = \operatorname{softmax}(x / T)

    Parameters
    ----------
    x
        As in :func:`softmax`.
    u : array_like
        Broadcasts to `x`: the direction; read as `v` is in :func:`softmax_vjp`.
    axis, temperature, where
        As in :func:`softmax`.
    keepdims : bool
        Whether the axes summed over stay, with length 1.

    Returns
    -------
    ndarray
        One derivative for each row in the dtype of `x`; a NumPy scalar if no axis is left. NaN for
        a row without a softmax, or in which a possible class has an infinite or NaN `u`.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax_vjp`.

    Notes
    -----
    This is the mean of `u` under the softmax.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    where terms cancel, in units of their size: :math:`\sum_j p_j |u_j|`.

    Examples
    --------
    >>> import luce
    >>> luce.logsumexp_jvp([0.0, 0.0, 0.0], [1.0, 2.0, 6.0]).round(4)
    np.float64(3.0)
    """
    point = Point.checked(x, axis, temperature, where)
    means = point.tiles(jacobian.mean, point.rows_of(u, "u"), 1)
    return means.reshape(without(point.axes, point.shape, keepdims=keepdims))[()]


@own_kind
def logsumexp_hvp(
    x: ArrayLike,
    u: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Product of the Hessian of :func:`logsumexp` and a vector.

    .. math:: (H u)_i = \frac{p_i}{T} \Big( u_i - \sum_j p_j u_j \Big),
        \qquad H = \frac{\operatorname{diag}(p) - p p^\top}{T}

    Parameters
    ----------
    x
        As in :func:`softmax`.
    u : array_like
        Broadcasts to `x`: the vector; read as `v` is in :func:`softmax_vjp`.
    axis, temperature, where
        As in :func:`softmax`.

    Returns
    -------
    ndarray
        The product, of the shape and dtype of `x`; edge values as in :func:`softmax_vjp`.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax_vjp`.

    Notes
    -----
    The softmax is the gradient of logsumexp, so this is :func:`softmax_jvp`. It is never negative
    in the direction of `u`: logsumexp is convex.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    in the unit of :func:`softmax_vjp`.

    Examples
    --------
    >>> import luce
    >>> luce.logsumexp_hvp([0.0, 0.0], [1.0, 0.0])
    array([ 0.25, -0.25])
    """
    return softmax_jvp(x, u, axis, temperature=temperature, where=where)


@own_kind
def logmeanexp_vjp(
    x: ArrayLike,
    v: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Product of a number for each row and the gradient of :func:`logmeanexp`: its backward pass.

    .. math:: g_i = v \, p_i, \qquad p = \operatorname{softmax}(x / T)

    Parameters
    ----------
    x, v, axis, temperature, where
        As in :func:`logsumexp_vjp`.

    Returns
    -------
    ndarray
        As :func:`logsumexp_vjp`.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`logsumexp_vjp`.

    Notes
    -----
    The mean differs from the sum by the constant :math:`T \log k`: the derivatives are the same.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    for probabilities in the normal range.

    Examples
    --------
    >>> import luce
    >>> luce.logmeanexp_vjp([0.0, 0.0], 3.0)
    array([1.5, 1.5])
    """
    return logsumexp_vjp(x, v, axis, temperature=temperature, where=where)


@own_kind
def logmeanexp_jvp(
    x: ArrayLike,
    u: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    keepdims: bool = False,
) -> NDArray[Any]:
    r"""How :func:`logmeanexp` changes when its input moves along `u`.

    .. math:: \sum_j p_j u_j, \qquad p = \operatorname{softmax}(x / T)

    Parameters
    ----------
    x, u, axis, temperature, where, keepdims
        As in :func:`logsumexp_jvp`.

    Returns
    -------
    ndarray
        As :func:`logsumexp_jvp`.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`logsumexp_jvp`.

    Notes
    -----
    As :func:`logmeanexp_vjp`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    in the unit of :func:`logsumexp_jvp`.

    Examples
    --------
    >>> import luce
    >>> luce.logmeanexp_jvp([0.0, 0.0, 0.0], [1.0, 2.0, 6.0]).round(4)
    np.float64(3.0)
    """
    return logsumexp_jvp(x, u, axis, temperature=temperature, where=where, keepdims=keepdims)
