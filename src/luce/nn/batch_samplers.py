"""Samplers that take classes from the batch itself: the labels of other rows."""

import math

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from luce.errors import ShapeError
from luce.nn.class_counts import as_frequencies
from luce.nn.samplers import Draw, Sampler


class InBatchSampler(Sampler):
    r"""Takes the labels of the other rows of the batch as the classes to compare with.

    Their embeddings are at hand anyway, and frequent classes come more often: without the
    correction by their expected count, which this sampler tells, popular classes would be pushed
    down. Class j is expected ``(rows - 1) q_j`` times among the other rows.

    Parameters
    ----------
    n_classes : int
        The number of classes ``k``.
    counts : array_like, shape (k,), optional
        How often each class occurs in the data. None counts the labels as they pass.

    Notes
    -----
    The number of classes that is asked for is of no effect: there is one for each row with a label.
    Rows must be drawn from the data independently, or the expected counts are wrong. Labels count
    once under activation checkpointing, too; where other batches pass before it computes again,
    its expected counts know them.

    Source: Yi et al. (2019), Sampling-bias-corrected neural modeling for large corpus item
    recommendations, RecSys, section 4. They estimate frequencies by the number of steps between
    two visits; here they are counted.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import InBatchSampler
    >>> sampler = InBatchSampler(3, counts=[50, 25, 25])
    >>> sampler.draw(0, torch.tensor([0, 2, 0])).log_expected_count.exp()
    tensor([1.0000, 0.5000, 1.0000], dtype=torch.float64)
    """

    def __init__(self, n_classes: int, *, counts: ArrayLike | None = None) -> None:
        super().__init__(n_classes)
        self.counts_labels = counts is None
        if counts is None:
            seen = torch.zeros(self.n_classes, dtype=torch.float64)
        else:
            seen = as_frequencies(counts)
            if len(seen) != self.n_classes:
                raise ShapeError(
                    f"counts must hold one number for each of the {self.n_classes} classes, got"
                    f" {len(seen)}. Pass counts of shape ({self.n_classes},)."
                )
            seen = seen.clamp(min=float(seen[seen > 0].min()))  # who is in a batch has been seen
        self.seen: Tensor
        self.register_buffer("seen", seen)

    def draw(self, n: int, labels: Tensor, *, generator: torch.Generator | None = None) -> Draw:
        is_label = labels >= 0
        ids = labels.clamp(min=0)
        if self.counts_labels and not _is_backward():  # a checkpoint computes again what it counted
            self.seen.index_add_(0, ids, is_label.to(self.seen.dtype))
        others = (is_label.sum() - 1).clamp(min=1)
        expected = others * self.seen[ids] / self.seen.sum()
        return Draw(ids, torch.where(is_label, expected.log(), math.inf))


def _is_backward() -> bool:
    """Whether autograd runs: torch has no public name for what its own checkpoints ask."""
    return not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1


class WithBatchLabels(Sampler):
    """Adds the labels of the batch to the classes of another sampler.

    Their embeddings are needed anyway. All labels of the batch count in full (expected once), the
    classes of the other sampler where they are no label of the batch: sums over classes are
    estimated without bias, and with less variance.

    Parameters
    ----------
    sampler : Sampler
        Draws the other classes.

    Notes
    -----
    As the negative class centres of Partial FC, An et al. (2022), arXiv 2203.15565, section 3.2,
    but for `n` centres beside the labels, not with them. Not for :class:`NCE`, whose noise must not
    depend on the labels.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import UniformSampler, WithBatchLabels
    >>> sampler = WithBatchLabels(UniformSampler(4))
    >>> ids, log_count = sampler.draw(4, torch.tensor([2, 0, 2]))
    >>> sorted(ids[log_count == 0].tolist())  # each class once
    [0, 1, 2, 3]
    """

    def __init__(self, sampler: Sampler) -> None:
        super().__init__(sampler.n_classes)
        self.sampler = sampler

    def prepare(self, n: int) -> None:
        self.sampler.prepare(n)

    def draw(self, n: int, labels: Tensor, *, generator: torch.Generator | None = None) -> Draw:
        ids, log_count = self.sampler.draw(n, labels, generator=generator)
        present = torch.where(labels >= 0, labels, self.n_classes).sort().values
        is_new = torch.cat([present[:1] < self.n_classes, present[1:] != present[:-1]])
        is_new = is_new & (present < self.n_classes)
        ended = torch.nn.functional.pad(present, (0, 1), value=self.n_classes)  # no class of theirs
        is_label = ended[torch.searchsorted(present, ids)] == ids
        log_count = torch.where(is_label, math.inf, log_count)
        of_labels = torch.where(is_new, 0.0, math.inf).to(log_count.dtype)
        every_id = torch.cat([present.clamp(max=self.n_classes - 1), ids])
        return Draw(every_id, torch.cat([of_labels, log_count]))
