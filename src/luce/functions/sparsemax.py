"""The softmax that gives unlikely classes a probability of exactly 0."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from luce._checks import Axis
from luce.functions.interchange import own_kind
from luce.functions.projection import checked, jacobian, product, values


@own_kind
def sparsemax(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    r"""Euclidean projection of the logits onto the distributions: most classes get exactly 0.

    .. math:: p_i = \max(x_i / T - \tau, 0), \qquad \sum_i p_i = 1

    Parameters
    ----------
    x, axis, temperature, where, out
        As in :func:`softmax`; masked classes get 0.

    Returns
    -------
    ndarray
        The shape and dtype of `x`, in [0, 1]. A row whose largest logit is not finite (all
        ``-inf``, all masked, ``+inf`` or NaN among them) holds NaN, as in :func:`softmax`.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`.

    Notes
    -----
    The support is exact: a class gets 0 if and only if it does in exact arithmetic (or its
    probability is below the smallest subnormal number). Ties at the threshold, and sums that
    cancel, are decided in rational arithmetic. The order of the classes and a common offset that
    the logits hold exactly change no bit.

    Only classes less than T below the largest logit are looked at, in tiles of rows, without
    sorting: for long rows it costs less than two passes over the logits.

    Source: Martins & Astudillo (2016), ICML, PMLR 48.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 2 ULP

    of each probability, however near the threshold it is.

    Examples
    --------
    >>> import luce
    >>> luce.sparsemax([3.0, 1.0, 2.5, 2.0])
    array([0.75, 0.  , 0.25, 0.  ])
    >>> luce.sparsemax([3.0, 1.0, 2.5, 2.0], temperature=3.0).round(4)
    array([0.5   , 0.    , 0.3333, 0.1667])
    """
    return values(checked(2.0, temperature), x, axis, where, out)


@own_kind
def sparsemax_vjp(
    x: ArrayLike,
    v: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Product of a vector and the Jacobian of :func:`sparsemax`: its backward pass.

    .. math:: g_i = \frac{1}{T} \Big( v_i - \frac{1}{|S|} \sum_{j \in S} v_j \Big)
        \text{ for } i \in S, \text{ else } 0, \qquad S = \{i : p_i > 0\}

    Parameters
    ----------
    x : array_like
        As in :func:`softmax`.
    v : array_like
        Broadcasts to `x`: the gradient of a number in the probabilities, of any real dtype. It is
        read in the support only.
    axis, temperature, where
        As in :func:`softmax`.

    Returns
    -------
    ndarray
        The gradient of that number in `x`, of the shape and dtype of `x`. A row in which `v` is
        infinite or NaN within the support, or that has no sparsemax, holds NaN there.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if `v` does not hold real numbers or does not fit `x`.

    Notes
    -----
    Where a class is exactly at the threshold the function has a kink; the derivative given is that
    of the side on which this class is out. The Jacobian is symmetric: :func:`sparsemax_jvp` is
    the same function. Computed in float64; costs little more than :func:`sparsemax`.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    where terms cancel, in units of their size: the mean of :math:`|v_i - v_j| / T` over the
    support.

    Examples
    --------
    >>> import luce
    >>> luce.sparsemax_vjp([3.0, 1.0, 2.5, 2.0], [1.0, 5.0, 0.0, 7.0])
    array([ 0.5,  0. , -0.5,  0. ])
    """
    return product(checked(2.0, temperature), x, v, axis, where, "v")


@own_kind
def sparsemax_jvp(
    x: ArrayLike,
    u: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""How the probabilities of :func:`sparsemax` change when the logits move along `u`.

    .. math:: \dot p_i = \frac{1}{T} \Big( u_i - \frac{1}{|S|} \sum_{j \in S} u_j \Big)
        \text{ for } i \in S, \text{ else } 0

    Parameters
    ----------
    x : array_like
        As in :func:`softmax`.
    u : array_like
        Broadcasts to `x`: the direction in which the logits move; read in the support only.
    axis, temperature, where
        As in :func:`softmax`.

    Returns
    -------
    ndarray
        The derivative, of the shape and dtype of `x`; edge values as in :func:`sparsemax_vjp`.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`sparsemax_vjp`.

    Notes
    -----
    As :func:`sparsemax_vjp`, which it equals, for the Jacobian is symmetric.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    in the unit of :func:`sparsemax_vjp`.

    Examples
    --------
    >>> import luce
    >>> luce.sparsemax_jvp([0.0, 0.5, -3.0], [1.0, 0.0, 9.0])
    array([ 0.5, -0.5,  0. ])
    """
    return product(checked(2.0, temperature), x, u, axis, where, "u")


@own_kind
def sparsemax_jacobian(
    x: ArrayLike,
    axis: int = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Jacobian of :func:`sparsemax`, one matrix for each row.

    .. math:: J_{ij} = \frac{\delta_{ij} - 1 / |S|}{T} \text{ for } i, j \in S, \text{ else } 0

    Parameters
    ----------
    x : array_like
        As in :func:`softmax`.
    axis : int
        The axis of the classes, one only.
    temperature, where
        As in :func:`softmax`.

    Returns
    -------
    ndarray, shape (..., k, k)
        In the dtype of `x`: its other axes, then ``i`` and ``j``. Symmetric; NaN where there is no
        sparsemax.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if `axis` names several axes.

    Notes
    -----
    Takes k² numbers a row; a product with it is much cheaper by :func:`sparsemax_vjp`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 2 ULP

    of each element: nothing cancels.

    Examples
    --------
    >>> import luce
    >>> luce.sparsemax_jacobian([3.0, 1.0, 2.5])
    array([[ 0.5,  0. , -0.5],
           [ 0. ,  0. ,  0. ],
           [-0.5,  0. ,  0.5]])
    """
    return jacobian(checked(2.0, temperature), x, axis, where)
