"""The limit of the softmax at temperature 0, and labels written as distributions."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from luce._checks import (
    Axis,
    as_array,
    as_axis_of_result,
    as_choice,
    as_count,
    as_ignore_index,
    as_labels,
    as_number_dtype,
)
from luce.functions.interchange import own_kind
from luce.functions.layout import rows_by_formula
from luce.kernels.pairs import Doubles

_MOST = 2**53  # classes that one could not count in float64


@own_kind
def hardmax(
    x: ArrayLike, axis: Axis = -1, *, where: ArrayLike | None = None, ties: str = "first"
) -> NDArray[Any]:
    r"""All probability on the largest logit: the softmax at temperature 0.

    .. math:: p = \lim_{T \to 0} \operatorname{softmax}(x / T)

    Parameters
    ----------
    x, axis, where
        As in :func:`softmax`.
    ties : {"first", "share"}
        Whether the first of several largest logits gets all, as `argmax` decides, or they share
        equally, which is the limit.

    Returns
    -------
    ndarray
        The shape and dtype of `x`. A row with NaN, or without a possible class, holds NaN; logits
        of ``+inf`` are the largest. No classes give an empty result.

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
    Shares are rounded once; 0 and 1 are exact.

    Examples
    --------
    >>> import luce
    >>> luce.hardmax([3.0, 7.0, 7.0])
    array([0., 1., 0.])
    >>> luce.hardmax([3.0, 7.0, 7.0], ties="share")
    array([0. , 0.5, 0.5])
    """
    share = as_choice(ties, ("first", "share"), "ties") == "share"
    return rows_by_formula(lambda rows: _hardmax(rows, share=share), x, axis, where=where)


@own_kind
def one_hot(
    labels: ArrayLike,
    classes: int,
    *,
    axis: int = -1,
    dtype: DTypeLike = np.float64,
    ignore_index: int | None = None,
) -> NDArray[Any]:
    r"""Labels as distributions: 1 for the label's class, 0 for the others.

    .. math:: q_{ij} = [\, j = y_i \,]

    Parameters
    ----------
    labels : array_like
        Labels in ``0..classes-1`` of any shape and integer dtype (floats that are whole numbers,
        too).
    classes : int
        The number of classes, at least 1.
    axis : int
        Where the axis of the classes goes in the result.
    dtype : dtype
        Dtype of the result: a floating-point or integer one, or bool.
    ignore_index : int, optional
        Elements with this label give zeros alone.

    Returns
    -------
    ndarray
        The shape of `labels` with an axis of length `classes` inserted.

    Raises
    ------
    DtypeError, LabelError, ParameterError, ShapeError
        If labels are not whole numbers, or one is out of range; if there is no class, or the dtype
        cannot count; if there is no such axis.

    Accuracy
    --------
    float32 : 0 ULP
    float64 : 0 ULP

    Notes
    -----
    The losses of :mod:`luce.losses` take labels as they are, and need no such array.

    Examples
    --------
    >>> import luce
    >>> luce.one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    >>> luce.one_hot([2, -100], 3, dtype=bool, ignore_index=-100)
    array([[False, False,  True],
           [False, False, False]])
    """
    k = as_count(classes, _MOST, "classes")
    kind = as_number_dtype(dtype)
    given = as_array(labels, "labels")
    y = as_labels(given, given.shape, k, as_ignore_index(ignore_index))
    place = as_axis_of_result(axis, y.ndim + 1)
    result = np.zeros((*y.shape[:place], k, *y.shape[place:]), kind)
    y = np.expand_dims(y, place)
    np.put_along_axis(result, np.maximum(y, 0), y >= 0, place)
    return result


def _hardmax(x: Doubles, *, share: bool) -> Doubles:
    top = x.max(axis=1, keepdims=True)  # NaN where there is one
    if share:
        best = x == top
        result = best / np.maximum(best.sum(axis=1, keepdims=True), 1)
    else:
        result = np.zeros_like(x)
        np.put_along_axis(result, x.argmax(axis=1)[:, None], 1.0, 1)
    narrow: Doubles = np.where(top > -np.inf, result, np.nan)
    return narrow
