"""Contrastive losses: which of many candidates fits, and which pairs are alike."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import FloatArray, as_distances, as_finite, as_flags, as_similarities
from luce.functions.interchange import own_kind
from luce.losses.cross_entropy import cross_entropy, cross_entropy_grad
from luce.losses.reduction import LossGrad, Reduction

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]


@own_kind
def info_nce(
    similarities: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    temperature: float = 0.07,
    symmetric: bool = False,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""How surprising it is which of many candidates fits each query.

    With the similarities :math:`s_{ij}` of query i and candidate j, of which :math:`y_i` fits

    .. math:: L_i = -\log \frac{e^{s_{i y_i} / T}}{\sum_j e^{s_{ij} / T}}

    Parameters
    ----------
    similarities : array_like, shape (n, m)
        Similarity of each of ``n`` queries with each of ``m`` candidates; ``-inf`` takes a
        candidate out. Dtypes as for :func:`cross_entropy`.
    labels : array_like of integers, shape (n,), optional
        Which candidate fits each query. None: the first fits the first, the second the second, and
        so on along the diagonal.
    temperature : float
        ``T``, positive and finite.
    symmetric : bool
        Whether candidates look for their query as well, as in CLIP: the loss is the mean of that
        of the table and that of its transpose. For square tables and the diagonal only.
    ignore_index, reduction, normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    numpy.float64 or ndarray of float64, shape (n,)
        As :func:`cross_entropy`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`; ShapeError if the diagonal is asked for and too short.

    Notes
    -----
    It is :func:`cross_entropy` of the similarities at that temperature, with its edge values.

    Source: van den Oord, Li & Vinyals (2018), Representation learning with contrastive predictive
    coding, section 2.3; symmetric: Radford et al. (2021), Learning transferable visual models from
    natural language supervision, section 2.3.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    as for :func:`cross_entropy`, at any temperature.

    Examples
    --------
    >>> from luce.losses import info_nce
    >>> print(info_nce([[0.9, 0.2], [0.1, 0.7]], temperature=0.5).round(4))
    0.2418
    >>> print(info_nce([[0.9, 0.2], [0.1, 0.7]], temperature=0.5, symmetric=True).round(4))
    0.2452
    """
    table = as_similarities(similarities, labels is not None, symmetric)  # (n, m)
    y = np.arange(len(table)) if labels is None else labels
    options: dict[str, Any] = {
        "temperature": temperature,
        "ignore_index": ignore_index,
        "reduction": reduction,
        "normalizer": normalizer,
        "empty": empty,
    }
    loss = cross_entropy(table, y, **options)
    return 0.5 * (loss + cross_entropy(table, y, axis=0, **options)) if symmetric else loss


