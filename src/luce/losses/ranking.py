"""Label ranking: relevant classes should rank above the others, whatever their number."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import FloatArray, as_flags
from luce.functions import log_sigmoid, sigmoid
from luce.functions.interchange import own_kind
from luce.functions.rows import as_rows
from luce.kernels.pairs import sum_of
from luce.losses.reduction import LossGrad, Reduction
from luce.losses.row_losses import over_parts
from luce.losses.rows import Rows, totals

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]

_PAIRS = 1 << 16  # pairs worked on at a time


@own_kind
def label_ranking(
    logits: ArrayLike,
    relevant: ArrayLike,
    *,
    axis: int = -1,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""Mean over pairs of how surprising it is that a relevant class ranks above another one.

    With the relevant classes :math:`P` of a row and the others :math:`N`

    .. math::
        L = \frac{1}{|P|\,|N|} \sum_{i \in P} \sum_{j \in N} \log\left(1 + e^{z_j - z_i}\right)

    Parameters
    ----------
    logits : array_like, shape (..., k)
        ``k`` classes along `axis`. Dtypes as for :func:`cross_entropy`.
    relevant : array_like of bool, shape of the logits
        Which classes are relevant in each row: any number of them. 0 and 1 will do.
    axis : int
        The axis of the classes.
    reduction : {"mean", "sum", "none"}
        "mean" divides by the number of rows that have a pair.
    normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    numpy.float64 or ndarray of float64
        As :func:`cross_entropy`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`; LabelError if a flag is neither 0 nor 1.

    Notes
    -----
    A row without a relevant class, or with no other one, has no pair: loss and gradient 0, and it
    does not count in the mean. Edge values: an irrelevant class of ``-inf`` costs nothing, a
    relevant one of ``-inf`` costs ``inf``, if a possible class is irrelevant; ``inf`` counts
    likewise; a pair of ``inf`` and ``inf`` gives NaN, and so does NaN.

    Time grows with the number of pairs, for no sum over fewer terms has the same digits: some 20 ns
    a pair and thread, three times that with the gradient; 35,000 relevant classes of 70,000 are a
    thousand million pairs. Workspace does not grow: pairs are taken 65,536 at a time (or as many as
    a row has others).

    Source: the pair's loss is that of Burges et al. (2005), Learning to rank using gradient
    descent (RankNet), ICML.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    of the loss of a row, in units of the logits' dtype; twice that for a sum or mean.

    Examples
    --------
    >>> from luce.losses import label_ranking
    >>> print(label_ranking([2.0, -1.0, 0.5, 0.0], [True, False, True, False]).round(4))
    0.2128
    """
    how = Reduction.checked(reduction, normalizer, empty)
    return _label_ranking(Rows.of(logits, axis), relevant, how, None)


