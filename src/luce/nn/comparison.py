"""Which classes the rows of a batch are compared with in one step of a sampled head."""

from typing import NamedTuple

import torch
from torch import Tensor

from luce.nn.samplers import Sampler
from luce.nn.targets import Targets


class Comparison(NamedTuple):
    """The own classes of each row, which always count in full, and the drawn ones, shared by all.

    The own class of a label is the label; a distribution has its likeliest classes for own ones.
    """

    own: Tensor
    """(n, m) int64: the own classes of each row, the likeliest first."""
    ids: Tensor
    """(c,) int64: the drawn classes."""
    log_count: Tensor
    """(c,): log of how often each is expected in the sample; infinity for one to be left out."""
    hit: Tensor
    """(n, c): whether a drawn class is one of the row's own: an accidental hit."""

    @classmethod
    def of(
        cls, target: Tensor, targets: Targets, sampler: Sampler, n_samples: int, top: int
    ) -> "Comparison":
        """Draw `n_samples` classes; distributions have their `top` likeliest classes for own."""
        if targets.y is not None:
            own = targets.y[:, None]
            labels, ignored = targets.y, targets.scalars.ignore_index
            if ignored is not None:
                labels = torch.where(target.reshape(-1) != ignored, labels, -1)
        else:
            assert targets.q is not None
            own = targets.q.topk(min(top, targets.q.shape[1]), dim=1).indices
            labels = torch.multinomial(targets.q, 1)[:, 0]  # as if it were a label's row
        ids, log_count = sampler.draw(n_samples, labels)
        hit = (own[:, :, None] == ids).any(dim=1)
        return cls(own, ids, log_count.to(targets.own.dtype), hit)

    def every_id(self) -> Tensor:
        """Return the own classes of all rows and then the drawn ones, (n m + c,)."""
        return torch.cat([self.own.reshape(-1), self.ids])

    def split(self, of_every_id: Tensor) -> tuple[Tensor, Tensor]:
        """Return what belongs to the own classes (n, m, ...) and to the drawn ones (c, ...)."""
        own, drawn = of_every_id.split([self.own.numel(), len(self.ids)])
        return own.reshape(*self.own.shape, *own.shape[1:]), drawn

    def log_weight(self) -> Tensor:
        """Return by what each drawn class is weighed, (n, c): ``-log count``, -inf for hits."""
        return torch.where(self.hit, -torch.inf, -self.log_count)

    def shares(
        self, log_weight: Tensor, targets: Targets, n_classes: int
    ) -> tuple[Tensor, Tensor | None]:
        r"""Return ``t`` of the own classes (n, m) and of the drawn ones (n, c), None for zeros.

        What a target gives to classes that are not the row's own is shared among the drawn ones,
        in proportion to its Horvitz-Thompson weights (Hájek's estimator): the target keeps its
        sum, so that adding a number to all logits changes nothing.
        """
        own, drawn = targets.own[:, None], None
        weight, by_size = targets.weight, log_weight.exp()
        if targets.q is not None:
            of_own = targets.q.gather(1, self.own)
            rest = (targets.q.sum(dim=1) - of_own.sum(dim=1)).clamp(min=0.0)[:, None]
            drawn = own * rest * _shared(by_size * targets.q[:, self.ids])
            own = own * of_own if weight is None else own * of_own * weight[self.own]
        if targets.spread is not None:
            even = targets.spread[:, None]
            others = (n_classes - self.own.shape[1]) * even * _shared(by_size)
            own = own + (even if weight is None else even * weight[self.own])
            drawn = others if drawn is None else drawn + others
        return own, drawn if drawn is None or weight is None else drawn * weight[self.ids]


def _shared(sizes: Tensor) -> Tensor:
    """Return each size's part in the sum of its row, 0 where all are 0."""
    total = sizes.sum(dim=1, keepdim=True)
    return sizes / torch.where(total > 0, total, 1.0)
