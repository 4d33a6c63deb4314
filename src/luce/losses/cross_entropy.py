"""Cross-entropy of logits with labels or with distributions, and its gradient."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import (
    FloatArray,
    as_array,
    as_choice,
    as_class_weights,
    as_distributions,
    as_floats,
    as_ignore_index,
    as_labels,
    as_smoothing,
    check_classes,
)
from luce.errors import ParameterError
from luce.functions import log_softmax, softmax
from luce.functions.interchange import own_kind
from luce.losses.reduction import LossGrad

_TILE = 1 << 18  # elements of a distribution worked on at a time: 2 MB of float64


@own_kind
def cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Any:
    r"""Cross-entropy of logits, accurate also where the right class wins clearly.

    The loss of a row with label :math:`y`, class weights :math:`w` and smoothing :math:`s` is

    .. math::
        L = -(1 - s)\, w_y \log p_y - \frac{s}{k} \sum_{j=1}^k w_j \log p_j,
        \qquad p = \operatorname{softmax}(z)

    and that of a row with the distribution :math:`q` is
    :math:`L = -\sum_j w_j \left((1 - s)\, q_j + s / k\right) \log p_j`. Both are what
    ``torch.nn.functional.cross_entropy`` computes, with the classes along the last axis.

    Parameters
    ----------
    logits : array_like, shape (..., k)
        ``k`` classes along the last axis; ``-inf`` is an impossible class. Integers become
        float64 before any subtraction.
    target : array_like, shape (...) or (..., k)
        Labels in ``0..k-1`` of any integer dtype (bool, and floats that are whole numbers, too),
        or one distribution for each row: not negative, with a sum within 0.001 of 1 (it is used
        as it is, not rescaled).
    weight : array_like, shape (k,), optional
        Weight of each class, in 0..1e200 and not all 0. None weighs all alike.
    label_smoothing : float
        ``s``, the part of each target in [0, 1) that is spread evenly over all classes.
    ignore_index : int, optional
        Rows with this label have loss and gradient 0 and do not count in the mean, whatever their
        logits hold. For labels only.
    reduction : {"mean", "sum", "none"}
        "none" returns the loss of each row. "mean" divides the sum by the sum of the weights
        :math:`w_y` of the rows that are not ignored; for distributions, as PyTorch does, by the
        number of rows, so that labels and their one-hot rows differ if there are weights.

    Returns
    -------
    numpy.float64 or ndarray of float64, shape (...)
        The loss: a scalar, or for reduction "none" one number for each row. Always float64: float32
        would round the loss of a confident row to 0. Sums are accumulated in float64 or wider.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there is no class.
    DtypeError
        If an array does not hold real numbers, or is masked.
    LabelError
        If a label is out of range or not whole, or a row of probabilities is not a distribution.
    ParameterError
        If an option has an impossible value.

    Notes
    -----
    Edge values: a probability of 0 times a logit of ``-inf`` counts 0; a label whose logit is
    ``-inf`` gives ``inf``, and so does label smoothing over such a class if its weight is not 0.
    A row with NaN, with ``+inf``, or with ``-inf`` alone gives NaN. The mean is NaN where there is
    nothing to average: no rows, all ignored, or only labels of weight 0.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    of the exact loss of each row, for every finite row, in units of the logits' dtype; twice that
    for a sum or mean. ``[0, -40]`` with label 0 gives 4.2e-18, not 0.

    Cost: one pass over the logits, no array of their size for labels.

    Source: Blanchard, Higham & Higham (2021), IMA J. Numer. Anal. 41(4), algorithm 4.1.

    Examples
    --------
    >>> from luce.losses import cross_entropy
    >>> print(cross_entropy([[2.0, 1.0, 0.1], [0.0, 3.0, 0.5]], [0, 2]).round(4))
    1.5205
    >>> print(cross_entropy([0.0, -40.0], 0))
    4.248354255291589e-18
    """
    options = _Options.checked(weight, label_smoothing, ignore_index, reduction)
    z, _ = as_floats(logits, "logits")
    return _evaluate(z, target, options, None)


@own_kind
def cross_entropy_grad(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> LossGrad:
    r"""Cross-entropy and its gradient in the logits, from one pass.

    .. math:: \frac{\partial L}{\partial z_j} = p_j \sum_l t_l - t_j

    where :math:`t_j` is what multiplies :math:`-\log p_j` in the loss, see `cross_entropy`. The
    gradient of the right class is minus the sum of the others: ``p_y - 1`` would be 0 for a
    confident row, and the gradients of the row would no longer sum to 0.

    Parameters
    ----------
    logits, target, weight, label_smoothing, ignore_index
        As in `cross_entropy`.
    reduction : {"mean", "sum", "none"}
        As in `cross_entropy`. The gradient is that of the reduced loss; for "none" that of the
        sum of the losses, so that each row holds the gradient of its own loss.

    Returns
    -------
    LossGrad
        A named tuple: ``loss`` as `cross_entropy` returns it, and ``grad`` of the logits' shape
        and dtype (float64 for integers).

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError
        As in `cross_entropy`.

    Notes
    -----
    Edge values: as in `cross_entropy`. A row whose loss is NaN has a gradient of NaN, one whose
    loss is ``inf`` has a finite gradient, an ignored one has zeros. Where the mean has nothing to
    average, its gradient is 0.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP
    gradient, float32 : 4 ULP
    gradient, float64 : 4 ULP

    The loss as in `cross_entropy`; the gradient for labels without smoothing. With smoothing or
    distributions ``p_j`` and ``t_j`` may cancel, and the unit is that of
    :math:`p_j \sum_{l \ne j} t_l + t_j (1 - p_j)`.

    Cost: two passes over the logits for labels; for distributions also 2 MB of workspace.

    Examples
    --------
    >>> from luce.losses import cross_entropy_grad
    >>> loss, grad = cross_entropy_grad([0.0, -40.0], 0)
    >>> print(loss, grad)
    4.248354255291589e-18 [-4.24835426e-18  4.24835426e-18]
    """
    options = _Options.checked(weight, label_smoothing, ignore_index, reduction)
    z, dtype = as_floats(logits, "logits")
    grad = np.empty(z.shape, z.dtype)
    return LossGrad(_evaluate(z, target, options, grad), grad.astype(dtype, copy=False))


class _Options(NamedTuple):
    weight: ArrayLike | None
    smoothing: float
    ignore_index: int | None
    reduction: str

    @classmethod
    def checked(
        cls, weight: ArrayLike | None, label_smoothing: Any, ignore_index: Any, reduction: Any
    ) -> "_Options":
        return cls(
            weight,
            as_smoothing(label_smoothing),
            as_ignore_index(ignore_index),
            as_choice(reduction, ("none", "sum", "mean"), "reduction"),
        )

    def divisor(self, counts: NDArray[np.float64]) -> float:
        """Return what losses are divided by; infinity where the mean has nothing to average."""
        if self.reduction != "mean":
            return 1.0
        return float(counts.sum(dtype=np.longdouble)) or np.inf


def _evaluate(
    z: FloatArray, target: ArrayLike, options: _Options, grad: FloatArray | None
) -> np.float64 | NDArray[np.float64]:
    """Return the loss, and write its gradient to `grad` if there is one."""
    check_classes(z.shape)
    *leading, k = z.shape
    rows = np.ascontiguousarray(z).reshape(-1, k)  # (n, k)
    grad_rows = None if grad is None else grad.reshape(-1, k)  # (n, k)
    loss = np.empty(len(rows))  # (n,)
    weight = None if options.weight is None else as_class_weights(options.weight, k)  # (k,)
    target = as_array(target, "target")
    if target.ndim < z.ndim:
        y = as_labels(target, tuple(leading), k, options.ignore_index).reshape(-1)  # (n,)
        divisor = _of_labels(rows, y, weight, options, loss, grad_rows)
    else:
        q = as_distributions(target, tuple(leading), k).reshape(-1, k)  # (n, k)
        divisor = _of_distributions(rows, q, weight, options, loss, grad_rows)
    if options.reduction == "none":
        return loss.reshape(leading)[()]
    return np.float64(np.nan if divisor == np.inf else loss.sum(dtype=np.longdouble))


def _of_labels(
    z: FloatArray,
    y: NDArray[np.int64],
    weight: NDArray[np.float64] | None,
    options: _Options,
    loss: NDArray[np.float64],
    grad: FloatArray | None,
) -> float:
    """Write each row's part of the reduced loss and its gradient; return the divisor."""
    kept = (y >= 0).astype(np.float64)  # (n,)
    counts = kept if weight is None else kept * weight[y]  # (n,)
    divisor = options.divisor(counts)
    own = (1.0 - options.smoothing) * counts / divisor
    spread = options.smoothing / z.shape[1] * kept / divisor
    kernels.cross_entropy_rows(z, y, own, spread, weight, loss, grad)
    return divisor


