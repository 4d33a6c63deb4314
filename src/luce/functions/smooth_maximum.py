"""Smooth versions of the maximum: a weighted mean, and a norm; with their backward passes."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import (
    Axis,
    as_axes,
    as_float_array,
    as_floats,
    as_like_one_of,
    as_norm_order,
    as_temperature,
    as_weights,
)
from luce.functions.exponential_sums import gaps_below_the_top
from luce.functions.interchange import own_kind
from luce.functions.layout import over_rows, rows_by_formula
from luce.functions.rows import without
from luce.kernels.pairs import Doubles, Pair, product_of, sum_of_rows, times_exp

_LOWEST = -4000.0  # the exponential of anything below is 0, whatever it is multiplied by
_LARGE = 2.0**900  # above it sums of a row are taken of smaller numbers


@own_kind
def boltzmann_max(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    keepdims: bool = False,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    r"""Mean of the numbers weighted by their softmax: between their mean and their maximum.

    .. math:: B(x) = \sum_j p_j x_j, \qquad p = \operatorname{softmax}(x / T)

    Parameters
    ----------
    x, axis
        As in :func:`softmax`.
    temperature : float
        Positive and finite. Near 0 the result tends to the maximum, for high ones to the mean.
    where, keepdims, out
        As in :func:`logsumexp`.

    Returns
    -------
    ndarray
        The shape of `x` without the axes reduced; a NumPy scalar if none is left. ``-inf`` does
        not take part; the maximum of nothing is ``-inf``, ``+inf`` gives ``+inf``, NaN gives NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    in units of :math:`\sum_j p_j |x_j|`, which is the result where all numbers have one sign.

    Notes
    -----
    The smooth maxima of ``k`` numbers with the maximum ``m``, at temperature ``T``:

    ==================== ======================== ============ =====================================
    function             lies between             convex       worth knowing
    ==================== ======================== ============ =====================================
    :func:`logsumexp`    m and m + T log k        yes          its gradient is the softmax
    :func:`logmeanexp`   the mean and m           yes          equal numbers give just that
    `boltzmann_max`      the mean and m           no           not monotone: may fall as x_j rises
    :func:`p_norm_max`   m and k^(1/p) m          yes          for sizes: it takes absolute values
    :func:`hardmax`      is where m stands        --           no useful gradient
    ==================== ======================== ============ =====================================

    Source: Asadi & Littman (2017), An alternative softmax operator for reinforcement learning.

    Examples
    --------
    >>> import luce
    >>> luce.boltzmann_max([1.0, 2.0, 3.0]).round(4)
    np.float64(2.5752)
    >>> luce.boltzmann_max([1.0, 2.0, 3.0], temperature=0.01).round(4)
    np.float64(3.0)
    """
    t = as_temperature(temperature)
    return over_rows(
        lambda rows: _boltzmann(rows, t), x, axis, where=where, keepdims=keepdims, out=out
    )


@own_kind
def boltzmann_max_vjp(
    x: ArrayLike,
    v: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Product of a number for each row and the gradient of :func:`boltzmann_max`.

    .. math:: g_i = v\, p_i \left( 1 + \frac{x_i - B(x)}{T} \right)

    Parameters
    ----------
    x, v, axis
        As in :func:`logsumexp_vjp`.
    temperature, where
        As in :func:`boltzmann_max`.

    Returns
    -------
    ndarray
        The gradient in `x`, of the shape and dtype of `x`. Classes that are masked or impossible
        get 0; a row whose largest number is not finite holds NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`logsumexp_vjp`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    in units of :math:`|v|\, p_i (1 + (m - B) / T + (m - x_i) / T)` with the largest number ``m``,
    for probabilities in the normal range.

    Notes
    -----
    Numbers lower than ``B - T`` have a negative derivative: raising them lowers the result.

    Examples
    --------
    >>> import luce
    >>> luce.boltzmann_max_vjp([0.0, 3.0], 1.0).round(4)
    array([-0.0881,  1.0881])
    """
    t = as_temperature(temperature)
    return rows_by_formula(
        lambda rows, g: _boltzmann_back(rows, g, t), x, axis, _kept(x, v, axis), where=where
    )


