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
        largest, rest, at, mine = _measured(u, ranks)
        log_rest = torch.log1p(rest)  # (n,)
        log_p = (u - largest[:, None]).sub_(log_rest[:, None])
        ctx.ranks = ranks
        ctx.save_for_backward(log_p, at, mine)
        return log_p, largest + log_rest

    @staticmethod
    def backward(ctx: Any, g: Tensor, g_normaliser: Tensor) -> tuple[Tensor, None]:
        log_p, at, mine = ctx.saved_tensors
        ranks: Ranks = ctx.ranks
        # For the winner p (sum of all) would cancel against g where p is near 1: what it has
        # itself and what the others have are summed apart.
        g_at = g.gather(1, at)
        others = g.scatter(1, at, torch.where(mine, 0.0, g_at)).sum(dim=1)
        of_winner = torch.where(mine, g_at, 0.0).sum(dim=1)
        sums = ranks.shared(ranks.summed(torch.stack([others, of_winner])))  # (2, n)
        pull = (sums[0] - ranks.shared(g_normaliser))[:, None]  # (n, 1)
        grad = g - torch.exp(log_p) * (pull + sums[1, :, None])
        log_p_at = log_p.gather(1, at)
        for_winner = -torch.expm1(log_p_at) * g_at - torch.exp(log_p_at) * pull
        return grad.scatter(1, at, torch.where(mine, for_winner, grad.gather(1, at))), None


def _measured(u: Tensor, ranks: Ranks) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return of each row the largest logit, the others' sum of exponentials, and where it is.

    Each rank measures its own classes, and one exchange tells all ranks of all. The last two are
    the place of this rank's largest logit, and whether that is the largest of all (of equals,
    that of the first rank): of shape (n, 1), or (n, 0) where the rank has no classes. A row whose
    largest logit is not finite has NaN.
    """
    top, at = _top(u)  # (n,), (n, 1)
    shift = torch.where(torch.isneginf(top), 0.0, top)
    rest = torch.exp(u - shift[:, None]).scatter_(1, at, 0.0).sum(dim=1)  # (n,)
    tops, rests = ranks.gathered(torch.stack([top, rest], dim=1)).unbind(dim=-1)  # (ranks, n)
    largest = tops.amax(dim=0)  # (n,); NaN wins
    wins = tops == largest
    wins &= wins.cumsum(dim=0) == 1
    each = torch.where(wins, rests, (1.0 + rests) * torch.exp(tops - largest))
    mine = wins[ranks.rank][:, None].expand(at.shape)
    return torch.where(torch.isfinite(largest), largest, torch.nan), each.sum(dim=0), at, mine


def _top(u: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest logit of each row of this rank and its place; -inf if it has none."""
    if not u.shape[1]:
        return u.new_full((len(u),), -torch.inf), torch.zeros_like(u, dtype=torch.long)
    top, at = u.max(dim=1, keepdim=True)
    return top[:, 0], at
