"""The processes that share the classes, and sums over them that gradients pass through rightly.

A gradient here is that of the *one* loss that all processes hold alike. From that follow two
rules, each the adjoint of the other, and they are all that is needed:

=====================  =========================  =========================
of a tensor x          forward                    backward
=====================  =========================  =========================
`Ranks.summed(x)`      sum of x over the ranks    x gets the gradient as it is
`Ranks.shared(x)`      x as it is                 sum of the gradients over the ranks
=====================  =========================  =========================

`summed` makes one replicated number of each rank's part of it; `shared` hands a replicated tensor
(the rows, which all ranks hold) to computations that differ from rank to rank. Leaving the second
out is the fault of a plain ``all_reduce`` or ``all_gather`` in a graph: gradients then miss what
the other ranks contribute. Shoeybi et al. (2019), arXiv 1909.08053, section 3, call the pair g
and f.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import pad

_NARROW = (torch.float16, torch.bfloat16)  # summed as float32: one rounding, not one per rank


def sum_over_ranks(x: Tensor, process_group: Any = None) -> Tensor:
    """Return the sum of a tensor over processes: the loss of which each has computed a part.

    Parameters
    ----------
    x : Tensor
        This process's part, of the same shape on all.
    process_group : torch.distributed.ProcessGroup, optional
        The processes that call this together; None takes all.

    Returns
    -------
    Tensor
        The sum, the same on every process. Its gradient reaches `x` as it is: all processes hold
        the one sum, and call ``backward`` on it, but `x` is in it once.

    Raises
    ------
    RuntimeError
        By torch.distributed, if the shapes differ.

    Notes
    -----
    Without torch.distributed it is `x`. For losses of one's own on
    :meth:`ShardedSoftmax.local_log_prob`. Costs one ``all_reduce``; 16 bits are summed as float32.

    Source: Shoeybi et al. (2019), arXiv 1909.08053, section 3.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import ShardedSoftmax, sum_over_ranks
    >>> head = ShardedSoftmax(4, 6)
    >>> log_p = head.local_log_prob(torch.ones(2, 4))
    >>> expected_rank = (log_p.exp() * torch.tensor(head.classes)).sum()  # of these classes
    >>> sum_over_ranks(expected_rank).backward()  # of all
    """
    return Ranks(process_group).summed(x)


class Ranks:
    """The processes of a group; without a group and without torch.distributed, one alone.

    Parameters
    ----------
    process_group : torch.distributed.ProcessGroup, optional
        None takes all processes.
    """

    def __init__(self, process_group: Any = None) -> None:
        alone = not (dist.is_available() and dist.is_initialized())
        self.group = process_group
        self.size = 1 if alone else dist.get_world_size(process_group)
        self.rank = 0 if alone else dist.get_rank(process_group)

    def __deepcopy__(self, memo: Any) -> "Ranks":
        return self  # a group of processes is no value: a copied module belongs to the same

    def summed(self, x: Tensor) -> Tensor:
        """Return the sum of `x` over the ranks; its gradient goes to each of them as it is."""
        found: Tensor = x if self.size == 1 else _Summed.apply(x, self)
        return found

    def shared(self, x: Tensor) -> Tensor:
        """Return `x`, which every rank holds alike; its gradient is summed over the ranks."""
        found: Tensor = x if self.size == 1 else _Shared.apply(x, self)
        return found

    def gathered(self, x: Tensor) -> Tensor:
        """Return the `x` of all ranks, stacked in front (ranks, ...); without a gradient."""
        if self.size == 1:
            return x.detach()[None]
        parts = [
            torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(self.size)
        ]
        dist.all_gather(parts, x.detach().contiguous(), group=self.group)
        return torch.stack(parts)

    def joined(self, x: Tensor, sizes: tuple[int, ...]) -> Tensor:
        """Return the last axis of all ranks side by side; rank r has `sizes[r]` of it.

        The result is replicated: its gradient is cut into the parts of the ranks.
        """
        found: Tensor = x if self.size == 1 else _Joined.apply(x, self, sizes)
        return found

    def total(self, x: Tensor) -> Tensor:
        """Return the sum of `x` over the ranks, without a gradient."""
        if self.size == 1:
            return x
        wide = x.to(torch.float32) if x.dtype in _NARROW else x.clone()
        wide = wide.contiguous()
        dist.all_reduce(wide, group=self.group)
        return wide.to(x.dtype)

    def from_first(self, x: Tensor) -> Tensor:
        """Return the first rank's `x` on all ranks, without a gradient."""
        if self.size == 1:
            return x
        first = 0 if self.group is None else dist.get_global_rank(self.group, 0)
        x = x.contiguous()
        dist.broadcast(x, first, group=self.group)
        return x


class _Summed(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks.total(x)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        return ctx.ranks.shared(g), None


class _Shared(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        return ctx.ranks.summed(g), None


class _Joined(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: Ranks, sizes: tuple[int, ...]) -> Tensor:
        ctx.ranks, ctx.sizes = ranks, sizes
        widest = max(sizes)
        padded = pad(x.detach(), (0, widest - x.shape[-1]))
        parts = ranks.gathered(padded).unbind()
        return torch.cat([p[..., :size] for p, size in zip(parts, sizes, strict=True)], dim=-1)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        return _Own.apply(g, ctx.ranks, ctx.sizes), None, None


class _Own(Function):
    """The adjoint of `_Joined`: each rank's part of a replicated tensor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: Ranks, sizes: tuple[int, ...]) -> Tensor:
        ctx.ranks, ctx.sizes = ranks, sizes
        own: Tensor = x.split(list(sizes), dim=-1)[ranks.rank]
        return own.contiguous()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None]:
        return ctx.ranks.joined(g, ctx.sizes), None, None
