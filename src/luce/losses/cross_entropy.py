"""Cross-entropy of logits with labels or with distributions, and its gradient."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import FloatArray, as_class_axis, as_floats
from luce.functions.interchange import own_kind
from luce.losses.options import Options
from luce.losses.reduction import LossGrad
from luce.losses.row_losses import write_rows
from luce.losses.targets import Targets


@own_kind
def cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    axis: int = -1,
    weight: ArrayLike | None = None,
    weighting: str = "class",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    focal_gamma: float = 0.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""Cross-entropy of logits, accurate also where the right class wins clearly.

    The loss of a row of logits :math:`z` with the target :math:`q`, a distribution over the
    classes or 1 at a label :math:`y`, is

    .. math::
        L = \sum_{j=1}^k t_j (1 - p_j)^\gamma (-\log p_j) + \lambda\, r \operatorname{lse}(u)^2,
        \qquad u = \frac{c \tanh(z / c)}{T}, \quad p = \operatorname{softmax}(u)

    with class weights :math:`w`, :math:`r = \sum_j q_j w_j`, smoothing :math:`s`, and

    .. math::
        t_j = w_j \left((1 - s)\, q_j + s / k\right) \text{ for weighting "class"}, \qquad
        t_j = r \left((1 - s)\, q_j + s / k\right) \text{ for weighting "row"}.

    Every option works with every other. Those that PyTorch has, in "class" weighting, give what
    ``torch.nn.functional.cross_entropy`` computes.

    Parameters
    ----------
    logits : array_like, shape (..., k, ...)
        ``k`` classes along `axis`; ``-inf`` is an impossible class. Integers become float64
        before any subtraction.
    target : array_like
        Labels in ``0..k-1``, in the shape of the logits without `axis`, of any integer dtype
        (bool, and floats that are whole numbers, too). Or one distribution for each row, in the
        shape of the logits: not negative, with a sum within 0.001 of 1 (it is used as it is, not
        rescaled).
    axis : int
        The axis of the classes.
    weight : array_like, shape (k,), optional
        Weight ``w`` of each class, in 0..1e200 and not all 0. None weighs all alike.
    weighting : {"class", "row"}
        What the weights multiply. "class" is PyTorch's meaning: each class's term, also those
        that the smoothing adds, so that weights change what a label is smoothed to. "row" weighs
        whole rows by the weight of their label (see pytorch issue 104776).
    label_smoothing : float
        ``s``, the part of each target in [0, 1) that is spread evenly over all classes.
    ignore_index : int, optional
        Rows with this label have loss and gradient 0 and do not count in the mean, whatever their
        logits hold. For labels only.
    temperature : float
        ``T``, positive and finite; divides the logits after the softcap.
    softcap : float, optional
        ``c``, positive and finite: squeezes finite logits smoothly into ``(-c, c)``. Infinite
        ones stay: a mask of ``-inf`` remains a mask. None leaves all as they are.
    z_loss : float
        Strength :math:`\lambda \ge 0` of the pull of the normaliser towards 1.
    focal_gamma : float
        :math:`\gamma \ge 0`: above 0, rows that are right already count less.
    reduction : {"mean", "sum", "none"}
        "none" returns the loss of each row. "mean" divides the sum by that of the row weights
        ``r``; in "class" weighting for distributions, as PyTorch does, by the number of rows, so
        that labels and their one-hot rows differ if there are weights. Ignored rows do not count.
    normalizer : float, optional
        For "mean" only: what to divide by instead, such as the number of labels in all parts of a
        batch. The sum of nothing divided by it is 0.
    empty : {"nan", "zero", "raise"}
        The mean where there is nothing to average: no rows, all ignored, or all of weight 0.

    Returns
    -------
    numpy.float64 or ndarray of float64
        The loss: a scalar, or for reduction "none" one number for each row, in the shape of the
        labels. Always float64: float32 would round the loss of a confident row to 0. Sums are
        accumulated in float64 or wider.

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
    DataError
        If there is nothing to average and `empty` is "raise".

    Notes
    -----
    Edge values: a target or weight of 0 times a logit of ``-inf`` counts 0; a label whose logit
    is ``-inf`` gives ``inf``, and so does label smoothing over such a class if its weight is not 0.
    A row with NaN, with ``+inf``, or with ``-inf`` alone gives NaN. A row gives the same bits
    whatever rows stand beside it, and for any number of threads.

    Cost: for labels one pass over the logits and no array of their size; with temperature,
    softcap, z-loss, focal loss or distributions a few megabytes of workspace.

    Source: Blanchard, Higham & Higham (2021), IMA J. Numer. Anal. 41(4), algorithm 4.1; Lin et al.
    (2017), arXiv 1708.02002, for the focal loss.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    of the exact loss of each row, for every finite row, in units of the logits' dtype; twice that
    for a sum or mean. ``[0, -40]`` with label 0 gives 4.2e-18, not 0. Where ``lse`` cancels
    (its largest logit is negative) the unit of the z-loss is that of
    :math:`\lambda r (|u_w| + |\log p_w|)^2` for the likeliest class ``w``. float64 only: add
    :math:`2 \gamma` ULP for a focal loss, and for a softcap :math:`4 (1 + \gamma) \max |u|` ULP,
    since the capped logits are rounded to float64.

    Examples
    --------
    >>> from luce.losses import cross_entropy
    >>> print(cross_entropy([[2.0, 1.0, 0.1], [0.0, 3.0, 0.5]], [0, 2]).round(4))
    1.5205
    >>> print(cross_entropy([0.0, -40.0], 0))
    4.248354255291589e-18
    >>> print(cross_entropy([0.0, 5.0], [0.5, 0.5], softcap=2.0, z_loss=0.01).round(4))
    1.161
    """
    options = Options.checked(
        weight, weighting, label_smoothing, ignore_index, temperature, softcap, z_loss,
        focal_gamma, reduction, normalizer, empty,
    )  # fmt: skip
    return loss_of(logits, target, axis, options)


