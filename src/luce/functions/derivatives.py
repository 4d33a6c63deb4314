"""Derivatives of the softmax and its logarithm: products with the Jacobian, and the Jacobian.

All take the logits and not the probabilities: 1 - p of a winner is the sum of the others, which
a probability that has been rounded to 1 no longer holds.
"""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import Axis, as_one_axis
from luce.functions import jacobian
from luce.functions.interchange import own_kind
from luce.functions.jacobian import Point
from luce.functions.jacobian_product import product


@own_kind
def softmax_vjp(
    x: ArrayLike,
    v: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Product of a vector and the Jacobian of :func:`softmax`: its backward pass.

    .. math:: g_i = \frac{p_i}{T} \Big( v_i - \sum_j p_j v_j \Big),
        \qquad p = \operatorname{softmax}(x / T)

    Parameters
    ----------
    x
        As in :func:`softmax`.
    v : array_like
        Broadcasts to `x`: the gradient of a number in the probabilities, of any real dtype. Where
        the mask is False, or a logit is ``-inf``, it is not read.
    axis, temperature, where
        As in :func:`softmax`.

    Returns
    -------
    ndarray
        The gradient of that number in `x`, of the shape and dtype of `x`. Classes that are masked
        or impossible get 0. A row in which a possible class has an infinite or NaN `v`, or that
        has no softmax (its largest logit is not finite), holds NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if `v` does not hold real numbers or does not fit `x`.

    Notes
    -----
    `v` is measured from the mean itself before the second sum, so a large common part of `v`, or
    a winner with ``1 - p = 1e-18``, costs no digit. The Jacobian is symmetric: :func:`softmax_jvp`
    is the same function.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    where terms cancel, in units of their size: :math:`\frac{p_i}{T} \sum_j p_j |v_i - v_j|`. For
    probabilities in the normal range.

    Examples
    --------
    >>> import luce
    >>> luce.softmax_vjp([0.0, 0.0, 0.0], [1.0, 0.0, 0.0]).round(4)
    array([ 0.2222, -0.1111, -0.1111])
    >>> luce.softmax_vjp([0.0, -40.0], [1.0, 0.0])
    array([ 4.24835426e-18, -4.24835426e-18])
    """
    return product(
        kernels.softmax_product, jacobian.softmax_product, x, v, "v", axis, temperature, where
    )


@own_kind
def softmax_jvp(
    x: ArrayLike,
    u: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""How the probabilities change when the logits move along `u`.

    .. math:: \dot p_i = \frac{p_i}{T} \Big( u_i - \sum_j p_j u_j \Big)

    Parameters
    ----------
    x
        As in :func:`softmax`.
    u : array_like
        Broadcasts to `x`: the direction in which the logits move; read as `v` is in
        :func:`softmax_vjp`.
    axis, temperature, where
        As in :func:`softmax`.

    Returns
    -------
    ndarray
        The derivative, of the shape and dtype of `x`; edge values as in :func:`softmax_vjp`.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax_vjp`.

    Notes
    -----
    As :func:`softmax_vjp`, which it equals, for the Jacobian is symmetric.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    in the unit of :func:`softmax_vjp`.

    Examples
    --------
    >>> import luce
    >>> luce.softmax_jvp([0.0, 0.0], [1.0, -1.0], temperature=0.5)
    array([ 1., -1.])
    """
    return product(
        kernels.softmax_product, jacobian.softmax_product, x, u, "u", axis, temperature, where
    )


@own_kind
def softmax_jacobian(
    x: ArrayLike,
    axis: int = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Jacobian of :func:`softmax`, one matrix for each row.

    .. math:: J_{ij} = \frac{\partial p_i}{\partial x_j} = \frac{p_i (\delta_{ij} - p_j)}{T}

    Parameters
    ----------
    x
        As in :func:`softmax`.
    axis : int
        The axis of the classes, one only.
    temperature, where
        As in :func:`softmax`.

    Returns
    -------
    ndarray, shape (..., k, k)
        In the dtype of `x`: its other axes, then ``i`` and ``j``. Symmetric. Rows and columns of
        masked and impossible classes hold 0; all is NaN where there is no softmax.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if `axis` names several axes.

    Notes
    -----
    ``1 - p`` of the winner is the sum of the others. Takes k² numbers a row; a product with it is
    much cheaper by :func:`softmax_vjp`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    of each element, for probabilities in the normal range: nothing cancels.

    Examples
    --------
    >>> import luce
    >>> luce.softmax_jacobian([0.0, 0.0])
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    return Point.checked(x, as_one_axis(axis), temperature, where).matrices(jacobian.softmax_matrix)


@own_kind
def log_softmax_vjp(
    x: ArrayLike,
    v: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Product of a vector and the Jacobian of :func:`log_softmax`: its backward pass.

    .. math:: g_i = \frac{1}{T} \Big( v_i - p_i \sum_j v_j \Big)

    Parameters
    ----------
    x
        As in :func:`softmax`.
    v : array_like
        Broadcasts to `x`: the gradient of a number in the log-probabilities, of any real dtype.
        Where the mask is False it is not read.
    axis, temperature, where
        As in :func:`softmax`.

    Returns
    -------
    ndarray
        The gradient of that number in `x`, of the shape and dtype of `x`. Masked classes get 0;
        a logit of ``-inf`` has ``p = 0`` and gets :math:`v_i / T`, so that each row sums to 0. A
        row with an infinite or NaN `v`, or without a softmax, holds NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax_vjp`.

    Notes
    -----
    For the winner the sum leaves its own part out: :math:`v_i (1 - p_i) - p_i \sum_{j \ne i} v_j`
    with ``1 - p`` as the sum of the other probabilities. With ``v = -t`` it is the gradient of the
    cross-entropy with the target ``t``.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    where terms cancel, in units of their size:
    :math:`\frac{1}{T} \big( |v_i| (1 - p_i) + p_i \sum_{j \ne i} |v_j| \big)`. For probabilities in
    the normal range.

    Examples
    --------
    >>> import luce
    >>> luce.log_softmax_vjp([0.0, -40.0], [1.0, 0.0])
    array([ 4.24835426e-18, -4.24835426e-18])
    """
    return product(
        kernels.log_softmax_backward,
        jacobian.log_softmax_backward,
        x, v, "v", axis, temperature, where,
    )  # fmt: skip


@own_kind
def log_softmax_jvp(
    x: ArrayLike,
    u: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""How the log-probabilities change when the logits move along `u`.

    .. math:: \dot\ell_i = \frac{1}{T} \Big( u_i - \sum_j p_j u_j \Big)

    Parameters
    ----------
    x
        As in :func:`softmax`.
    u : array_like
        Broadcasts to `x`: the direction in which the logits move, of any real dtype. Where the
        mask is False it is not read.
    axis, temperature, where
        As in :func:`softmax`.

    Returns
    -------
    ndarray
        The derivative, of the shape and dtype of `x`. Masked classes get 0; at a logit of ``-inf``
        stands the limit, and its `u` does not enter the sum. A row in which a possible class has
        an infinite or NaN `u`, or without a softmax, holds NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax_vjp`.

    Notes
    -----
    As :func:`softmax_vjp`, without the factor p.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    where terms cancel, in units of their size: :math:`\frac{1}{T} \sum_j p_j |u_i - u_j|`.

    Examples
    --------
    >>> import luce
    >>> luce.log_softmax_jvp([0.0, -40.0], [0.0, 1.0])
    array([-4.24835426e-18,  1.00000000e+00])
    """
    return product(
        kernels.log_softmax_forward,
        jacobian.log_softmax_forward,
        x, u, "u", axis, temperature, where,
    )  # fmt: skip


@own_kind
def log_softmax_jacobian(
    x: ArrayLike,
    axis: int = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Jacobian of :func:`log_softmax`, one matrix for each row.

    .. math:: J_{ij} = \frac{\partial \ell_i}{\partial x_j} = \frac{\delta_{ij} - p_j}{T}

    Parameters
    ----------
    x, axis, temperature, where
        As in :func:`softmax_jacobian`.

    Returns
    -------
    ndarray, shape (..., k, k)
        In the dtype of `x`: its other axes, then ``i`` and ``j``. Rows and columns of masked
        classes hold 0; the row of a logit of ``-inf`` holds the limit. All is NaN where there is
        no softmax.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax_jacobian`.

    Notes
    -----
    ``1 - p`` of the winner is the sum of the others.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    of each element: nothing cancels.

    Examples
    --------
    >>> import luce
    >>> luce.log_softmax_jacobian([0.0, 0.0])
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    return Point.checked(x, as_one_axis(axis), temperature, where).matrices(
        jacobian.log_softmax_matrix
    )
