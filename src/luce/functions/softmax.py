"""Softmax, its logarithm, and the logarithm of its denominator."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import (
    Axis,
    as_axes,
    as_choice,
    as_floats,
    as_temperature,
    as_weights,
    check_out,
    check_possible,
)
from luce.functions.exponential_sums import log_mean, log_weighted_sum
from luce.functions.interchange import own_kind
from luce.functions.layout import along_axes, delivered, joined, masked, over_rows
from luce.functions.rows import without

_EMPTY = ("nan", "zero", "raise")
_INFINITY = ("nan", "limit")


@own_kind(quick=kernels.softmax_quick)
def softmax(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    empty: str = "nan",
    infinity: str = "nan",
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    r"""Probabilities from logits, to the last few bits, for every input.

    .. math:: p_i = \frac{e^{x_i / T}}{\sum_j e^{x_j / T}}

    Parameters
    ----------
    x : array_like
        Logits of any shape and memory layout, classes along `axis`; ``-inf`` = impossible class.
        float32 and float64 are kept, float16 is computed in float32 and rounded once, integers
        become float64 before any subtraction.
    axis : int, tuple of int, or None
        The axis of the classes; several together hold one distribution, None takes all of them.
    temperature : float
        Positive and finite. Below 1 sharpens the distribution, above 1 flattens it.
    where : array_like of bool, optional
        Broadcasts to `x`. Classes where it is False do not take part, whatever they hold (NaN
        too): they get probability 0.
    empty : {"nan", "zero", "raise"}
        What a row without a possible class (all ``-inf`` or all masked) gives: NaN, probabilities
        of 0, or an error that names the row.
    infinity : {"nan", "limit"}
        What a row with ``+inf`` gives: NaN, or the limit of ever larger logits: the classes at
        ``+inf`` share the whole probability equally.
    out : ndarray, optional
        Receives the result; it may be `x`. Must have the result's shape and dtype.

    Returns
    -------
    ndarray
        The shape and dtype of `x`. A row with NaN holds NaN, whatever the options; other rows are
        untouched by it. No classes give an empty result.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        If `x` does not hold real numbers or has no axis, if `axis`, `where` or `out` do not fit
        it, or if the temperature is not positive and finite.
    DataError
        If a row has no possible class and `empty` is "raise"; `out` is then untouched.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP
    short, float32 : 0.51 ULP
    short, float64 : 4 ULP

    "short" are rows of up to 4096 classes: for float32 they are all but correctly rounded.

    Notes
    -----
    Results below the normal range are kept. A row gives the same bits whatever the number of
    rows, threads, the memory layout or the axis. Nothing is allocated beyond the result for
    contiguous float32 and float64; a temperature other than 1 costs up to half more time.

    Source: Blanchard, Higham & Higham (2021), IMA J. Numer. Anal. 41(4), with the rounding of
    the shift removed; see docs/kernels.md.

    Examples
    --------
    >>> import luce
    >>> luce.softmax([3.0, 1.0, 2.0, 4.0]).round(4)
    array([0.2369, 0.0321, 0.0871, 0.6439])
    >>> luce.softmax([3.0, 1.0, 2.0, 4.0], where=[True, True, False, False]).round(4)
    array([0.8808, 0.1192, 0.    , 0.    ])
    """
    plain = type(empty) is type(infinity) is str and empty == infinity == "nan"
    t = as_temperature(temperature)
    limits = None if plain else _Limits.found(x, axis, where, empty, infinity)
    p = along_axes(lambda z, p, a: kernels.softmax(z, p, a, t), x, axis, where, out)
    return p if limits is None else limits.put(p, 0.0, lambda count: 1.0 / count)


@own_kind(quick=kernels.log_softmax_quick)
def log_softmax(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    empty: str = "nan",
    infinity: str = "nan",
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    r"""Logarithm of the softmax, accurate also where one class wins clearly.

    .. math:: \ell_i = x_i / T - \log \sum_j e^{x_j / T}

    Parameters
    ----------
    x, axis, temperature, where, empty, infinity, out
        As in :func:`softmax`; the logarithm of a probability of 0 is ``-inf``.

    Returns
    -------
    ndarray
        The shape and dtype of `x`, in [-inf, 0]. A row with NaN holds NaN. No classes give an
        empty result.

    Raises
    ------
    DtypeError, ShapeError, ParameterError, DataError
        As :func:`softmax`.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    Notes
    -----
    The winner is left out of the sum, which ``log1p`` then completes: the logarithm of a
    probability of 1 - 1e-18 is -1e-18, not 0. Costs two passes, like :func:`softmax`.

    Examples
    --------
    >>> import luce
    >>> luce.log_softmax([0.0, -40.0])
    array([-4.24835426e-18, -4.00000000e+01])
    """
    plain = type(empty) is type(infinity) is str and empty == infinity == "nan"
    t = as_temperature(temperature)
    limits = None if plain else _Limits.found(x, axis, where, empty, infinity)
    log_p = along_axes(lambda z, p, a: kernels.log_softmax(z, p, a, t), x, axis, where, out)
    return log_p if limits is None else limits.put(log_p, -np.inf, lambda count: 0 - np.log(count))


@own_kind(quick=kernels.logsumexp_quick)
def logsumexp(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    b: ArrayLike | None = None,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    keepdims: bool = False,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    r"""Logarithm of the sum of exponentials, with weights if need be.

    .. math:: \mathrm{lse}(x) = T \log \sum_j b_j e^{x_j / T}

    Parameters
    ----------
    x : array_like
        Numbers of any shape; dtypes as in :func:`softmax`.
    axis : int, tuple of int, or None
        The axis or axes to sum over.
    b : array_like, optional
        Weights of any real dtype, negative ones too; broadcasts to `x`. An element of weight 0
        does not take part, even if it is infinite. None weighs all by 1.
    temperature : float
        Positive and finite. The smaller, the closer the result to the largest element.
    where : array_like of bool, optional
        Broadcasts to `x`; elements where it is False do not take part, whatever they and their
        weights hold.
    keepdims : bool
        Whether the axes summed over stay, with length 1.
    out : ndarray, optional
        Receives the result. Must have its shape and dtype.

    Returns
    -------
    ndarray
        The shape of `x` without the axes summed over; a NumPy scalar if none is left. The sum of
        nothing is ``-inf``; ``+inf`` gives ``+inf`` and NaN gives NaN. A negative sum, which
        has no real logarithm, gives NaN, as in SciPy.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if `b` does not fit `x`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 1 ULP
    weighted, float32 : 1 ULP
    weighted, float64 : 2 ULP

    Without `b` and at temperature 1 they are those of the result; where the largest logit
    is negative, it and the logarithm cancel, and the unit is that of the larger of the result and
    twice that logit, in size. So next to a zero of the result (such as two logits of ``-log 2``)
    the absolute error stays what it is elsewhere. Otherwise ("weighted") the unit is that of the
    largest of the result, every :math:`|x_j|` and every :math:`T\,|\log |b_j||` that takes part;
    weights of both signs may cancel in the sum, and its relative error enters besides.

    Notes
    -----
    One pass without `b`. Weights that no product ``b * exp(x)`` could hold
    do no harm: 1e-300 at a logit of 1000 counts as it should.

    Examples
    --------
    >>> import luce
    >>> luce.logsumexp([0.0, 0.0]).round(4)
    np.float64(0.6931)
    >>> luce.logsumexp([1000.0, 0.0], b=[1e-300, 1e300]).round(4)
    np.float64(690.7755)
    """
    t = as_temperature(temperature)
    z, dtype = as_floats(x)
    if b is not None:
        return over_rows(
            lambda rows, weights: log_weighted_sum(rows, weights, t),
            x, axis, as_weights(b, z.shape, where), where=where, keepdims=keepdims, out=out,
        )  # fmt: skip
    axes = as_axes(axis, z.shape)
    shape = without(axes, z.shape, keepdims=keepdims)
    if out is not None:
        check_out(out, shape, dtype)
    ready, place = joined(masked(z, where), axes)
    lengths = list(ready.shape)
    lengths[place] = 1
    result = np.full(lengths, -np.inf, ready.dtype)
    if ready.size:
        kernels.logsumexp(ready, result, place, t)
    return delivered(result.reshape(shape), dtype, keepdims=keepdims, out=out)


@own_kind
def logmeanexp(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    keepdims: bool = False,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    r"""Logarithm of the mean of exponentials, between the mean and the largest of the numbers.

    .. math:: \mathrm{lme}(x) = T \log \frac{1}{k} \sum_j e^{x_j / T}

    Parameters
    ----------
    x, axis, temperature, where, keepdims, out
        As in :func:`logsumexp`; ``k`` is the number of elements that take part.

    Returns
    -------
    ndarray
        The shape of `x` without the axes averaged over; a NumPy scalar if none is left. The mean
        of nothing is NaN; otherwise infinities and NaN give what they give in :func:`logsumexp`.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 2 ULP

    in units of the larger of the result and the largest :math:`|x_j|`.

    Notes
    -----
    Equal numbers give just that number: the mean is taken of ``expm1`` where no class wins clearly,
    and ``log k`` is not subtracted. For low temperatures the result tends to the maximum, for high
    ones to the mean; see :func:`boltzmann_max` for a comparison.

    Examples
    --------
    >>> import luce
    >>> luce.logmeanexp([0.25, 0.25, 0.25])
    np.float64(0.25)
    >>> luce.logmeanexp([0.0, 3.0], temperature=100.0).round(4)
    np.float64(1.5112)
    """
    t = as_temperature(temperature)
    z, _ = as_floats(x)
    member = as_weights(None, z.shape, where)
    return over_rows(
        lambda rows, of: log_mean(rows, of != 0, t),
        x, axis, member, where=where, keepdims=keepdims, out=out, nothing=np.nan,
    )  # fmt: skip


class _Limits(NamedTuple):
    """Rows that no kernel decides, found before `out` is written, which may be the logits."""

    none: NDArray[np.bool_] | None  # rows without a possible class, if they are to hold 0
    axes: tuple[int, ...]
    endless: NDArray[np.bool_] | None  # classes at +inf in rows without NaN

    @classmethod
    def found(
        cls, x: ArrayLike, axis: Axis, where: ArrayLike | None, empty: str, infinity: str
    ) -> "_Limits":
        as_choice(empty, _EMPTY, "empty")
        as_choice(infinity, _INFINITY, "infinity")
        z, _ = as_floats(x)
        axes = as_axes(axis, z.shape)
        z = masked(z, where)
        top = z.max(axis=axes, keepdims=True, initial=-np.inf)
        if empty == "raise":
            check_possible((top > -np.inf) | np.isnan(top), axes)
        return cls(
            none=(top == -np.inf) if empty == "zero" else None,
            axes=axes,
            endless=(z == np.inf) & (top == np.inf) if infinity == "limit" else None,
        )

    def put(
        self, result: NDArray[Any], nothing: float, share: Callable[[Any], Any]
    ) -> NDArray[Any]:
        """Write the limits into the rows at fault; `share` is of the number of classes at +inf."""
        if self.none is not None:
            np.copyto(result, nothing, where=self.none)
        if self.endless is not None and self.endless.any():
            count = self.endless.sum(axis=self.axes, keepdims=True)
            limit = np.where(self.endless, share(np.maximum(count, 1)), nothing)
            np.copyto(result, limit, where=count > 0, casting="unsafe")
        return result
