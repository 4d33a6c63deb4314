"""Losses of numbers that are to come close to other numbers: squared, absolute and Huber's."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from luce._checks import as_positive
from luce.functions.interchange import own_kind
from luce.kernels.pairs import Doubles, Pair, sum_of
from luce.losses.elements import Formula, loss_and_grad
from luce.losses.reduction import LossGrad, Reduction

_NAME = "prediction"


@own_kind
def mse(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""Squared error, with its mean as the default.

    .. math:: L = (x - t)^2

    Parameters
    ----------
    prediction : array_like
        Numbers ``x`` of any shape and dtype as for :func:`cross_entropy`; all axes are alike.
    target : array_like, shape of the predictions
        Numbers ``t``. Another shape is refused and not repeated: (n,) beside (n, 1) would compare
        each with all.
    weight : array_like, optional
        Broadcasts to the predictions: what each loss is multiplied by, 0 or more. An element of
        weight 0 costs nothing, whatever it holds.
    reduction : {"mean", "sum", "none"}
        "none" returns the loss of each element, "mean" divides their sum by the number of
        elements, or by the sum of their weights.
    normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    numpy.float64 or ndarray of float64
        The loss: a scalar, or for reduction "none" one number for each element.

    Raises
    ------
    ShapeError, DtypeError, ParameterError, DataError
        As :func:`cross_entropy`.

    Notes
    -----
    Without a factor of one half. Edge values: NaN gives NaN, and so do a prediction and a target
    that are the same infinity; else infinity gives infinity.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 2 ULP

    of the loss of an element, in units of the predictions' dtype; twice that for a sum or mean.
    The rounding error of ``x - t`` is carried along.

    Examples
    --------
    >>> from luce.losses import mse
    >>> print(mse([1.0, 2.0, 4.0], [1.0, 1.0, 1.0], reduction="none"))
    [0. 1. 9.]
    """
    how = Reduction.checked(reduction, normalizer, empty)
    return loss_and_grad(_squared, prediction, target, weight, how, name=_NAME).loss


