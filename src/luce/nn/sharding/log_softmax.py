"""log_softmax over classes that are split over ranks, right for whatever uses it."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from luce.nn.sharding.ranks import Ranks


def sharded_log_softmax(logits: Tensor, ranks: Ranks) -> tuple[Tensor, Tensor]:
    r"""Return this rank's part of the log-probabilities, and the replicated log-normaliser.

    .. math:: \ell_j = (u_j - m) - \operatorname{log1p} \sum_{i \ne a} e^{u_i - m},
        \qquad m = u_a = \max_i u_i

    The largest logit ``a`` stands outside the sum, so that :math:`\ell_a` keeps its digits where
    it is near 0. Its gradient in the logits is

    .. math:: \frac{\partial}{\partial u_j} = g_j - p_j \sum_i g_i + p_j g_\text{lse}

    with the sum over the classes of *all* ranks: one number a row that is summed over the ranks
    in backward, whatever the log-probabilities were used for. (Handing on ``g`` as it is, in the
    hope that a cross-entropy further up has taken the softmax into account, is pytorch issue
    190746.) Differentiable any number of times.

    `logits` (n, this rank's classes), which may be no class; a row whose largest logit is not
    finite gives NaN.
    """
    found: tuple[Tensor, Tensor] = _LogSoftmax.apply(logits, ranks)
    return found


class _LogSoftmax(Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, ranks: Ranks) -> tuple[Tensor, Tensor]:
        largest, rest, winner = _measured(u, ranks)
        log_rest = torch.log1p(rest)  # (n,)
        log_p = (u - largest[:, None]).sub_(log_rest[:, None])
        ctx.ranks = ranks
        ctx.save_for_backward(log_p, winner)
        return log_p, largest + log_rest

    @staticmethod
    def backward(ctx: Any, g: Tensor, g_normaliser: Tensor) -> tuple[Tensor, None]:
        log_p, winner = ctx.saved_tensors
        ranks: Ranks = ctx.ranks
        # For the winner p (sum of all) would cancel against g where p is near 1: what it has
        # itself and what the others have are summed apart.
        none = torch.zeros_like(g)
        at_winner = torch.where(winner, g, none).sum(dim=1)
        others = torch.where(winner, none, g).sum(dim=1)
        sums = ranks.shared(ranks.summed(torch.stack([others, at_winner])))  # (2, n)
        pull = sums[0] - ranks.shared(g_normaliser)  # (n,)
        p = torch.exp(log_p)
        for_winner = -torch.expm1(log_p) * g - p * pull[:, None]
        for_others = g - p * (pull + sums[1])[:, None]
        return torch.where(winner, for_winner, for_others), None


def _measured(u: Tensor, ranks: Ranks) -> tuple[Tensor, Tensor, Tensor]:
    """Return of each row the largest logit, the others' sum of exponentials, and its place.

    Each rank measures its own classes, and one exchange tells all ranks of all. The place is a
    mask of this rank's classes with at most one True in a row of all ranks. A row whose largest
    logit is not finite has NaN.
    """
    top, own = _top(u)  # (n,), (n, k)
    shift = torch.where(torch.isneginf(top), 0.0, top)
    rest = torch.exp(u - shift[:, None]).masked_fill_(own, 0.0).sum(dim=1)  # (n,)
    tops, rests = ranks.gathered(torch.stack([top, rest], dim=1)).unbind(dim=-1)  # (ranks, n)
    largest = tops.amax(dim=0)  # (n,); NaN wins
    wins = tops == largest
    wins &= wins.cumsum(dim=0) == 1  # the first of equals
    each = torch.where(wins, rests, (1.0 + rests) * torch.exp(tops - largest))
    own &= wins[ranks.rank][:, None]
    return torch.where(torch.isfinite(largest), largest, torch.nan), each.sum(dim=0), own


def _top(u: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest logit of each row of this rank and a mask of its place.

    It is -inf, and in no place, where the rank has no classes.
    """
    place = torch.zeros_like(u, dtype=torch.bool)
    if not u.shape[1]:
        return u.new_full((len(u),), -torch.inf), place
    top, at = u.max(dim=1, keepdim=True)
    return top[:, 0], place.scatter_(1, at, True)