@own_kind
def info_nce_grad(
    similarities: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    temperature: float = 0.07,
    symmetric: bool = False,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""InfoNCE loss, and its gradient in the similarities.

    Parameters
    ----------
    similarities, labels, temperature, symmetric, ignore_index, reduction, normalizer, empty
        As in :func:`info_nce`.

    Returns
    -------
    LossGrad
        As :func:`cross_entropy_grad`; the gradient is that in the similarities.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`info_nce`.

    Notes
    -----
    For reduction "none" the gradient is that of the sum of the losses: a symmetric loss depends on
    the whole table.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP
    gradient, float32 : 4 ULP
    gradient, float64 : 4 ULP

    as for :func:`cross_entropy_grad`, at any temperature: nothing cancels.

    Examples
    --------
    >>> from luce.losses import info_nce_grad
    >>> print(info_nce_grad([[0.9, 0.2], [0.1, 0.7]], temperature=0.5).grad.round(4))
    [[-0.1978  0.1978]
     [ 0.2315 -0.2315]]
    """
    table = as_similarities(similarities, labels is not None, symmetric)  # (n, m)
    y = np.arange(len(table)) if labels is None else labels
    options: dict[str, Any] = {
        "temperature": temperature,
        "ignore_index": ignore_index,
        "reduction": reduction,
        "normalizer": normalizer,
        "empty": empty,
    }
    rows = cross_entropy_grad(table, y, **options)
    if not symmetric:
        return rows
    columns = cross_entropy_grad(table, y, axis=0, **options)
    half = rows.grad.dtype.type(0.5)
    return LossGrad(0.5 * (rows.loss + columns.loss), half * (rows.grad + columns.grad))


@own_kind
def contrastive(
    distances: ArrayLike,
    same: ArrayLike,
    *,
    margin: float = 1.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""Contrastive loss of distances: pairs that are the same attract, the others repel.

    With the distance :math:`d` of a pair and the margin :math:`m`

    .. math::
        L = \begin{cases}
            \tfrac12 d^2 & \text{if the two are the same} \\
            \tfrac12 \max(0, m - d)^2 & \text{else}
        \end{cases}

    Parameters
    ----------
    distances : array_like, shape (...)
        A distance of 0 or more for each pair. Dtypes as for :func:`cross_entropy`.
    same : array_like of bool, shape of the distances
        Whether the two of a pair are the same. 0 and 1 will do.
    margin : float
        The distance from which on two different ones are far enough apart; 0 or more.
    reduction : {"mean", "sum", "none"}
        "none" returns the loss of each pair, "mean" divides by the number of pairs.
    normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    numpy.float64 or ndarray of float64
        The loss: a scalar, or for reduction "none" one number for each pair.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`; LabelError if a flag is neither 0 nor 1, DataError if a distance
        is negative.

    Notes
    -----
    Some libraries leave out the factor one half. Edge values: a distance of ``inf`` costs ``inf``
    for the same and 0 for others; NaN gives NaN.

    Source: Hadsell, Chopra & LeCun (2006), Dimensionality reduction by learning an invariant
    mapping, CVPR, equation 4.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    of the loss of a pair, in units of the distances' dtype; twice that for a sum or mean.

    Examples
    --------
    >>> from luce.losses import contrastive
    >>> print(contrastive([0.5, 0.5, 2.0], [True, False, False], reduction="none"))
    [0.125 0.125 0.   ]
    """
    how = Reduction.checked(reduction, normalizer, empty)
    m = as_finite(margin, "margin", 0.0)
    d, _ = as_distances(distances)
    return _contrastive(d, as_flags(same, d.shape, "same"), m, how)[0]


@own_kind
def contrastive_grad(
    distances: ArrayLike,
    same: ArrayLike,
    *,
    margin: float = 1.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Contrastive loss, and its gradient in the distances.

    It is :math:`d` for the same and :math:`-\max(0, m - d)` for others.

    Parameters
    ----------
    distances, same, margin, reduction, normalizer, empty
        As in :func:`contrastive`.

    Returns
    -------
    LossGrad
        As :func:`cross_entropy_grad`; the gradient has the shape and dtype of the distances.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`contrastive`.

    Notes
    -----
    Edge values as in :func:`contrastive`.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP
    gradient, float32 : 2 ULP
    gradient, float64 : 2 ULP

    The loss as in :func:`contrastive`, the gradient of each element.

    Examples
    --------
    >>> from luce.losses import contrastive_grad
    >>> grad = contrastive_grad([0.5, 0.5, 2.0], [True, False, False], reduction="sum").grad
    >>> print(grad)
    [ 0.5 -0.5  0. ]
    """
    how = Reduction.checked(reduction, normalizer, empty)
    m = as_finite(margin, "margin", 0.0)
    d, dtype = as_distances(distances)
    loss, grad = _contrastive(d, as_flags(same, d.shape, "same"), m, how)
    with np.errstate(over="ignore", under="ignore"):  # one rounding, from float64
        return LossGrad(loss, np.ascontiguousarray(grad, dtype).reshape(d.shape))


def _contrastive(d: FloatArray, same: Flags, m: float, how: Reduction) -> tuple[Any, Doubles]:
    """Return the reduced loss and its gradient in float64."""
    divisor = how.divisor(d.size, d.size)
    with np.errstate(all="ignore"):
        pull = d.astype(np.float64)
        force = np.where(same, pull, -np.maximum(m - pull, 0.0))  # (...)
        losses = 0.5 / divisor * (force * force)
        return how.reduced(losses, divisor), force / divisor + 0.0
