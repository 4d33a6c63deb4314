"""The likeliest classes and their probabilities."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import as_axes, as_count, as_floats, as_one_axis
from luce.functions.interchange import own_kind
from luce.functions.layout import masked
from luce.functions.rows import as_rows, from_rows
from luce.functions.softmax import softmax


class TopK(NamedTuple):
    """The likeliest classes of each row, the likeliest first."""

    probabilities: NDArray[Any]
    """Their probabilities, in the dtype of the logits."""
    indices: NDArray[np.int64]
    """Where they stand along the axis of the classes."""


@own_kind
def softmax_top_k(
    x: ArrayLike,
    k: int,
    axis: int = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    renormalize: bool = False,
) -> TopK:
    r"""Probabilities of the ``k`` likeliest classes, and which ones they are.

    .. math:: p_{(1)} \ge p_{(2)} \ge \dots \ge p_{(k)}, \qquad p = \operatorname{softmax}(x / T)

    Parameters
    ----------
    x : array_like
        As in :func:`softmax`.
    k : int
        How many classes, from 1 to their number.
    axis : int
        The axis of the classes.
    temperature, where
        As in :func:`softmax`.
    renormalize : bool
        Whether the ``k`` probabilities are scaled to sum to 1: the softmax of these logits alone,
        as mixtures of experts route by.

    Returns
    -------
    TopK
        A named tuple: ``probabilities``, of the dtype of `x`, and ``indices``, of int64. Both have
        the shape of `x` with length ``k`` along `axis`, the largest first and equal logits in the
        order of their indices. Where fewer than ``k`` classes are possible, impossible ones follow
        with probability 0. A row whose largest logit is not finite has probabilities of NaN; the
        indices are those of its largest elements, NaN being the smallest.

    Raises
    ------
    DtypeError, ShapeError, ParameterError
        As :func:`softmax`, and if there are not ``k`` classes.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    Notes
    -----
    Classes are ordered by their logits: also those whose probabilities round to the same number,
    or to 0. Costs a softmax and a partial sort.

    Examples
    --------
    >>> import luce
    >>> p, i = luce.softmax_top_k([3.0, 1.0, 2.0, 4.0], 2)
    >>> print(p.round(4), i)
    [0.6439 0.2369] [3 0]
    >>> luce.softmax_top_k([3.0, 1.0, 2.0, 4.0], 2, renormalize=True).probabilities.round(4)
    array([0.7311, 0.2689])
    """
    z, dtype = as_floats(x)
    axes = as_axes(as_one_axis(axis), z.shape)
    classes = z.shape[axes[0]]
    count = as_count(k, classes, "k")
    rows = as_rows(masked(z, where), axes)  # (n, classes)
    chosen = _largest(rows, count)  # (n, k)
    if renormalize:
        p = softmax(np.take_along_axis(rows, chosen, 1), temperature=temperature)
        p[~_has_softmax(rows)] = np.nan
    else:
        p = np.take_along_axis(softmax(rows, temperature=temperature), chosen, 1)
    shape = tuple(count if i in axes else length for i, length in enumerate(z.shape))
    with np.errstate(over="ignore", under="ignore"):
        narrow = p.astype(dtype, copy=False)
    return TopK(from_rows(narrow, axes, shape), from_rows(chosen, axes, shape))


def _largest(rows: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Return where the largest numbers of each row stand, equal ones from left to right."""
    rising = np.where(np.isnan(rows), np.inf, -rows)  # NaN comes last, with the impossible ones
    classes = rows.shape[1]
    if count == classes:
        return np.argsort(rising, axis=1, kind="stable").astype(np.int64)
    last = np.partition(rising, count - 1, axis=1)[:, count - 1 : count]
    inside, ties = rising < last, rising == last
    missing = count - inside.sum(axis=1, keepdims=True)
    inside |= ties & (ties.cumsum(axis=1) <= missing)
    found = np.nonzero(inside)[1].reshape(len(rows), count)  # from left to right
    order = np.argsort(np.take_along_axis(rising, found, 1), axis=1, kind="stable")
    return np.take_along_axis(found, order, 1).astype(np.int64)


def _has_softmax(rows: NDArray[Any]) -> NDArray[np.bool_]:
    finite: NDArray[np.bool_] = np.isfinite(rows.max(axis=1))
    return finite
