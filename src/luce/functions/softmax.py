"""Softmax, its logarithm, and the logarithm of its denominator."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import Axis, as_axes, as_floats, as_temperature
from luce.functions.interchange import own_kind
from luce.functions.layout import along_axes, joined, masked


@own_kind
def softmax(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
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
    out : ndarray, optional
        Receives the result; it may be `x`. Must have the result's shape and dtype.

    Returns
    -------
    ndarray
        The shape and dtype of `x`. A row whose largest logit is not finite (all ``-inf``, all
        masked, ``+inf`` or NaN among them) holds NaN; other rows are untouched by it. No classes
        give an empty result.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        If `x` does not hold real numbers or has no axis, if `axis`, `where` or `out` do not fit
        it, or if the temperature is not positive and finite.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    Notes
    -----
    Results below the normal range are kept. A row gives the same bits whatever the number of
    rows, threads, the memory layout or the axis. Nothing is allocated beyond the result for
    contiguous float32 and float64; a temperature other than 1 costs about three times the time.

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
    if axis == -1 and temperature == 1.0 and where is None and type(x) is np.ndarray:
        result = np.empty_like(x) if out is None else out
        if kernels.softmax_at_once(x, result):
            return result
    t = as_temperature(temperature)
    return along_axes(lambda z, p, a: kernels.softmax(z, p, a, t), x, axis, where, out)


@own_kind
def log_softmax(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    r"""Logarithm of the softmax, accurate also where one class wins clearly.

    .. math:: \ell_i = x_i / T - \log \sum_j e^{x_j / T}

    Parameters
    ----------
    x, axis, temperature, where, out
        As in :func:`softmax`; masked classes get ``-inf``.

    Returns
    -------
    ndarray
        The shape and dtype of `x`, in [-inf, 0]. A row whose largest logit is not finite holds
        NaN. No classes give an empty result.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
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
    t = as_temperature(temperature)
    return along_axes(lambda z, p, a: kernels.log_softmax(z, p, a, t), x, axis, where, out)


@own_kind
def logsumexp(
    x: ArrayLike, axis: Axis = -1, *, where: ArrayLike | None = None, keepdims: bool = False
) -> NDArray[Any]:
    r"""Logarithm of the sum of exponentials.

    .. math:: \mathrm{lse}(x) = \log \sum_j e^{x_j}

    Parameters
    ----------
    x : array_like
        Numbers of any shape; dtypes as in :func:`softmax`.
    axis : int, tuple of int, or None
        The axis or axes to sum over.
    where : array_like of bool, optional
        Broadcasts to `x`; elements where it is False do not take part, whatever they hold.
    keepdims : bool
        Whether the axes summed over stay, with length 1.

    Returns
    -------
    ndarray
        The shape of `x` without the axes summed over; a NumPy scalar if none is left. The sum of
        nothing is ``-inf``; ``+inf`` gives ``+inf`` and NaN gives NaN.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 1 ULP

    Notes
    -----
    The bound holds where the result is no smaller than a thousandth of the largest input; at its
    zero (such as two logits of ``-log 2``) the absolute error stays at that level. One pass.

    Examples
    --------
    >>> import luce
    >>> luce.logsumexp([0.0, 0.0]).round(4)
    np.float64(0.6931)
    """
    z, dtype = as_floats(x)
    axes = as_axes(axis, z.shape)
    ready, place = joined(masked(z, where), axes)
    lengths = list(ready.shape)
    lengths[place] = 1
    result = np.full(lengths, -np.inf, ready.dtype)
    if ready.size:
        kernels.logsumexp(ready, result, place)
    kept = tuple(1 if i in axes else length for i, length in enumerate(z.shape))
    with np.errstate(over="ignore", under="ignore"):  # one rounding from float32 to float16
        total = result.astype(dtype, copy=False).reshape(kept)
    return total if keepdims else total.squeeze(axes)[()]
