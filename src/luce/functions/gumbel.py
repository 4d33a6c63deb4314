"""Drawing classes at random: the Gumbel softmax, and samples of the distribution itself."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import (
    Axis,
    as_axes,
    as_floats,
    as_generator,
    as_size,
    as_temperature,
    check_drawable,
)
from luce.functions.interchange import own_kind
from luce.functions.layout import masked
from luce.functions.rows import as_rows, from_rows, without
from luce.functions.softmax import softmax
from luce.functions.tiles import tiles

_BLOCK = 1 << 12  # a long row is summed block by block: fewer roundings one after another
_SMALLEST = 2.0**-64  # far below the steps in which small exponential variates come (about 1e-17)


@own_kind
def gumbel_softmax(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    hard: bool = False,
    where: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> NDArray[Any]:
    r"""Softmax of logits with Gumbel noise: a smooth stand-in for a class drawn at random.

    .. math:: y = \operatorname{softmax}\left(\frac{x + G}{T}\right), \qquad G_i = -\log E_i,
        \quad E_i \sim \operatorname{Exp}(1)

    Parameters
    ----------
    x, axis
        As in :func:`softmax`. The logits are not divided by the temperature before the noise.
    temperature : float
        Positive and finite. Towards 0 each row becomes the one-hot row of the class drawn.
    hard : bool
        Whether to return that one-hot row, with exactly 1 and 0.
    where : array_like of bool, optional
        As in :func:`softmax`; masked classes get 0.
    rng : numpy.random.Generator, int, or None
        Source of the noise, a seed for a new one, or None for an unpredictable one.

    Returns
    -------
    ndarray
        The shape and dtype of `x`. A row whose largest logit is not finite holds NaN; classes with
        the logit ``-inf`` get 0 and are never drawn.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if `rng` is neither a generator nor a seed.

    Notes
    -----
    Class ``i`` is the largest with probability ``softmax(x)[i]``, whatever the temperature. The
    noise is always finite, between -4 and 45: an exponential variate of exactly 0, which NumPy's
    generator returns about once in 1e16 calls, counts as 5e-20. It is
    ``-log(rng.standard_exponential())``, drawn in float64 row by row, with the classes last, also
    for classes that are masked.

    Source: Jang, Gu & Poole (2017), and Maddison, Mnih & Teh (2017), both ICLR.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    of each element, for the noisy logits, measured from the largest logit, as rounded to float64.

    Examples
    --------
    >>> import luce
    >>> luce.gumbel_softmax([2.0, 1.0, -float("inf")], rng=1).round(4)
    array([0.4386, 0.5614, 0.    ])
    >>> luce.gumbel_softmax([2.0, 1.0, -float("inf")], hard=True, rng=1)
    array([0., 1., 0.])
    """
    t = as_temperature(temperature)
    generator = as_generator(rng)
    z, dtype = as_floats(x)
    axes = as_axes(axis, z.shape)
    rows = as_rows(masked(z, where), axes)
    result = np.empty(rows.shape, z.dtype)
    with np.errstate(all="ignore"):  # NaN and infinity are values here
        for part in tiles(*rows.shape):
            noisy = _noisy(rows[part], generator)
            result[part] = _one_hot(noisy) if hard else softmax(noisy, temperature=t)
        return from_rows(result, axes, z.shape).astype(dtype, copy=False)


@own_kind
def sample_categorical(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    size: int | tuple[int, ...] | None = None,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> NDArray[np.int64]:
    r"""Draw classes with the probabilities of :func:`softmax`.

    .. math:: P(\text{class } i) = \operatorname{softmax}(x / T)_i

    Parameters
    ----------
    x, axis
        As in :func:`softmax`. With several axes, classes are counted through them in C order.
    size : int, tuple of int, or None
        Shape of the independent draws from each row; None draws once.
    temperature, where
        As in :func:`softmax`; masked classes are never drawn.
    rng : numpy.random.Generator, int, or None
        As in :func:`gumbel_softmax`.

    Returns
    -------
    ndarray of int64
        The shape of `x` without the classes, followed by `size`; a NumPy integer if nothing is
        left.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`gumbel_softmax`, and if `size` is not a shape.
    DataError
        If a row has no distribution to draw from: its largest logit is not finite.

    Notes
    -----
    By inversion: one uniform variate of 53 bits for each draw, in the order of the result, and a
    binary search in the cumulated probabilities; the cost of a row is that of a softmax and a sum,
    however many classes it has. A class whose probability is 0 is never drawn.

    Accuracy
    --------
    float32 : 4 ULP
    float64 : 4 ULP

    of float64 for each probability, whatever the dtype of `x`, apart from the roundings of the
    cumulated sum: these are at most 1e-12 together, for up to 1e7 classes.

    Examples
    --------
    >>> import luce
    >>> luce.sample_categorical([[2.0, 1.0, 0.0], [0.0, 0.0, 9.0]], size=5, rng=1)
    array([[0, 2, 0, 2, 0],
           [2, 2, 2, 2, 2]])
    >>> luce.sample_categorical([0.0, 0.0, -float("inf")], rng=3)
    np.int64(0)
    """
    t = as_temperature(temperature)
    shape = as_size(size)
    generator = as_generator(rng)
    z, _ = as_floats(x)
    axes = as_axes(axis, z.shape)
    rows = as_rows(masked(z, where), axes)
    left = without(axes, z.shape, keepdims=False)
    drawn = np.empty((len(rows), int(np.prod(shape))), np.int64)
    if drawn.size:
        with np.errstate(all="ignore"):
            check_drawable(rows, left)
            for part in tiles(*rows.shape):
                p = softmax(rows[part].astype(np.float64), temperature=t)
                drawn[part] = _inverted(_cumulated(p), generator.random((len(p), drawn.shape[1])))
    result: NDArray[np.int64] = drawn.reshape(left + shape)[()]
    return result


def _noisy(z: NDArray[Any], generator: np.random.Generator) -> NDArray[np.float64]:
    noise = np.maximum(generator.standard_exponential(z.shape), _SMALLEST)
    # Measured from the largest logit: a common offset of 1e20 must not swallow the noise.
    gap: NDArray[np.float64] = z.astype(np.float64) - z.max(axis=1, keepdims=True)
    noisy: NDArray[np.float64] = gap - np.log(noise)
    return noisy


def _one_hot(noisy: NDArray[np.float64]) -> NDArray[np.float64]:
    result = np.zeros(noisy.shape)
    np.put_along_axis(result, noisy.argmax(axis=1)[:, None], 1.0, axis=1)
    result[~np.isfinite(noisy.max(axis=1))] = np.nan
    return result


def _cumulated(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the running sums of each row: they never fall, and rise only where ``p > 0``."""
    n, k = p.shape
    if k <= _BLOCK:
        return p.cumsum(axis=1)
    blocks = -(-k // _BLOCK)
    padded = np.zeros((n, blocks * _BLOCK))
    padded[:, :k] = p
    inner = padded.reshape(n, blocks, _BLOCK).cumsum(axis=2)
    before = inner[:, :, -1].cumsum(axis=1)  # the same additions as in the next line
    inner[:, 1:] += before[:, :-1, None]
    return inner.reshape(n, -1)[:, :k]


def _inverted(cumulated: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the first class of each row whose running sum exceeds the variate's share of all."""
    rows = np.arange(len(cumulated))[:, None]
    total = cumulated[:, -1:]
    goal = np.minimum(uniform * total, np.nextafter(total, 0.0))
    low = np.zeros(uniform.shape, np.intp)
    high = np.full(uniform.shape, cumulated.shape[1] - 1)
    for _ in range(int(cumulated.shape[1] - 1).bit_length()):
        middle = (low + high) // 2
        beyond = cumulated[rows, middle] > goal
        high = np.where(beyond, middle, high)
        low = np.where(beyond, low, np.minimum(middle + 1, high))
    return low