@own_kind
def mse_grad(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Squared error, and its gradient :math:`2 (x - t)` in the predictions.

    Parameters
    ----------
    prediction, target, weight, reduction, normalizer, empty
        As in :func:`mse`.

    Returns
    -------
    LossGrad
        As :func:`cross_entropy_grad`; the gradient has the shape and dtype of the predictions.

    Raises
    ------
    ShapeError, DtypeError, ParameterError, DataError
        As :func:`mse`.

    Notes
    -----
    Edge values as in :func:`mse`. Where the mean has nothing to average, its gradient is 0.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 2 ULP
    gradient, float32 : 1 ULP
    gradient, float64 : 2 ULP

    The loss as in :func:`mse`; each element of the gradient.

    Examples
    --------
    >>> from luce.losses import mse_grad
    >>> print(mse_grad([1.0, 2.0, 4.0], [1.0, 1.0, 1.0], reduction="sum").grad)
    [0. 2. 6.]
    """
    how = Reduction.checked(reduction, normalizer, empty)
    return loss_and_grad(_squared, prediction, target, weight, how, name=_NAME)


@own_kind
def mae(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""Absolute error, with its mean as the default.

    .. math:: L = |x - t|

    Parameters
    ----------
    prediction, target, weight, reduction, normalizer, empty
        As in :func:`mse`.

    Returns
    -------
    numpy.float64 or ndarray of float64
        As :func:`mse`.

    Raises
    ------
    ShapeError, DtypeError, ParameterError, DataError
        As :func:`mse`.

    Notes
    -----
    Edge values as in :func:`mse`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 2 ULP

    of the loss of an element, as in :func:`mse`.

    Examples
    --------
    >>> from luce.losses import mae
    >>> print(mae([1.0, 2.0, 4.0], [1.0, 1.0, 3.0]).round(4))
    0.6667
    """
    how = Reduction.checked(reduction, normalizer, empty)
    return loss_and_grad(_absolute, prediction, target, weight, how, name=_NAME).loss


@own_kind
def mae_grad(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Absolute error, and its gradient, the sign of :math:`x - t`.

    Parameters
    ----------
    prediction, target, weight, reduction, normalizer, empty
        As in :func:`mse`.

    Returns
    -------
    LossGrad
        As :func:`mse_grad`.

    Raises
    ------
    ShapeError, DtypeError, ParameterError, DataError
        As :func:`mse`.

    Notes
    -----
    At the kink, where prediction and target are equal, the gradient is 0. Else as
    :func:`mse_grad`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 2 ULP
    gradient, float32 : 1 ULP
    gradient, float64 : 2 ULP

    The loss as in :func:`mse`; each element of the gradient.

    Examples
    --------
    >>> from luce.losses import mae_grad
    >>> print(mae_grad([1.0, 2.0, 0.0], [1.0, 1.0, 3.0], reduction="sum").grad)
    [ 0.  1. -1.]
    """
    how = Reduction.checked(reduction, normalizer, empty)
    return loss_and_grad(_absolute, prediction, target, weight, how, name=_NAME)


@own_kind
def huber(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    delta: float = 1.0,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""Huber's loss: squared for small errors, linear for large ones.

    .. math::
        L = \begin{cases}
            \tfrac12 r^2 & \text{if } |r| \le \delta \\
            \delta \left( |r| - \tfrac12 \delta \right) & \text{else}
        \end{cases} \qquad r = x - t

    Parameters
    ----------
    prediction, target
        As in :func:`mse`.
    delta : float
        Where the loss becomes linear; above 0 and finite.
    weight, reduction, normalizer, empty
        As in :func:`mse`.

    Returns
    -------
    numpy.float64 or ndarray of float64
        As :func:`mse`.

    Raises
    ------
    ShapeError, DtypeError, ParameterError, DataError
        As :func:`mse`, and if `delta` is not above 0.

    Notes
    -----
    As ``torch.nn.functional.huber_loss``, but for the mean with weights: that divides by the
    number of elements (its ``mse_loss`` and ``l1_loss`` by the sum of the weights); pass it as
    `normalizer`. ``smooth_l1_loss`` is this divided by `delta`. Edge values as in :func:`mse`.

    Source: Huber (1964), Annals of Mathematical Statistics 35(1).

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 2 ULP

    of the loss of an element, as in :func:`mse`.

    Examples
    --------
    >>> from luce.losses import huber
    >>> print(huber([1.0, 1.5, 4.0], [1.0, 1.0, 1.0], reduction="none"))
    [0.    0.125 2.5  ]
    """
    formula = _huber(delta)
    how = Reduction.checked(reduction, normalizer, empty)
    return loss_and_grad(formula, prediction, target, weight, how, name=_NAME).loss


@own_kind
def huber_grad(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    delta: float = 1.0,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Huber's loss, and its gradient: :math:`x - t`, but no further than :math:`\pm\delta`.

    Parameters
    ----------
    prediction, target, delta, weight, reduction, normalizer, empty
        As in :func:`huber`.

    Returns
    -------
    LossGrad
        As :func:`mse_grad`.

    Raises
    ------
    ShapeError, DtypeError, ParameterError, DataError
        As :func:`huber`.

    Notes
    -----
    Else as :func:`mse_grad`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 2 ULP
    gradient, float32 : 1 ULP
    gradient, float64 : 2 ULP

    The loss as in :func:`mse`; each element of the gradient.

    Examples
    --------
    >>> from luce.losses import huber_grad
    >>> print(huber_grad([1.0, 1.5, 4.0], [1.0, 1.0, 1.0], reduction="sum").grad)
    [0.  0.5 1. ]
    """
    formula = _huber(delta)
    how = Reduction.checked(reduction, normalizer, empty)
    return loss_and_grad(formula, prediction, target, weight, how, name=_NAME)


def _difference(x: Doubles, t: Doubles) -> Pair:
    return sum_of(x, -t)


def _squared(x: Doubles, t: Doubles) -> tuple[Doubles, Doubles]:
    r, low = _difference(x, t)
    return r * r + 2.0 * _product(r, low), 2.0 * r


def _absolute(x: Doubles, t: Doubles) -> tuple[Doubles, Doubles]:
    r = x - t
    return np.abs(r), np.sign(r)


def _huber(delta: Any) -> Formula:
    d = as_positive(delta, "delta")

    def formula(x: Doubles, t: Doubles) -> tuple[Doubles, Doubles]:
        r, low = _difference(x, t)
        size, small = np.abs(r), np.where(r < 0, -low, low)
        beyond = d * ((size - 0.5 * d) + small)
        within = 0.5 * r * r + _product(r, low)
        return np.where(size > d, beyond, within), np.clip(r, -d, d)

    return formula


def _product(r: Doubles, low: Doubles) -> Doubles:
    """Return ``r low``, 0 where the rounding error is 0 although r is infinite."""
    return np.where(low == 0, 0.0, r * low)
