"""Kullback-Leibler divergence of a softmax from a target or a teacher, and distillation."""

from math import factorial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce import kernels
from luce._checks import (
    FloatArray,
    as_distributions,
    as_finite,
    as_ignore_index,
    as_temperature,
    check_same_shape,
    check_taught,
)
from luce.functions.interchange import own_kind
from luce.functions.softmax_pairs import softmax_pairs
from luce.kernels.pairs import Pair, plus, sum_of
from luce.losses.reduction import LossGrad, Reduction
from luce.losses.row_losses import over_tiles
from luce.losses.rows import Rows, label_factors, totals
from luce.losses.softmax_rows import SoftmaxRows

Doubles = NDArray[np.float64]

_SERIES = tuple(1.0 / factorial(n) for n in range(20, 1, -1))  # of (e^x - 1 - x) / x^2
_SHARED = 0.25  # what two distributions must have in common to be compared more closely
_ALL_BUT_EQUAL = 1e-12  # logarithms of ratios: rounding is not much smaller
_ROUNDED_OFF = 2.0**-26  # a difference of logarithms below it has lost half its digits
_STRAIGHT = 2.0**-60  # below it e^x - 1 is x
_NORMAL = 1e-290  # a probability below it may have lost digits to the end of the normal range


@own_kind
def kl_divergence(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    axis: int = -1,
    temperature: float = 1.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""Kullback-Leibler divergence of the softmax of logits from a distribution, never negative.

    .. math::
        L = \sum_j \Bigl( q_j \log \frac{q_j}{p_j} - q_j + p_j \Bigr),
        \qquad p = \operatorname{softmax}(z / T)

    No term is negative. The last two parts sum to 0 for a target that sums to 1; a target that
    rounding has left a little off would give a negative divergence without them.

    Parameters
    ----------
    logits : array_like, shape (..., k)
        ``k`` classes along `axis`. Dtypes as for :func:`cross_entropy`.
    target : array_like, shape of the logits
        The distribution :math:`q` of each row, as for :func:`cross_entropy`.
    axis : int
        The axis of the classes.
    temperature : float
        ``T``, positive and finite. The loss is not multiplied by its square, as that of
        :func:`distillation` is.
    reduction : {"mean", "sum", "none"}
        "mean" divides by the number of rows ("batchmean" in PyTorch).
    normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    numpy.float64 or ndarray of float64
        As :func:`cross_entropy`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`.

    Notes
    -----
    It is the cross-entropy minus the entropy of the target, but not computed as a difference.
    Edge values: a target of 0 counts nothing whatever the logit, also for ``-inf``; another target
    whose logit is ``-inf`` gives ``inf``. A row with NaN, with ``+inf``, or with ``-inf`` alone
    gives NaN. Workspace: a dozen tiles of 512 KB.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    for float32 of the loss of a row, if it is above 1e-7 of the unit; twice that for a sum or
    mean. The unit, which is also that for float64, is
    :math:`\sum_j q_j \lvert \log (q_j / p_j) \rvert` (or the loss, if that is larger): what an
    error of one ULP in each probability amounts to. Where ``p`` is close to ``q`` it is in
    proportion to their distance, and the loss to the square of it. Probabilities between 0 and
    1e-290 are not covered.

    Examples
    --------
    >>> from luce.losses import kl_divergence
    >>> print(kl_divergence([[2.0, 1.0, 0.1]], [[0.7, 0.2, 0.1]]).round(6))
    0.005211
    >>> print(kl_divergence([0.0, 0.0], [0.5, 0.5]))
    0.0
    """
    how = Reduction.checked(reduction, normalizer, empty)
    rows = Rows.of(logits, axis)
    return _kl_divergence(rows, target, as_temperature(temperature), how, None)


@own_kind
def kl_divergence_grad(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    axis: int = -1,
    temperature: float = 1.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Kullback-Leibler divergence from a distribution, and its gradient in the logits.

    .. math:: \frac{\partial L}{\partial z_j} = \frac{p_j \sum_l q_l - q_j}{T}

    Parameters
    ----------
    logits, target, axis, temperature, reduction, normalizer, empty
        As in :func:`kl_divergence`.

    Returns
    -------
    LossGrad
        As :func:`cross_entropy_grad`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`kl_divergence`.

    Notes
    -----
    It is the gradient of :func:`cross_entropy` with the same target. Where the loss is ``inf`` it
    is finite.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP
    gradient, float32 : 4 ULP
    gradient, float64 : 4 ULP

    The loss as in :func:`kl_divergence`; the gradient in units of
    :math:`(p_j \sum_{l \ne j} q_l + q_j (1 - p_j)) / T`, for its terms may cancel.

    Examples
    --------
    >>> from luce.losses import kl_divergence_grad
    >>> print(kl_divergence_grad([2.0, 1.0, 0.1], [0.7, 0.2, 0.1]).grad.round(4))
    [-0.041   0.0424 -0.0014]
    """
    how = Reduction.checked(reduction, normalizer, empty)
    rows = Rows.of(logits, axis)
    grad = rows.gradient()
    loss = _kl_divergence(rows, target, as_temperature(temperature), how, grad)
    return LossGrad(loss, rows.shaped(grad))


@own_kind
def distillation(
    logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    axis: int = -1,
    temperature: float = 1.0,
    alpha: float = 1.0,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""What a student has yet to learn from a teacher, and from labels if there are any.

    With :math:`p = \operatorname{softmax}(z / T)` of the student and :math:`q` of the teacher

    .. math::
        L = \alpha\, T^2 \sum_j q_j \log \frac{q_j}{p_j}
            + (1 - \alpha) w_y \bigl(-\log \operatorname{softmax}(z)_y\bigr)

    Parameters
    ----------
    logits, teacher_logits : array_like, shape (..., k)
        Logits of the student and of the teacher, ``k`` classes along `axis`. Dtypes as for
        :func:`cross_entropy`.
    labels : array_like of integers, shape (...), optional
        The right class of each row; needed if `alpha` is below 1.
    axis : int
        The axis of the classes.
    temperature : float
        ``T``, positive and finite, for the part of the teacher alone.
    alpha : float
        The share of the part of the teacher, in [0, 1].
    weight : array_like, shape (k,), optional
        Weight of each class, for the part of the labels alone: as in :func:`cross_entropy`.
    ignore_index : int, optional
        Rows with this label learn from the teacher alone.
    reduction : {"mean", "sum", "none"}
        "mean" is the mean of each part: that of the teacher over all rows, that of the labels over
        those which are not ignored, by the weights of their labels.
    normalizer, empty
        As in :func:`cross_entropy`, for each part.

    Returns
    -------
    numpy.float64 or ndarray of float64
        As :func:`cross_entropy`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`; ParameterError if labels are needed and not there.

    Notes
    -----
    ``T^2`` makes up for the gradient of the soft part, which falls with its inverse square.
    A constant added to the logits of either changes nothing, and a student equal to the teacher
    has a divergence of exactly 0. Edge values: a class impossible (``-inf``) for the teacher
    counts nothing, one impossible for the student alone gives ``inf``. A row with NaN, with
    ``+inf``, or with ``-inf`` alone gives NaN. Workspace: two dozen tiles of 512 KB.

    Source: Hinton, Vinyals & Dean (2015), Distilling the knowledge in a neural network, section 2.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    of the loss of a row, also where student and teacher nearly agree; twice that for a sum or
    mean. Covered are differences of up to 1e290.

    Examples
    --------
    >>> from luce.losses import distillation
    >>> print(distillation([2.0, 1.0, 0.1], [3.0, 1.0, 0.2], temperature=2.0).round(6))
    0.112407
    >>> print(distillation([0.0, 1e-9], [0.0, 0.0]))
    1.25e-19
    """
    options = _Mixture.checked(alpha, temperature, labels, weight, ignore_index)
    how = Reduction.checked(reduction, normalizer, empty)
    rows, teacher = _student_and_teacher(logits, teacher_logits, axis)
    return _distillation(rows, teacher, labels, options, how, None)


@own_kind
def distillation_grad(
    logits: ArrayLike,
    teacher_logits: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    axis: int = -1,
    temperature: float = 1.0,
    alpha: float = 1.0,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Distillation loss, and its gradient in the logits of the student.

    .. math::
        \frac{\partial L}{\partial z_j} = \alpha\, T (p_j - q_j)
            + (1 - \alpha) w_y \bigl(\operatorname{softmax}(z)_j - [j = y]\bigr)

    Parameters
    ----------
    logits, teacher_logits, labels, axis, temperature, alpha
        As in :func:`distillation`.
    weight, ignore_index, reduction, normalizer, empty
        As in :func:`distillation`.

    Returns
    -------
    LossGrad
        As :func:`cross_entropy_grad`; the gradient is that in the student's logits.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`distillation`.

    Notes
    -----
    ``p_j - q_j`` is computed from differences of logits, not as a difference of probabilities.
    Where the loss is ``inf`` the gradient is finite.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP
    gradient, float32 : 4 ULP
    gradient, float64 : 4 ULP

    The loss as in :func:`distillation`; the part of the teacher in units of
    :math:`\alpha T (\lvert p_j - q_j \rvert + \min(p_j, q_j) \sum_l \lvert p_l - q_l \rvert)`, so
    that it keeps its digits where student and teacher nearly agree. The two parts may cancel: the
    unit is the sum of both.

    Examples
    --------
    >>> from luce.losses import distillation_grad
    >>> print(distillation_grad([2.0, 1.0, 0.1], [3.0, 1.0, 0.2], temperature=2.0).grad.round(4))
    [-0.2354  0.1529  0.0826]
    """
    options = _Mixture.checked(alpha, temperature, labels, weight, ignore_index)
    how = Reduction.checked(reduction, normalizer, empty)
    rows, teacher = _student_and_teacher(logits, teacher_logits, axis)
    grad = rows.gradient()
    return LossGrad(_distillation(rows, teacher, labels, options, how, grad), rows.shaped(grad))


class _Mixture(NamedTuple):
    alpha: float
    temperature: float
    weight: ArrayLike | None
    ignore_index: int | None

    @classmethod
    def checked(
        cls, alpha: Any, temperature: Any, labels: Any, weight: Any, ignore_index: Any
    ) -> "_Mixture":
        share = as_finite(alpha, "alpha", 0.0, 1.0)
        check_taught(share, labels is not None)
        return cls(share, as_temperature(temperature), weight, as_ignore_index(ignore_index))


def _student_and_teacher(
    logits: ArrayLike, teacher_logits: ArrayLike, axis: int
) -> tuple[Rows, FloatArray]:
    student = Rows.of(logits, axis)
    teacher = Rows.of(teacher_logits, axis, "teacher_logits")
    check_same_shape(teacher.shape, student.shape, "teacher_logits")
    return student, teacher.z


def _kl_divergence(
    rows: Rows, target: ArrayLike, T: float, how: Reduction, grad: FloatArray | None
) -> Any:
    """Return the loss, and write its gradient to `grad` if there is one."""
    n, k = rows.z.shape
    targets = as_distributions(target, rows.leading, k, rows.axis).reshape(n, k)
    divisor = how.divisor(n, n)
    loss = np.empty(n)  # (n,)

    def work(part: slice) -> None:
        with np.errstate(all="ignore"):
            z, q = rows.z[part].astype(np.float64), targets[part].astype(np.float64)  # (t, k)
            student = SoftmaxRows.of(z, T)
            loss[part] = totals(_excess(student.p, q, _log_of_ratio(z, T, student, q))) / divisor
            if grad is not None:
                grad[part] = student.balanced(q, np.zeros((len(q), 1))) / T / divisor

    over_tiles(work, n, k)
    return how.reduced(loss.reshape(rows.leading), divisor)


def _distillation(
    rows: Rows,
    teacher: FloatArray,
    labels: ArrayLike | None,
    mix: _Mixture,
    how: Reduction,
    grad: FloatArray | None,
) -> Any:
    """Return the loss, and write its gradient to `grad` if there is one."""
    n, k = rows.z.shape
    divisor = how.divisor(n, n)
    y = np.full(n, -1) if labels is None else rows.labels(labels, mix.ignore_index)  # (n,)
    soft, hard = mix.alpha, 1.0 - mix.alpha
    factors, hard_divisor = label_factors(y, mix.weight, k, how) if hard else (np.zeros(n), 1.0)
    soft_loss, hard_loss = np.zeros(n), np.zeros(n)  # (n,)

    def work(part: slice) -> None:
        with np.errstate(all="ignore"):
            z = rows.z[part].astype(np.float64)  # (t, k)
            pull = np.zeros_like(z)
            if soft:
                loss, pull = _taught(z, teacher[part].astype(np.float64), mix.temperature)
                soft_loss[part] = soft * loss / divisor
                pull *= soft / divisor
            if hard:
                weight, spread = hard * factors[part], np.zeros(len(z))
                kernels.cross_entropy_rows(z, y[part], weight, spread, None, hard_loss[part], z)
                pull += z
            if grad is not None:
                grad[part] = pull

    over_tiles(work, n, k)
    loss = how.reduced(soft_loss.reshape(rows.leading), divisor)
    if not hard:
        return loss
    return loss + how.reduced(hard_loss.reshape(rows.leading), hard_divisor)


def _taught(z: Doubles, v: Doubles, T: float) -> tuple[Doubles, Doubles]:
    """Return ``T^2 KL(teacher || student)`` of each row and its gradient in the student."""
    student, teacher = SoftmaxRows.of(z, T), SoftmaxRows.of(v, T)
    lead = _lead_of_teacher(z, v, student, teacher, T)
    return totals(_excess(student.p, teacher.p, lead, T)), -_gain(
        student.p, teacher.p, lead, T
    ) + 0.0


def _log_of_ratio(z: Doubles, T: float, student: SoftmaxRows, q: Doubles) -> Doubles:
    """Return ``log(q / p)``, which is off by no more than the rounding of p makes it.

    Where p and q are all but equal, the square of that rounding is more than their divergence:
    such rows, which are rare, have their probabilities computed to more digits.
    """
    p = student.p
    ratio: Doubles = np.where(p > _NORMAL, np.log(q / p), np.log(q) - student.log_p)
    ratio[q == 0] = -np.inf
    near = np.abs(np.where(q == 0, 0.0, ratio)).max(axis=1) < _ALL_BUT_EQUAL  # (t,)
    if near.any():
        exact, _ = softmax_pairs(z[near], T)
        closer = np.log1p(((q[near] - exact.high) - exact.low) / exact.high)
        ratio[near] = np.where(q[near] == 0, -np.inf, closer)
    return ratio


def _lead_of_teacher(
    z: Doubles, v: Doubles, student: SoftmaxRows, teacher: SoftmaxRows, T: float
) -> Doubles:
    """Return ``T log(q / p) = v - z - c`` from exact differences of the logits.

    The constant c is first that of the two winners, or 0 where rounding leaves nothing of it. It is
    then found from ``sum(q - p) = 0`` by two steps of Newton's method; the derivative is
    ``-sum min(p, q)``, and where that is small the two are so far apart that there is nothing to
    mend.
    """
    apart = sum_of(v, -z)
    tops = sum_of(v[teacher.winner], -z[student.winner])
    fall = teacher.log_p[teacher.winner] - student.log_p[student.winner]
    shift = np.where(np.abs(fall) < _ROUNDED_OFF, 0.0, T * fall)
    moved = plus(apart, Pair(-tops.high[:, None], -tops.low[:, None]))
    high, low = sum_of(moved.high, shift[:, None])
    lead = high + (low + moved.low)
    lead = np.where((z == -np.inf) & (v == -np.inf), 0.0, lead)
    shared = totals(np.minimum(student.p, teacher.p))  # (t,)
    for _ in range(2):
        left = totals(_gain(student.p, teacher.p, lead, T)) / shared
        lead = lead - np.where(shared > _SHARED, left, 0.0)[:, None]
    return lead


def _gain(p: Doubles, q: Doubles, lead: Doubles, T: float) -> Doubles:
    """Return ``T (q - p)``, given ``lead = T log(q / p)``, which is also its limit for large T."""
    size = np.abs(lead)
    ratio = size / T
    grown = np.where(ratio < _STRAIGHT, size, T * -np.expm1(-ratio))
    gain: Doubles = np.copysign(np.maximum(p, q) * grown, lead)
    return gain


def _excess(p: Doubles, q: Doubles, lead: Doubles, T: float = 1.0) -> Doubles:
    """Return ``T^2 (q log(q / p) - q + p)``, given ``lead = T log(q / p)``; it is 0 or more.

    It is ``T^2 q (e^x - 1 - x)`` for ``x = log(p / q)``: by its series where it would cancel. No
    power of T is computed, which would be beyond all numbers for T above 1e154.
    """
    ratio = lead / T
    is_near = np.abs(ratio) <= 1.0
    x = np.where(is_near, -ratio, 0.0)
    series = np.full_like(x, _SERIES[0])
    for coefficient in _SERIES[1:]:
        series *= x
        series += coefficient
    near = q * lead * (lead * series)
    above = np.maximum(ratio, 0.0)
    more = T * (T * (q * (np.expm1(-above) + above)))
    below = np.clip(ratio, -800.0, 0.0)
    less = T * (T * (p * (1.0 + np.exp(below) * (below - 1.0))))
    value = np.where(is_near, near, np.where(ratio > 0, more, less))
    return np.where(lead == np.inf, np.inf, value)
