"""Angular margins: a cross-entropy of scaled cosines whose label has been made harder to reach."""

from collections.abc import Callable
from math import cos, pi, sin, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import FloatArray, as_finite, as_ignore_index, as_scale, check_cosines
from luce.functions.interchange import own_kind
from luce.losses.reduction import LossGrad, Reduction
from luce.losses.rows import Rows, label_factors

Doubles = NDArray[np.float64]
Penalty = Callable[[Doubles], tuple[Doubles, Doubles]]  # cosine -> what replaces it, its derivative


@own_kind
def arcface(
    cosines: ArrayLike,
    labels: ArrayLike,
    *,
    axis: int = -1,
    margin: float = 0.5,
    scale: float = 64.0,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""Cross-entropy with a margin added to the angle between a row and its class.

    With the cosines :math:`c_j = \cos\theta_j` of a row with its label :math:`y`, scale :math:`s`
    and margin :math:`m`, the loss is :func:`cross_entropy` of the logits

    .. math::
        u_j = s\, c_j \quad (j \ne y), \qquad
        u_y = s \begin{cases}
            \cos(\theta_y + m) & \text{if } \theta_y < \pi - m \\
            c_y - m \sin m & \text{else}
        \end{cases}

    Parameters
    ----------
    cosines : array_like, shape (..., k)
        Cosines of the angles between each row's features and the ``k`` class centres: the products
        of vectors of length 1. ``-inf`` is an impossible class. Numbers that rounding has carried
        beyond -1 or 1 are taken for -1 or 1; beyond that, by more than 1e-5 or 4 units in the last
        place of 1, they are refused. Dtypes as for :func:`cross_entropy`.
    labels, axis
        As in :func:`cross_entropy`.
    margin : float
        ``m`` in radians, between 0 and pi / 2.
    scale : float
        ``s``, above 0: the inverse of a temperature.
    weight, ignore_index, reduction, normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    numpy.float64 or ndarray of float64
        As :func:`cross_entropy`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`; DataError also if a cosine lies outside of [-1, 1].

    Notes
    -----
    :math:`\cos(\theta + m) = c \cos m - \sqrt{(1 - c)(1 + c)} \sin m` rises with the cosine up to
    the angle :math:`\pi - m` only. Beyond it the common continuation is taken, that of the
    reference code of InsightFace: ``c - m sin m`` rises with the cosine too, and lies lower by a
    step where the two meet (for margins above 2.33 it would lie higher). Edge values as for
    :func:`cross_entropy`; no logits are stored, the work goes by tiles of 512 KB.

    Source: Deng, Guo, Xue & Zafeiriou (2019), ArcFace, CVPR, section 3.1.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    for float32 of the loss of a row, all being computed in float64. For float64 in units of the
    loss times `scale` (if that is above 1): rounding the scaled cosines alone costs as much.

    Examples
    --------
    >>> from luce.losses import arcface
    >>> cosines = [[0.9, 0.1, -0.2], [0.3, 0.6, 0.0]]
    >>> print(arcface(cosines, [0, 1], scale=8).round(4))
    0.7989
    """
    how = Reduction.checked(reduction, normalizer, empty)
    penalty = _additive_angle(as_finite(margin, "margin", 0.0, pi / 2))
    scale, ignore = as_scale(scale), as_ignore_index(ignore_index)
    rows = Rows.of(cosines, axis, "cosines")
    return _evaluate(rows, labels, penalty, scale, weight, ignore, how, None)


@own_kind
def arcface_grad(
    cosines: ArrayLike,
    labels: ArrayLike,
    *,
    axis: int = -1,
    margin: float = 0.5,
    scale: float = 64.0,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Cross-entropy with an additive angular margin, and its gradient in the cosines.

    That of the right class has the factor
    :math:`\cos m + c \sin m / \sqrt{(1 - c)(1 + c)}`, which is 1 beyond the angle
    :math:`\pi - m`.

    Parameters
    ----------
    cosines, labels, axis, margin, scale, weight, ignore_index, reduction, normalizer, empty
        As in :func:`arcface`.

    Returns
    -------
    LossGrad
        As :func:`cross_entropy_grad`; the gradient is that in the cosines.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`arcface`.

    Notes
    -----
    Where the cosine of the right class approaches 1 the factor has no bound. The gradient stays
    finite: at a cosine of 1 it is that of the next smaller number of the cosines' dtype. Cosines
    that rounding carried beyond -1 or 1 have the gradient of -1 or 1.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP
    gradient, float32 : 4 ULP
    gradient, float64 : 4 ULP

    The loss as in :func:`arcface`. The gradient for float32 of each element, for float64 in units
    of the element times `scale`. That of the right class may cancel for obtuse angles: its unit
    takes ``|c|`` for ``c`` in the factor.

    Examples
    --------
    >>> from luce.losses import arcface_grad
    >>> print(arcface_grad([0.9, 0.1, -0.2], 0, scale=8).grad.round(4))
    [-0.34    0.1669  0.0151]
    """
    how = Reduction.checked(reduction, normalizer, empty)
    rows = Rows.of(cosines, axis, "cosines")
    penalty = _additive_angle(as_finite(margin, "margin", 0.0, pi / 2), _unit(rows.dtype))
    scale, ignore = as_scale(scale), as_ignore_index(ignore_index)
    grad = rows.gradient()
    loss = _evaluate(rows, labels, penalty, scale, weight, ignore, how, grad)
    return LossGrad(loss, rows.shaped(grad))


@own_kind
def cosface(
    cosines: ArrayLike,
    labels: ArrayLike,
    *,
    axis: int = -1,
    margin: float = 0.35,
    scale: float = 64.0,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""Cross-entropy with a margin taken from the cosine between a row and its class.

    The loss is :func:`cross_entropy` of the logits :math:`u_j = s\, c_j` for :math:`j \ne y` and
    :math:`u_y = s (c_y - m)`.

    Parameters
    ----------
    cosines, labels, axis
        As in :func:`arcface`.
    margin : float
        ``m``, 0 or more.
    scale : float
        ``s``, above 0.
    weight, ignore_index, reduction, normalizer, empty
        As in :func:`arcface`.

    Returns
    -------
    numpy.float64 or ndarray of float64
        As :func:`cross_entropy`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`arcface`.

    Notes
    -----
    Edge values, cost and cosines beyond 1 as in :func:`arcface`.

    Source: Wang et al. (2018), CosFace: Large Margin Cosine Loss for Deep Face Recognition, CVPR.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    in the units of :func:`arcface`, times ``1 + margin`` for margins above 1.

    Examples
    --------
    >>> from luce.losses import cosface
    >>> cosines = [[0.9, 0.1, -0.2], [0.3, 0.6, 0.0]]
    >>> print(cosface(cosines, [0, 1], scale=8).round(4))
    0.4976
    """
    how = Reduction.checked(reduction, normalizer, empty)
    penalty = _subtracted(as_finite(margin, "margin", 0.0))
    scale, ignore = as_scale(scale), as_ignore_index(ignore_index)
    rows = Rows.of(cosines, axis, "cosines")
    return _evaluate(rows, labels, penalty, scale, weight, ignore, how, None)


@own_kind
def cosface_grad(
    cosines: ArrayLike,
    labels: ArrayLike,
    *,
    axis: int = -1,
    margin: float = 0.35,
    scale: float = 64.0,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Cross-entropy with a margin on the cosine, and its gradient in the cosines.

    Parameters
    ----------
    cosines, labels, axis, margin, scale, weight, ignore_index, reduction, normalizer, empty
        As in :func:`cosface`.

    Returns
    -------
    LossGrad
        As :func:`cross_entropy_grad`; the gradient is that in the cosines.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`arcface`.

    Notes
    -----
    Each row of the gradient sums to 0.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP
    gradient, float32 : 4 ULP
    gradient, float64 : 4 ULP

    in the units of :func:`cosface` for the loss; those of the gradient are that of the element,
    for float64 times `scale`, and times ``1 + margin`` for margins above 1.

    Examples
    --------
    >>> from luce.losses import cosface_grad
    >>> print(cosface_grad([0.9, 0.1, -0.2], 0, scale=8).grad.round(4))
    [-0.2315  0.2123  0.0193]
    """
    how = Reduction.checked(reduction, normalizer, empty)
    penalty = _subtracted(as_finite(margin, "margin", 0.0))
    scale, ignore = as_scale(scale), as_ignore_index(ignore_index)
    rows = Rows.of(cosines, axis, "cosines")
    grad = rows.gradient()
    loss = _evaluate(rows, labels, penalty, scale, weight, ignore, how, grad)
    return LossGrad(loss, rows.shaped(grad))


def _additive_angle(m: float, unit: float = np.finfo(np.float64).eps / 2) -> Penalty:
    """Return ``cos(theta + m)`` as a function of the cosine; ``1 - unit`` is the last below 1."""
    least = sqrt(unit * (2 - unit))  # the sine at that cosine

    def penalty(c: Doubles) -> tuple[Doubles, Doubles]:
        s = np.sqrt((1 - c) * (1 + c))
        within = c > -cos(m)
        value = np.where(within, c * cos(m) - s * sin(m), c - m * sin(m))
        slope = np.where(within, cos(m) + c * sin(m) / np.maximum(s, least), 1.0)
        return value, slope

    return penalty


def _subtracted(m: float) -> Penalty:
    return lambda c: (c - m, np.ones_like(c))


def _evaluate(
    rows: Rows,
    labels: ArrayLike,
    penalty: Penalty,
    scale: float,
    weight: ArrayLike | None,
    ignore_index: int | None,
    how: Reduction,
    grad: FloatArray | None,
) -> Any:
    """Return the loss, and write its gradient in the cosines to `grad` if there is one."""
    n, k = rows.z.shape
    y = rows.labels(labels, ignore_index)  # (n,)
    factors, divisor = label_factors(y, weight, k, how)
    loss = np.empty(n)  # (n,)
    for part in rows.tiles():
        excess = 8 * _unit(rows.dtype)
        check_cosines(rows.z[part], y[part] >= 0, excess, rows.leading, part.start)
        with np.errstate(all="ignore"):
            c = rows.z[part].astype(np.float64)  # (t, k)
            c = np.where(c == -np.inf, c, np.clip(c, -1.0, 1.0))
            own = np.arange(len(c)), np.maximum(y[part], 0)
            value, slope = penalty(c[own])  # (t,)
            u = scale * c
            u[own] = np.where(c[own] == -np.inf, c[own], scale * value)
            pull = None if grad is None else u
            spread = np.zeros(len(c))
            kernels.cross_entropy_rows(u, y[part], factors[part], spread, None, loss[part], pull)
            if grad is not None:
                u[own] *= slope
                grad[part] = scale * u
    return how.reduced(loss.reshape(rows.leading), divisor)


def _unit(dtype: np.dtype[Any]) -> float:
    """Return the distance from 1 to the next smaller number of the dtype."""
    bits = {"float64": 53, "float32": 24, "float16": 11}.get(dtype.name, 8)  # else bfloat16
    return 0.5**bits
