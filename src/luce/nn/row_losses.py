"""Losses of rows from log-probabilities, with any target and any option, in torch's operations.

The torch twin of `luce.losses.row_losses`; here 0 * inf = 0, too.
"""

import torch
from torch import Tensor

from luce.nn.targets import Targets

_FAR = -800.0  # exp of it is 0 in float64, too


def of_all_classes(log_p: Tensor, targets: Targets) -> Tensor:
    """Return the loss of each row, given the log-probability of each class (n, k)."""
    if targets.q is None and targets.spread is None:
        assert targets.y is not None
        return of_labels(log_p.gather(1, targets.y[:, None])[:, 0], targets)
    if targets.q is None:
        assert targets.y is not None
        assert targets.spread is not None
        at_label = of_labels(log_p.gather(1, targets.y[:, None])[:, 0], targets)
        weight = log_p.new_ones(log_p.shape[1]) if targets.weight is None else targets.weight
        spread = expected_surprise(log_p, weight.expand_as(log_p), targets.scalars.gamma)
        return at_label + _counted(targets.spread, spread)
    share = targets.q if targets.weight is None else targets.q * targets.weight  # (n, k)
    t = targets.own[:, None] * share
    if targets.spread is not None:
        even = targets.spread[:, None]
        t = t + (even if targets.weight is None else even * targets.weight)
    return expected_surprise(log_p, t, targets.scalars.gamma)


def of_labels(log_p: Tensor, targets: Targets) -> Tensor:
    """Return the part of each row's loss that its label has, given its log-probability (n,)."""
    return _counted(targets.own, _surprise(log_p, targets.scalars.gamma))


def of_normalisers(squares: Tensor, targets: Targets) -> Tensor:
    """Return the z-loss of each row, given the sum of its squared log-normalisers (n,)."""
    return _counted(targets.scalars.z_loss * targets.share, squares)


def log_normaliser(z: Tensor, log_p: Tensor) -> Tensor:
    """Return ``log sum_j exp(z_ij)`` of each row (n,), given logits and their log-softmax."""
    winner = log_p.argmax(dim=1, keepdim=True)
    return (z.gather(1, winner) - log_p.gather(1, winner))[:, 0]


def expected_surprise(log_p: Tensor, t: Tensor, gamma: float) -> Tensor:
    """Return ``sum_j t_ij (1 - p_ij)^gamma (-log p_ij)`` of each row."""
    impossible = (t == 0) & torch.isinf(log_p)
    return (t * _surprise(torch.where(impossible, 0.0, log_p), gamma)).sum(dim=1)


def _surprise(log_p: Tensor, gamma: float) -> Tensor:
    """Return ``(1 - p)^gamma (-log p)``, with 1 - p as exact as log p is."""
    if gamma == 0:
        return -log_p
    rest = -log_p.clamp(min=_FAR).expm1()
    certain = rest == 0  # then the loss is 0 and so is its slope, but that of the power is not
    power = torch.where(certain, 1.0, rest) ** gamma
    return torch.where(certain, 0.0, power * -log_p)


def _counted(factor: Tensor, value: Tensor) -> Tensor:
    """Return the product, with ``0 * inf = 0`` and no gradient there."""
    return factor * torch.where((factor == 0) & torch.isinf(value), 0.0, value)