@own_kind
def label_ranking_grad(
    logits: ArrayLike,
    relevant: ArrayLike,
    *,
    axis: int = -1,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Label ranking loss, and its gradient in the logits.

    That of a relevant class is minus the mean over the pairs of
    :math:`\sigma(z_j - z_i)`, that of another class plus it.

    Parameters
    ----------
    logits, relevant, axis, reduction, normalizer, empty
        As in :func:`label_ranking`.

    Returns
    -------
    LossGrad
        As :func:`cross_entropy_grad`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`label_ranking`.

    Notes
    -----
    Each row of the gradient sums to 0. Every pair is visited twice, once for each of its classes.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP
    gradient, float32 : 4 ULP
    gradient, float64 : 4 ULP

    The loss as in :func:`label_ranking`, the gradient of each element.

    Examples
    --------
    >>> from luce.losses import label_ranking_grad
    >>> print(label_ranking_grad([2.0, -1.0, 0.5], [True, False, True]).grad.round(4))
    [-0.0237  0.1149 -0.0912]
    """
    how = Reduction.checked(reduction, normalizer, empty)
    rows = Rows.of(logits, axis)
    grad = rows.gradient()
    return LossGrad(_label_ranking(rows, relevant, how, grad), rows.shaped(grad))


def _label_ranking(rows: Rows, relevant: ArrayLike, how: Reduction, grad: FloatArray | None) -> Any:
    """Return the loss, and write its gradient to `grad` if there is one."""
    n, k = rows.z.shape
    flags = as_rows(as_flags(relevant, rows.shape, "relevant"), (rows.axis,))  # (n, k)
    ranked = flags.sum(axis=1)  # (n,)
    pairs = ranked * (k - ranked).astype(np.float64)  # (n,)
    divisor = how.divisor(float(np.count_nonzero(pairs)), n)
    loss = np.zeros(n)  # (n,)
    for part in rows.tiles():
        with np.errstate(all="ignore"):
            z, up = rows.z[part].astype(np.float64), flags[part]  # (t, k)
            scale = np.where(pairs[part] > 0, 1.0 / divisor / pairs[part], 0.0)  # (t,)
            loss[part] = scale * totals(_over_pairs(_surprise, z, up, ~up))
            if grad is not None:
                down = _over_pairs(_misranked, z, up, ~up)
                lift = _over_pairs(lambda other, fit: _misranked(fit, other), z, ~up, up)
                grad[part] = scale[:, None] * (lift - down)
    return how.reduced(loss.reshape(rows.leading), divisor)


def _over_pairs(
    f: Callable[[Doubles, Doubles], Doubles], z: Doubles, first: Flags, second: Flags
) -> Doubles:
    """Return ``sum_j f(z_i, z_j)`` over the `second` classes j of the row, 0 where not `first`."""
    total = np.zeros_like(z)  # (t, k)
    counts = second.sum(axis=1)  # (t,)
    starts = np.cumsum(counts) - counts
    partners = z[second]  # row after row
    row, column = np.nonzero(first & (counts > 0)[:, None])

    @np.errstate(all="ignore")
    def work(part: slice) -> None:
        i, sizes = (row[part], column[part]), counts[row[part]]
        begin = np.cumsum(sizes) - sizes
        if i[0][0] == i[0][-1]:  # all of one row: its partners stand side by side
            start, size = starts[i[0][0]], sizes[0]
            values = f(z[i][:, None], partners[None, start : start + size]).reshape(-1)
        else:
            place = np.arange(sizes.sum()) + np.repeat(starts[i[0]] - begin, sizes)
            values = f(np.repeat(z[i], sizes), partners[place])
        total[i] = np.add.reduceat(values, begin)

    parts = list(_of_limited_size(counts[row]))
    over_parts(work, parts, len(parts))
    return total


def _of_limited_size(sizes: NDArray[np.intp]) -> Iterator[slice]:
    """Yield slices whose sizes add up to at most `_PAIRS`, of at least one element each."""
    ends, start = np.cumsum(sizes), 0
    while start < len(sizes):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _PAIRS, side="right")))
        yield slice(start, stop)
        start = stop


def _surprise(fit: Doubles, other: Doubles) -> Doubles:
    """Return ``log(1 + exp(other - fit))``."""
    x, low = _lead(fit, other)
    loss: Doubles = -log_sigmoid(-x)
    return loss if low is None else low * sigmoid(x) + loss


def _misranked(fit: Doubles, other: Doubles) -> Doubles:
    """Return ``1 / (1 + exp(fit - other))``, the derivative of `_surprise`."""
    x, low = _lead(fit, other)
    p: Doubles = sigmoid(x)
    return p if low is None else p + low * p * sigmoid(-x)


def _lead(fit: Doubles, other: Doubles) -> tuple[Doubles, Doubles | None]:
    """Return ``other - fit`` and its rounding error; ``-inf`` for an impossible other class.

    The error is None if there is none, as is usual for logits that were float32.
    """
    plain = other - fit
    if (plain + fit == other).all() and (other - plain == fit).all():
        return plain, None
    x, low = sum_of(other, -fit)
    return np.where(other == -np.inf, other, x), low