@own_kind
def cross_entropy_grad(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    axis: int = -1,
    weight: ArrayLike | None = None,
    weighting: str = "class",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    focal_gamma: float = 0.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Cross-entropy and its gradient in the logits, from one pass.

    .. math::
        \frac{\partial L}{\partial z_j} = u'_j
        \Bigl(p_j \bigl(\sum_l s_l + 2 \lambda r \operatorname{lse}(u)\bigr) - s_j\Bigr), \qquad
        s_j = t_j \left((1 - p_j)^\gamma - \gamma p_j (1 - p_j)^{\gamma - 1} \log p_j\right)

    where :math:`t_j` is what multiplies the loss of a class, see :func:`cross_entropy`, and
    :math:`u'_j = (1 - \tanh^2(z_j / c)) / T`. The gradient of the right class is minus the sum of
    the others: ``p_y - 1`` would be 0 for a confident row, and the gradients of the row would no
    longer sum to 0.

    Parameters
    ----------
    logits, target
        As in :func:`cross_entropy`.
    axis, weight, weighting, label_smoothing, ignore_index
        As in :func:`cross_entropy`.
    temperature, softcap, z_loss, focal_gamma
        As in :func:`cross_entropy`.
    reduction : {"mean", "sum", "none"}
        As in :func:`cross_entropy`. The gradient is that of the reduced loss; for "none" that of
        the sum of the losses, so that each row holds the gradient of its own loss.
    normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    LossGrad
        A named tuple: ``loss`` as :func:`cross_entropy` returns it, and ``grad`` of the logits'
        shape and dtype (float64 for integers).

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`.

    Notes
    -----
    Edge values: as in :func:`cross_entropy`. A row whose loss is NaN has a gradient of NaN, one
    whose loss is ``inf`` has a finite gradient, an ignored one has zeros. Where the mean has
    nothing to average, its gradient is 0.

    Cost: two passes over the logits for labels; else also a few megabytes of workspace.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP
    gradient, float32 : 4 ULP
    gradient, float64 : 4 ULP

    The loss as in :func:`cross_entropy`; the gradient for labels without smoothing and z-loss.
    Otherwise its terms may cancel, and the unit is that of :math:`u'_j` times
    :math:`p_j \sum_{l \ne j} s_l + s_j (1 - p_j) + 4 \lambda r p_j (|u_w| + |\log p_w|)`, with the
    likeliest class ``w``. float64 only: add 2 ULP for a z-loss, :math:`2 \gamma` ULP for a focal
    loss, and for a softcap :math:`4 (1 + \gamma) \max |u| + 2 |z_j / c|` ULP.

    Examples
    --------
    >>> from luce.losses import cross_entropy_grad
    >>> loss, grad = cross_entropy_grad([0.0, -40.0], 0)
    >>> print(loss, grad)
    4.248354255291589e-18 [-4.24835426e-18  4.24835426e-18]
    """
    options = Options.checked(
        weight, weighting, label_smoothing, ignore_index, temperature, softcap, z_loss,
        focal_gamma, reduction, normalizer, empty,
    )  # fmt: skip
    return loss_and_gradient(logits, target, axis, options)


def loss_of(logits: ArrayLike, target: ArrayLike, axis: int, options: Options) -> Any:
    """Return the loss, given options that have been checked."""
    z, _ = as_floats(logits, "logits")
    return _evaluate(z, target, axis, options, None)


def loss_and_gradient(
    logits: ArrayLike, target: ArrayLike, axis: int, options: Options
) -> LossGrad:
    """Return the loss and its gradient, given options that have been checked."""
    z, dtype = as_floats(logits, "logits")
    place = as_class_axis(axis, z.shape)
    last = place == z.ndim - 1
    grad = kernels.empty_like(z if last else np.moveaxis(z, place, -1))  # (..., k)
    loss = _evaluate(z, target, axis, options, grad)
    if last and dtype == z.dtype:
        return LossGrad(loss, grad)
    with np.errstate(over="ignore", under="ignore"):  # one rounding from float32 to float16
        return LossGrad(loss, np.ascontiguousarray(np.moveaxis(grad, -1, place), dtype))


def _evaluate(
    z: FloatArray, target: ArrayLike, axis: int, options: Options, grad: FloatArray | None
) -> np.float64 | NDArray[np.float64]:
    """Return the loss, and write its gradient, with the classes along the last axis, to `grad`."""
    place = as_class_axis(axis, z.shape)
    moved = z if place == z.ndim - 1 else np.moveaxis(z, place, -1)  # (..., k)
    *leading, k = moved.shape
    rows = np.ascontiguousarray(moved).reshape(-1, k)  # (n, k)
    targets = Targets.of(target, tuple(leading), k, options, axis)
    losses = np.empty(len(rows))  # (n,)
    grad_rows = None if grad is None else grad.reshape(-1, k)  # (n, k)
    write_rows(rows, targets, options.scalars, losses, grad_rows)
    return options.scalars.reduction.reduced(losses.reshape(leading), targets.divisor)