def _of_distributions(
    z: FloatArray,
    q: FloatArray,
    weight: NDArray[np.float64] | None,
    options: _Options,
    loss: NDArray[np.float64],
    grad: FloatArray | None,
) -> float:
    """Do the same for distributions, tile by tile in float64."""
    if options.ignore_index is not None:
        raise ParameterError(
            f"ignore_index must be None for a target of probabilities, got {options.ignore_index}."
            " Drop the rows to be ignored."
        )
    n, k = z.shape
    divisor = options.divisor(np.ones(n))
    step = max(1, _TILE // k)
    for start in range(0, n, step):
        part = slice(start, start + step)
        t = (1.0 - options.smoothing) * q[part].astype(np.float64) + options.smoothing / k
        t *= (1.0 if weight is None else weight) / divisor
        tile = z[part].astype(np.float64)
        loss[part] = _surprise(tile, t)
        if grad is not None:
            grad[part] = _residual(tile, t)
    return divisor


def _surprise(z: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``-sum_j t_ij log p_ij``, where 0 * inf = 0."""
    terms = np.zeros_like(t)
    np.multiply(t, -log_softmax(z), out=terms, where=t != 0)
    total: NDArray[np.float64] = terms.sum(axis=1)
    return total


def _residual(z: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``p_ij sum_l t_il - t_ij``, for the likeliest class without the cancellation."""
    p: NDArray[np.float64] = softmax(z)
    residual: NDArray[np.float64] = t.sum(axis=1, keepdims=True) * p - t
    winner = np.arange(len(p)), p.argmax(axis=1)
    p_winner, t_winner = p[winner], t[winner]
    p_others, t_others = p.copy(), t.copy()
    p_others[winner] = t_others[winner] = 0.0
    residual[winner] = p_winner * t_others.sum(axis=1) - t_winner * p_others.sum(axis=1)
    return residual
