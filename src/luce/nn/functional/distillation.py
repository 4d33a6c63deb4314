"""Distillation: a student learns the probabilities of a teacher, and labels if there are any."""

from typing import Any

from torch import Tensor

from luce import losses
from luce._checks import as_finite, as_temperature, check_same_shape, check_taught
from luce.losses.reduction import Reduction
from luce.nn.eager import as_numpy, is_native, is_wanted, widened
from luce.nn.functional.by_twin import by_twin, reduced
from luce.nn.functional.cross_entropy import cross_entropy
from luce.nn.functional.divergence import divergence_of_rows
from luce.nn.functional.log_softmax import log_softmax


def distillation(
    logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor | None = None,
    *,
    temperature: float = 1.0,
    alpha: float = 1.0,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Tensor:
    r"""What a student has yet to learn from a teacher, and from labels if there are any.

    With :math:`p = \operatorname{softmax}(z / T)` of the student and :math:`q` of the teacher

    .. math::
        L = \alpha\, T^2 \sum_j q_j \log \frac{q_j}{p_j}
            + (1 - \alpha) w_y \bigl(-\log \operatorname{softmax}(z)_y\bigr)

    Parameters
    ----------
    logits, teacher_logits : Tensor, shape (..., k)
        Logits of the student and of the teacher, ``k`` classes along the last dimension. Pass the
        teacher's detached unless it is to learn too.
    labels : Tensor of integers, shape (...), optional
        The right class of each row; needed if `alpha` is below 1.
    temperature : float
        ``T``, positive and finite, for the part of the teacher alone.
    alpha : float
        The share of the part of the teacher, in [0, 1].
    weight : Tensor, shape (k,), optional
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
    Tensor
        The loss, in the dtype of the logits; float32 for those of 16 bits.

    Raises
    ------
    ShapeError, LabelError, ParameterError, DataError
        As :func:`luce.losses.distillation`; labels are looked at on the CPU in eager mode only.

    Notes
    -----
    Has the meaning and the edge values of :func:`luce.losses.distillation`, which computes the part
    of the teacher on the CPU in eager mode, if it needs no gradient: loss and gradient keep their
    digits also where student and teacher nearly agree.

    Source: Hinton, Vinyals & Dean (2015), Distilling the knowledge in a neural network, section 2.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> student, teacher = torch.tensor([2.0, 1.0, 0.1]), torch.tensor([3.0, 1.0, 0.2])
    >>> functional.distillation(student, teacher, temperature=2.0)
    tensor(0.1124)
    """
    t, share = as_temperature(temperature), as_finite(alpha, "alpha", 0.0, 1.0)
    check_taught(share, labels is not None)
    how = Reduction.checked(reduction, normalizer, empty)
    check_same_shape(tuple(teacher_logits.shape), tuple(logits.shape), "teacher_logits")
    soft = _taught(widened(logits), widened(teacher_logits), t, how) if share else None
    if labels is None or (soft is not None and share == 1.0):
        assert soft is not None
        return soft
    hard = cross_entropy(
        logits, labels, weight=weight, ignore_index=ignore_index, reduction=reduction,
        normalizer=normalizer, empty=empty,
    )  # fmt: skip
    return hard if soft is None else share * soft + (1.0 - share) * hard


def _taught(z: Tensor, v: Tensor, t: float, how: Reduction) -> Tensor:
    def twin(x: Any) -> losses.LossGrad:
        return losses.distillation_grad(
            x, as_numpy(v), temperature=t, reduction=how.kind, normalizer=how.normalizer,
            empty=how.empty,
        )  # fmt: skip

    def formula(x: Tensor) -> Tensor:
        return reduced(_rows(x, v, t), how)

    if is_native(z, v) and not is_wanted(v):
        return by_twin(z, twin, formula)
    return formula(z)


def _rows(z: Tensor, v: Tensor, t: float) -> Tensor:
    """Return ``T^2 KL(teacher || student)`` of each row."""
    log_p, log_q = log_softmax(z, temperature=t), log_softmax(v, temperature=t)
    return t * t * divergence_of_rows(log_p, log_q, log_q.exp())
