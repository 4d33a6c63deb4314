"""Softmax, sparsemax, and what lies between and beyond: entmax."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from luce._checks import Axis
from luce.functions.interchange import own_kind
from luce.functions.projection import checked, jacobian, product, values


@own_kind
def entmax(
    x: ArrayLike,
    alpha: float = 1.5,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    r"""Probabilities between softmax (alpha 1) and sparsemax (alpha 2): the unlikely get exactly 0.

    .. math:: p_i = \Big[ (\alpha - 1)\, x_i / T - \tau \Big]_+^{1 / (\alpha - 1)},
        \qquad \sum_i p_i = 1

    Parameters
    ----------
    x : array_like
        As in :func:`softmax`.
    alpha : float
        1 or more. The larger, the fewer classes get a probability above 0; 1 is the softmax, in
        which all do.
    axis, temperature, where, out
        As in :func:`softmax`; masked classes get 0.

    Returns
    -------
    ndarray
        The shape and dtype of `x`, in [0, 1]. A row whose largest logit is not finite holds NaN, as
        in :func:`softmax`.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if `alpha` is not a finite number of 1 or more.

    Notes
    -----
    For 1.5 and 2 the threshold is found directly and the support is exact, as in
    :func:`sparsemax`; for any other alpha by Newton's method, to full precision, where a class so
    near the threshold that its probability is below the unit named below may get 0. Everything is
    computed from the exact differences to the largest logit, so a common offset changes nothing,
    and ``-inf`` is an impossible class for every alpha.

    Only classes less than ``T / (alpha - 1)`` below the largest logit are looked at.

    Source: Peters, Niculae & Martins (2019), ACL.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    of each probability for alpha 1, 1.5 and 2, however near the threshold it is. For any other
    alpha in units of the larger of :math:`p_i` and :math:`p_i^{2-\alpha} / \sum_j
    p_j^{2-\alpha}`: the latter is what one unit of error in the sum of the row does to it.

    Examples
    --------
    >>> import luce
    >>> luce.entmax([3.0, 1.0, 2.5, 2.0]).round(4)
    array([0.6242, 0.    , 0.2917, 0.0841])
    >>> luce.entmax([3.0, 1.0, 2.5, 2.0], alpha=3.0).round(4)
    array([1., 0., 0., 0.])
    """
    return values(checked(alpha, temperature), x, axis, where, out)


@own_kind
def entmax_vjp(
    x: ArrayLike,
    v: ArrayLike,
    alpha: float = 1.5,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Product of a vector and the Jacobian of :func:`entmax`: its backward pass.

    .. math:: g_i = \frac{s_i}{T} \Big( v_i - \frac{\sum_j s_j v_j}{\sum_j s_j} \Big),
        \qquad s_i = p_i^{2-\alpha} \text{ where } p_i > 0, \text{ else } 0

    Parameters
    ----------
    x : array_like
        As in :func:`softmax`.
    v : array_like
        Broadcasts to `x`: the gradient of a number in the probabilities, of any real dtype. It is
        read in the support only.
    alpha, axis, temperature, where
        As in :func:`entmax`.

    Returns
    -------
    ndarray
        The gradient of that number in `x`, of the shape and dtype of `x`. A row in which `v` is
        infinite or NaN within the support, or that has no entmax, holds NaN there.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if `v` does not hold real numbers or does not fit `x`.

    Notes
    -----
    For alpha above 2 the slopes grow without limit towards the threshold, and a row in which one is
    beyond the range of float64 holds NaN. The Jacobian is symmetric: :func:`entmax_jvp` is
    the same function. Computed in float64; costs little more than :func:`entmax`.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    for alpha 1, 1.5 and 2, and probabilities in the normal range; where terms cancel, in units of
    their size: :math:`\frac{s_i}{T} \sum_j s_j |v_i - v_j| / \sum_j s_j`. For any other alpha
    the slopes are as accurate as :func:`entmax`.

    Examples
    --------
    >>> import luce
    >>> luce.entmax_vjp([1.0, -3.0, 1.0], [1.0, 5.0, 0.0])
    array([ 0.35355339,  0.        , -0.35355339])
    """
    return product(checked(alpha, temperature), x, v, axis, where, "v")


@own_kind
def entmax_jvp(
    x: ArrayLike,
    u: ArrayLike,
    alpha: float = 1.5,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""How the probabilities of :func:`entmax` change when the logits move along `u`.

    .. math:: \dot p_i = \frac{s_i}{T} \Big( u_i - \frac{\sum_j s_j u_j}{\sum_j s_j} \Big)

    Parameters
    ----------
    x : array_like
        As in :func:`softmax`.
    u : array_like
        Broadcasts to `x`: the direction in which the logits move; read in the support only.
    alpha, axis, temperature, where
        As in :func:`entmax`.

    Returns
    -------
    ndarray
        The derivative, of the shape and dtype of `x`; edge values as in :func:`entmax_vjp`.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`entmax_vjp`.

    Notes
    -----
    As :func:`entmax_vjp`, which it equals, for the Jacobian is symmetric.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    in the unit of :func:`entmax_vjp`.

    Examples
    --------
    >>> import luce
    >>> luce.entmax_jvp([1.0, 1.0, -3.0], [1.0, 0.0, 9.0], alpha=2.0)
    array([ 0.5, -0.5,  0. ])
    """
    return product(checked(alpha, temperature), x, u, axis, where, "u")


@own_kind
def entmax_jacobian(
    x: ArrayLike,
    alpha: float = 1.5,
    axis: int = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Jacobian of :func:`entmax`, one matrix for each row.

    .. math:: J_{ij} = \frac{s_i}{T} \Big( \delta_{ij} - \frac{s_j}{\sum_l s_l} \Big),
        \qquad s_i = p_i^{2-\alpha} \text{ where } p_i > 0, \text{ else } 0

    Parameters
    ----------
    x : array_like
        As in :func:`softmax`.
    alpha : float
        As in :func:`entmax`.
    axis : int
        The axis of the classes, one only.
    temperature, where
        As in :func:`softmax`.

    Returns
    -------
    ndarray, shape (..., k, k)
        In the dtype of `x`: its other axes, then ``i`` and ``j``. Symmetric; NaN where there is no
        entmax.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if `axis` names several axes.

    Notes
    -----
    Takes k² numbers a row; a product with it is much cheaper by :func:`entmax_vjp`.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    of each element, for alpha 1, 1.5 and 2, and probabilities in the normal range: nothing cancels.
    For any other alpha the slopes are as accurate as :func:`entmax`.

    Examples
    --------
    >>> import luce
    >>> luce.entmax_jacobian([1.0, -3.0, 1.0], alpha=2.0)
    array([[ 0.5,  0. , -0.5],
           [ 0. ,  0. ,  0. ],
           [-0.5,  0. ,  0.5]])
    """
    return jacobian(checked(alpha, temperature), x, axis, where)
