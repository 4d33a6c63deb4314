"""The loss of rows whose logits are split over ranks, with every option of `cross_entropy`."""

import torch
from torch import Tensor

from luce.nn.logit_shape import LogitShape
from luce.nn.row_losses import of_all_classes, of_normalisers
from luce.nn.sharding.log_softmax import sharded_log_softmax
from luce.nn.sharding.ranks import Ranks
from luce.nn.targets import Targets


def sharded_row_losses(z: Tensor, own: Targets, ranks: Ranks) -> Tensor:
    """Return the loss of each row (n,), replicated, from this rank's logits (n, its classes).

    `own` are the targets :func:`of_classes` of this rank. Each rank adds up the terms of its own
    classes, and these sums are added up over the ranks: so the smoothing is spread over all
    classes, each counted once. (A mean over the own classes, as if they were all, is Megatron-LM
    issue 737; a loss of gathered logits that sums over the ranks once more, and so is log(ranks)
    too large, is in its issue 7452.)
    """
    scalars = own.scalars
    log_p, normaliser = sharded_log_softmax(
        LogitShape(scalars.softcap, scalars.temperature)(z), ranks
    )
    terms = of_all_classes(log_p, own) if z.shape[1] else log_p.sum(dim=1)  # no class: zeros
    losses = ranks.summed(terms)
    return losses + of_normalisers(normaliser.square(), own) if scalars.z_loss else losses


def of_classes(targets: Targets, classes: range) -> Targets:
    """Return the targets of some classes; a label among the others has no share in them."""
    cut = slice(classes.start, classes.stop)
    weight = None if targets.weight is None else targets.weight[cut]
    if targets.y is None:
        assert targets.q is not None
        return targets._replace(q=targets.q[:, cut], weight=weight)
    here = (targets.y >= classes.start) & (targets.y < classes.stop)
    return targets._replace(
        y=torch.where(here, targets.y - classes.start, 0),
        own=torch.where(here, targets.own, 0.0),
        weight=weight,
    )


def of_rows(targets: Targets, rows: Tensor) -> Targets:
    """Return the targets of some rows, all of which count."""
    return targets._replace(
        y=None if targets.y is None else targets.y[rows],
        q=None if targets.q is None else targets.q[rows],
        own=targets.own[rows],
        spread=None if targets.spread is None else targets.spread[rows],
        share=targets.share[rows],
        used=None,
    )