@own_kind
def p_norm_max(
    x: ArrayLike,
    p: float,
    axis: Axis = -1,
    *,
    where: ArrayLike | None = None,
    keepdims: bool = False,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    r"""The p-norm: a smooth maximum of absolute values, without overflow or underflow.

    .. math:: \|x\|_p = \Big( \sum_j |x_j|^p \Big)^{1/p}

    Parameters
    ----------
    x : array_like
        Numbers of any shape; dtypes as in :func:`softmax`. ``-inf`` counts as infinite.
    p : float
        At least 1; ``inf`` gives the largest absolute value.
    axis, where, keepdims, out
        As in :func:`logsumexp`.

    Returns
    -------
    ndarray
        The shape of `x` without the axes reduced; a NumPy scalar if none is left. The norm of
        nothing is 0; infinities give ``inf``, NaN gives NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if `p` is less than 1.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 2 ULP

    Notes
    -----
    It lies between the largest absolute value ``m`` and ``k**(1/p) * m``; for other smooth maxima
    see :func:`boltzmann_max`. For `p` = 2 it is what ``hypot`` is for two numbers.

    Examples
    --------
    >>> import luce
    >>> luce.p_norm_max([3e200, -4e200], 2) / 1e200
    np.float64(5.0)
    >>> luce.p_norm_max([1.0, 2.0, 3.0], 20).round(4)
    np.float64(3.0)
    """
    order = as_norm_order(p)
    z, _ = as_floats(x)
    return over_rows(
        lambda rows, member: _norm(np.where(member != 0, np.abs(rows), 0.0), order),
        x, axis, as_weights(None, z.shape, where),
        where=None, keepdims=keepdims, out=out, nothing=0.0,
    )  # fmt: skip


@own_kind
def p_norm_max_vjp(
    x: ArrayLike,
    v: ArrayLike,
    p: float,
    axis: Axis = -1,
    *,
    where: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""Product of a number for each row and the gradient of :func:`p_norm_max`.

    .. math:: g_i = v\, \operatorname{sign}(x_i) \left( \frac{|x_i|}{\|x\|_p} \right)^{p - 1}

    Parameters
    ----------
    x, v
        As in :func:`logsumexp_vjp`.
    p, axis, where
        As in :func:`p_norm_max`.

    Returns
    -------
    ndarray
        The gradient in `x`, of the shape and dtype of `x`. At 0, where the norm has a kink for
        `p` = 1, it is 0; for `p` = ``inf`` the largest share equally, which is the limit. Masked
        elements get 0. A row with a NaN or an infinity holds NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`logsumexp_vjp` and :func:`p_norm_max`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    for gradients in the normal range before they are multiplied by `v`.

    Notes
    -----
    The ratio keeps what its rounding leaves over, which a large power would multiply by `p`.

    Examples
    --------
    >>> import luce
    >>> luce.p_norm_max_vjp([3.0, -4.0], 1.0, 2)
    array([ 0.6, -0.8])
    """
    order = as_norm_order(p)
    z, _ = as_floats(x)
    member = as_weights(None, z.shape, where)
    return rows_by_formula(
        lambda rows, g, m: _norm_back(np.where(m != 0, rows, 0.0), g, order),
        x, axis, _kept(x, v, axis), member, where=None,
    )  # fmt: skip


def _kept(x: ArrayLike, v: ArrayLike, axis: Axis) -> NDArray[Any]:
    """Return one number for each row, with the axes of the classes at length 1."""
    z, _ = as_floats(x)
    axes = as_axes(axis, z.shape)
    kept = without(axes, z.shape, keepdims=True)
    short = without(axes, z.shape, keepdims=False)
    return as_like_one_of(as_float_array(v, "v"), (short, kept), "v").reshape(kept)


def _boltzmann(x: Doubles, temperature: float) -> Doubles:
    top, winner, gap = gaps_below_the_top(x, temperature)
    total = _total(gap, winner)
    member = x > -np.inf
    terms = times_exp(np.where(member, x, 0.0) / total, gap)
    scale = np.where(np.abs(terms).max(axis=1, keepdims=True) > _LARGE, 2.0**-200, 1.0)
    mean = sum_of_rows(terms * scale) / scale
    lowest = np.where(member, x, np.inf).min(axis=1, keepdims=True)
    mean = np.clip(mean, lowest, top)  # rounding must not lead out of the numbers' range
    result: Doubles = np.where(np.isfinite(top), mean, top)[:, 0]
    return result


def _boltzmann_back(x: Doubles, v: Doubles, temperature: float) -> Doubles:
    top, winner, gap = gaps_below_the_top(x, temperature)
    total = _total(gap, winner)
    possible = x > -np.inf
    below = np.where(possible, np.maximum(gap.high, _LOWEST), 0.0)  # (x_i - m) / T
    drop = -sum_of_rows(times_exp(below, gap)) / total  # (m - B) / T
    slope = times_exp(v * ((1.0 + (drop + below)) / total), gap)
    result: Doubles = np.where(np.isfinite(top), np.where(possible, slope, 0.0), np.nan)
    return result


def _total(gap: Pair, winner: NDArray[np.intp]) -> Doubles:
    """Return the sum of the exponentials of the gaps, the winner's 1 last."""
    power = np.exp(gap.high)
    power += power * gap.low
    np.put_along_axis(power, winner, 0.0, 1)
    return 1.0 + sum_of_rows(power)


def _norm(sizes: Doubles, order: float) -> Doubles:
    top = sizes.max(axis=1, keepdims=True)
    log_total = _log_of_powers(_ratio(sizes, top), order)
    result = top * np.exp(log_total / order)
    narrow: Doubles = np.where((top > 0) & (top < np.inf), result, top).astype(np.float64)[:, 0]
    return narrow


def _norm_back(x: Doubles, v: Doubles, order: float) -> Doubles:
    sizes = np.abs(x)
    top = sizes.max(axis=1, keepdims=True)
    ratio = _ratio(sizes, top)
    share = np.exp(-(1 - 1 / np.longdouble(order)) * _log_of_powers(ratio, order))
    slope = np.sign(x) * _power(ratio, order - 1) * share.astype(np.float64) * v
    result: Doubles = np.where(np.isfinite(top), np.where(x == 0, 0.0, slope), np.nan)
    return result


def _ratio(sizes: Doubles, top: Doubles) -> Pair:
    """Return ``sizes / top`` to twice the digits; 0 where the size is 0."""
    mantissa, exponent = np.frexp(np.where(top > 0, top, 1.0))
    scaled = np.ldexp(sizes, -exponent)
    ratio = scaled / mantissa
    product = product_of(ratio, mantissa)
    return Pair(ratio, ((scaled - product.high) - product.low) / mantissa)


def _power(ratio: Pair, exponent: float) -> Doubles:
    if exponent == np.inf:
        power: Doubles = (ratio.high == 1.0).astype(np.float64)
        return power
    lost = np.where(ratio.high > 0, exponent * (ratio.low / ratio.high), 0.0)
    power = ratio.high**exponent * np.exp(lost)
    return power


def _log_of_powers(ratio: Pair, order: float) -> NDArray[np.longdouble]:
    """Return the logarithm of the sum of the powers of each row, one of which is 1."""
    power = _power(ratio, order)
    np.put_along_axis(power, ratio.high.argmax(axis=1)[:, None], 0.0, 1)
    return np.log1p(sum_of_rows(power).astype(np.longdouble))
