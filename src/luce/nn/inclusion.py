"""Samples of n distinct classes in which each class has a given probability of being included."""

import torch
from torch import Tensor


def inclusion_scale(q: Tensor, n: int) -> float:
    r"""Return ``c`` with :math:`\sum_j \min(1, c\, q_j) = n`, for n below the number of classes.

    Classes with a probability of more than ``1 / c`` are in every sample.
    """
    largest = q.to(torch.float64).topk(n).values  # no more than n classes can be certain
    before = largest.cumsum(0) - largest  # the mass of the classes that are certain
    certain = torch.arange(n, device=q.device)
    scales = (n - certain) / (1 - before)
    fits = scales * largest <= 1  # the largest of the others is not certain any more
    first = int(fits.to(torch.uint8).argmax()) if bool(fits.any()) else n - 1
    return float(scales[first])


def systematic(upto: Tensor, n: int, generator: torch.Generator | None = None) -> Tensor:
    """Return n distinct classes, given running sums of their probabilities of being included.

    The points ``u, u + 1, ...`` with one random u in [0, 1) lie each in one class's interval, and
    an interval is not longer than 1: the sample has exactly n classes, and class j is in it with
    exactly the length of its interval as probability (Madow 1949, Ann. Math. Statist. 20(3)).
    """
    start = torch.rand((), generator=generator, device=upto.device, dtype=upto.dtype)
    points = start + torch.arange(n, device=upto.device)
    return torch.searchsorted(upto, points, right=True).clamp(max=len(upto) - 1)
