"""The loss of a training step in which the rows of a batch see few of the classes."""

from collections.abc import Callable

from torch import Tensor

from luce.nn.comparison import Comparison
from luce.nn.head import Head
from luce.nn.options import LossOptions
from luce.nn.samplers import Sampler
from luce.nn.targets import Targets

RowLosses = Callable[[Tensor, Comparison, Targets], Tensor]


def sampled_loss(
    head: Head,
    hidden: Tensor,
    target: Tensor,
    options: LossOptions,
    *,
    sampler: Sampler,
    n_samples: int,
    top: int,
    of_rows: RowLosses,
) -> Tensor:
    """Return the loss of a head's hidden states, each compared with its own and drawn classes.

    `of_rows` gives the loss of each row (n,) for the rows (n, in_features), the classes that they
    are compared with, and their targets.
    """
    rows, targets = head.rows_and_targets(hidden, target, options)
    among = Comparison.of(target, targets, sampler, n_samples, top)
    losses = of_rows(rows, among, targets)
    return targets.reduced(losses.reshape(hidden.shape[:-1]))
