r"""The threshold of entmax by torch operations: no loop whose length the numbers decide.

With the differences ``g <= 0`` of the logits to the largest, divided by the temperature, the
probabilities are ``p = max((alpha - 1) g - s, 0) ** (1 / (alpha - 1))`` for the threshold ``s`` in
[-1, 0) at which they add up to 1. Only classes with ``(alpha - 1) g > -1`` can be in the support:
the others may be moved up to that, infinitely unlikely ones among them.

Computed in float64 on the CPU, in float32 at least elsewhere, and always without a gradient: that
follows from the probabilities.
"""

import torch
from torch import Tensor

_BITS = {torch.float32: 32, torch.float64: 60}  # halvings: a little more than a number holds


def probabilities(z: Tensor, alpha: Tensor, dim: int, t: float, known: float | None) -> Tensor:
    """Return entmax along `dim`; `known` is alpha if it is one number outside of any tensor."""
    wide = z.detach().double() if z.device.type == "cpu" else z.detach()
    a = known - 1.0 if known else alpha.detach().to(wide.dtype) - 1.0
    gap = (wide - wide.amax(dim, keepdim=True)) / t  # NaN at a largest logit that is infinite
    u = (a * gap).clamp(min=-1.0)
    if known == 2.0:
        return (u - _linear(u, dim)).clamp(min=0.0).to(z.dtype)
    if known == 1.5:
        return ((u - _quadratic(u, dim)).clamp(min=0.0) ** 2).to(z.dtype)
    return _bisected(u, a, dim).to(z.dtype)


def _linear(u: Tensor, dim: int) -> Tensor:
    """Return the threshold of sparsemax (Held, Wolfe & Crowder 1974; Martins & Astudillo 2016)."""
    ordered = u.sort(dim, descending=True).values
    count = _counts(u, dim)
    total = ordered.cumsum(dim)
    inside = count * ordered > total - 1.0
    n = inside.sum(dim, keepdim=True).clamp(min=1)
    return (total.gather(dim, n - 1) - 1.0) / n


def _quadratic(u: Tensor, dim: int) -> Tensor:
    """Return the threshold of 1.5-entmax (Peters, Niculae & Martins 2019, algorithm 2).

    It is the mean of the support less the root of what its variance leaves of 1 / n.
    """
    ordered = u.sort(dim, descending=True).values
    count = _counts(u, dim)
    mean = ordered.cumsum(dim) / count
    scatter = (ordered**2).cumsum(dim) - count * mean**2
    threshold = mean - ((1.0 - scatter) / count).clamp(min=0.0).sqrt()
    inside = threshold <= ordered
    n = inside.sum(dim, keepdim=True).clamp(min=1)
    return threshold.gather(dim, n - 1)


def _bisected(u: Tensor, a: float | Tensor, dim: int) -> Tensor:
    """Return the probabilities for any alpha.

    The threshold lies between -1, where the winner alone has 1, and the point at which even as
    many winners as there are classes would share it.
    """
    power, classes = 1.0 / a, u.shape[dim]
    low = torch.full_like(u.narrow(dim, 0, 1), -1.0)
    high = low * 0.0 - torch.as_tensor(1.0 / classes, dtype=u.dtype, device=u.device) ** a
    for _ in range(_BITS[u.dtype]):
        middle = 0.5 * (low + high)
        total = ((u - middle).clamp(min=0.0) ** power).sum(dim, keepdim=True)
        low, high = torch.where(total >= 1, middle, low), torch.where(total >= 1, high, middle)
    v = (u - low).clamp(min=0.0)
    p = v**power
    # What the sum is off by is taken from each class by its slope.
    slope = torch.where(v > 0, p / torch.where(v > 0, v, torch.ones_like(v)), torch.zeros_like(v))
    excess = p.sum(dim, keepdim=True) - 1.0
    return (p - slope * (excess / slope.sum(dim, keepdim=True))).clamp(min=0.0)


def _counts(u: Tensor, dim: int) -> Tensor:
    shape = [1] * u.dim()
    shape[dim] = u.shape[dim]
    return torch.arange(1, u.shape[dim] + 1, dtype=u.dtype, device=u.device).view(shape)
