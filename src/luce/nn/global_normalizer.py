"""What a mean over all processes and all parts of a batch divides by."""

from collections.abc import Iterable
from math import isinf
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from luce._checks import as_choice
from luce.nn.options import checked
from luce.nn.targets import Targets

GRADIENTS = ("averaged", "summed")
_ANY_CLASS = 2**48  # labels are checked by the loss, which knows the number of classes


def global_normalizer(
    targets: Tensor | Iterable[Tensor],
    *,
    weight: Tensor | None = None,
    weighting: str = "class",
    ignore_index: int | None = None,
    process_group: Any = None,
    gradients: str = "averaged",
) -> float:
    r"""Return the ``normalizer`` with which parts of a batch have the loss of the whole batch.

    .. math:: N = \sum_\text{processes} \sum_\text{parts} \sum_i r_i

    with :math:`r_i` the weight of row ``i``, 1 without class weights and 0 for an ignored one:
    what ``reduction="mean"`` would divide by if one process had all rows at once. A mean of means,
    which is what each process's own "mean" comes to, weighs the rows of processes with few labels
    too heavily.

    Parameters
    ----------
    targets : Tensor or iterable of Tensor
        The targets of this process: of all parts (micro-batches) between two steps of the
        optimiser. Integers are labels, floats are distributions along the last dimension.
    weight, weighting, ignore_index
        As they are handed to the loss.
    process_group : torch.distributed.ProcessGroup, optional
        The processes that hold different rows; None takes all. (Not those that share the classes
        of a `ShardedSoftmax`: they have the same rows.)
    gradients : {"averaged", "summed"}
        What becomes of the gradients of the processes. DistributedDataParallel averages them:
        then the result is N divided by the number of processes.

    Returns
    -------
    float
        For the option ``normalizer`` of any loss; 1 where no row counts.

    Raises
    ------
    ParameterError
        If `gradients` is neither.

    Notes
    -----
    Each process then computes ``loss(..., normalizer=N)`` for each part and calls ``backward``;
    the gradients add up to that of the mean over all rows. Costs one ``all_reduce`` of one number.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import global_normalizer
    >>> parts = torch.tensor([0, 2, -100]), torch.tensor([1, -100, -100])
    >>> global_normalizer(parts, ignore_index=-100)
    3.0
    """
    averaged = as_choice(gradients, GRADIENTS, "gradients") == "averaged"
    parts = [targets] if isinstance(targets, Tensor) else list(targets)
    total = sum(_weight_of(part, weight, weighting, ignore_index) for part in parts)
    processes = 1
    if dist.is_available() and dist.is_initialized():
        device = parts[0].device if parts else None
        summed = torch.tensor(total, dtype=torch.float64, device=device)
        dist.all_reduce(summed, group=process_group)
        total, processes = float(summed), dist.get_world_size(process_group)
    return (total / processes if averaged else total) or 1.0


def _weight_of(
    target: Tensor, weight: Tensor | None, weighting: str, ignore_index: int | None
) -> float:
    """Return what the mean of the losses of these rows would divide by."""
    soft = target.is_floating_point()
    leading = target.shape[:-1] if soft else target.shape
    classes = target.shape[-1] if soft else (_ANY_CLASS if weight is None else len(weight))
    ignored = None if soft else ignore_index
    w, scalars = checked(weight=weight, weighting=weighting, ignore_index=ignored, empty="zero")
    divisor = float(Targets.of(target, tuple(leading), classes, w, scalars, torch.float64).divisor)
    return 0.0 if isinf(divisor) else divisor
