"""A student learns from a teacher."""

from typing import final

import torch
from torch import Tensor, nn

from luce._checks import as_finite, as_ignore_index, as_temperature, check_taught
from luce.nn.functional.cross_entropy import cross_entropy
from luce.nn.functional.distillation import distillation
from luce.nn.training.objective import Measured, ObjectiveOfMeans, count_right
from luce.nn.training.rows import Batch


@final
class Distillation(ObjectiveOfMeans):
    r"""Soft labels of a teacher, mixed with the labels of the rows; for `luce.nn.fit`.

    .. math::
        L = \alpha\, T^2 \sum_j q_j \log \frac{q_j}{p_j}
            + (1 - \alpha) \bigl(-\log \operatorname{softmax}(z)_y\bigr), \quad
        p = \operatorname{softmax}(z / T), \; q = \operatorname{softmax}(v / T)

    with the logits z of the student and v of the teacher; see `luce.nn.functional.distillation`.

    Parameters
    ----------
    teacher : nn.Module or None
        Gives logits for the inputs of a batch; it is put into eval mode and learns nothing. None:
        the last tensor of each batch holds the logits, computed once by `teacher_logits`.
    temperature : float, default=4.0
        ``T``: the higher, the more the order of the wrong classes counts.
    alpha : float, default=0.9
        Share of the teacher's part, in [0, 1]; with 1 no labels are needed.
    ignore_index : int, optional
        Rows with this label learn from the teacher alone. The part of the labels is the mean over
        the others, and nothing if there are none.
    weight : Tensor, shape (k,), optional
        Weight of each class, for the part of the labels.

    Raises
    ------
    ParameterError
        If an option is out of its range.

    Notes
    -----
    Both parts are means over the rows that count for them. Over several batches, those of a step or
    the held-out ones, they are the means over all of these rows: as of one large batch.

    Source: Hinton, Vinyals & Dean (2015), Distilling the knowledge in a neural network, section 2.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import Distillation, Plan, fit
    >>> _ = torch.manual_seed(0)
    >>> X, teacher = torch.randn(512, 5), torch.nn.Linear(5, 3)
    >>> student = torch.nn.Linear(5, 3)
    >>> plan = Plan(epochs=60, learning_rate=0.05)
    >>> done = fit(student, Distillation(teacher, alpha=1.0), (X,), plan=plan)
    >>> bool((student(X).argmax(1) == teacher(X).argmax(1)).float().mean() > 0.97)
    True
    """

    def __init__(
        self,
        teacher: nn.Module | None,
        *,
        temperature: float = 4.0,
        alpha: float = 0.9,
        ignore_index: int | None = None,
        weight: Tensor | None = None,
    ) -> None:
        self.teacher, self.weight = teacher, weight
        self.temperature = as_temperature(temperature)
        self.alpha = as_finite(alpha, "alpha", 0.0, 1.0)
        self.ignore_index = as_ignore_index(ignore_index)

    def measure(self, model: nn.Module, batch: Batch) -> Measured:
        labels = self._labels(batch)
        check_taught(self.alpha, labels is not None)
        logits = model(batch[0])
        totals: list[Tensor] = []
        divisors: list[Tensor] = []
        if self.alpha > 0:
            taught = distillation(
                logits, self._of_teacher(batch), temperature=self.temperature, reduction="sum"
            )
            totals.append(self.alpha * taught)
            divisors.append(_rows(logits[..., 0]))
        if self.alpha < 1:
            assert labels is not None
            weight = self._weight_beside(logits)
            told = cross_entropy(
                logits, labels, weight=weight, ignore_index=self.ignore_index, reduction="sum"
            )
            totals.append((1.0 - self.alpha) * told)
            divisors.append(self._count(labels))
        right = counted = None
        if labels is not None:
            if self.ignore_index is not None:
                labels = torch.where(labels == self.ignore_index, -1, labels)  # not counted
            right, counted = count_right(logits, labels)
        return Measured(torch.stack(totals), torch.stack(divisors), right, counted)

    def weights(self, model: nn.Module, batch: Batch) -> Tensor | None:
        labels = self._labels(batch)
        if labels is None or self.alpha in (0.0, 1.0):
            return None
        return torch.stack([_rows(labels), self._count(labels)])

    def _labels(self, batch: Batch) -> Tensor | None:
        return batch[1] if len(batch) > 1 + (self.teacher is None) else None

    def _count(self, labels: Tensor) -> Tensor:
        """Return the number of labels that count, or the sum of their weights."""
        kept = torch.ones_like(labels, dtype=torch.bool)
        if self.ignore_index is not None:
            kept = labels != self.ignore_index
        weight = self._weight_beside(labels)
        if weight is None:
            return kept.sum().float()
        return torch.where(kept, weight[labels.clamp(0, len(weight) - 1)], 0.0).sum()  # loss checks

    def _weight_beside(self, tensor: Tensor) -> Tensor | None:
        """Return the weight of each class on the device of a tensor, to which it is moved once."""
        if self.weight is not None:
            self.weight = self.weight.to(tensor.device)
        return self.weight

    def _of_teacher(self, batch: Batch) -> Tensor:
        if self.teacher is None:
            return batch[-1]
        self.teacher.eval()
        with torch.no_grad():
            logits: Tensor = self.teacher(batch[0])
        return logits


def _rows(like: Tensor) -> Tensor:
    return torch.full((), float(like.numel()), device=like.device)


@torch.no_grad()
def teacher_logits(teacher: nn.Module, inputs: Tensor, *, batch_size: int = 1024) -> Tensor:
    """Return the logits of a teacher for all rows, computed once for many epochs of a student.

    Parameters
    ----------
    teacher : nn.Module
        It is put into eval mode.
    inputs : Tensor
        One row each along the first axis; brought to the device of the teacher.
    batch_size : int, default=1024
        Rows at a time.

    Returns
    -------
    Tensor
        Logits, on the device of `inputs`.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import teacher_logits
    >>> teacher_logits(torch.nn.Linear(4, 3), torch.zeros(10, 4)).shape
    torch.Size([10, 3])
    """
    teacher.eval()
    device = next(teacher.parameters()).device
    parts = [teacher(part.to(device)).to(inputs.device) for part in inputs.split(batch_size)]
    return torch.cat(parts)
