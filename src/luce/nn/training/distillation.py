"""A student learns from a teacher."""

from typing import Any, final

import torch
from torch import Tensor, nn

from luce._checks import as_finite, as_ignore_index, as_temperature
from luce.nn.functional.distillation import distillation
from luce.nn.training.objective import Measured, Objective, count_right
from luce.nn.training.rows import Batch


@final
class Distillation(Objective):
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
        the others of the batch, and nothing if there are none.

    Raises
    ------
    ParameterError
        If an option is out of its range.

    Notes
    -----
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
    ) -> None:
        self.teacher = teacher
        self.temperature = as_temperature(temperature)
        self.alpha = as_finite(alpha, "alpha", 0.0, 1.0)
        self.ignore_index = as_ignore_index(ignore_index)

    def measure(self, model: nn.Module, batch: Batch) -> Measured:
        logits = model(batch[0])
        known = self._of_teacher(batch)
        labels = batch[1] if len(batch) > 1 + (self.teacher is None) else None
        options: dict[str, Any] = {"temperature": self.temperature, "alpha": self.alpha}
        value = distillation(
            logits, known, labels, ignore_index=self.ignore_index, empty="zero", **options
        )
        right = counted = None
        if labels is not None:
            if self.ignore_index is not None:
                labels = torch.where(labels == self.ignore_index, -1, labels)  # not counted
            right, counted = count_right(logits, labels)
        weight = torch.full((), float(len(batch[0])), device=logits.device)
        return Measured(value * weight, weight, right, counted)

    def _of_teacher(self, batch: Batch) -> Tensor:
        if self.teacher is None:
            return batch[-1]
        self.teacher.eval()
        with torch.no_grad():
            logits: Tensor = self.teacher(batch[0])
        return logits


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
