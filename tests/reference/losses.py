"""Cross-entropy and its gradient in mpmath, written as PyTorch's documentation states them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mpmath import mp, mpf

from reference.functions import at_full_precision, exact, odds_against_the_winner


def is_ignored(label: Any, ignore_index: int | None) -> bool:
    return np.ndim(label) == 0 and ignore_index is not None and label == ignore_index


def weighted_target(
    label: Any, k: int, weight: Sequence[float] | None, smoothing: float
) -> list[mpf]:
    """Return the coefficients t of a row's loss sum_j t_j (-log p_j).

    For a label y: ``(1 - s) w_y`` at y, and ``s w_j / k`` at every j. For a distribution q:
    ``w_j ((1 - s) q_j + s / k)``.
    """
    w = [mpf(1)] * k if weight is None else [mpf(float(one)) for one in weight]
    s = mpf(float(smoothing))
    q = [mpf(int(j == label)) for j in range(k)] if np.ndim(label) == 0 else exact(label)
    return [w[j] * ((1 - s) * q[j] + s / k) for j in range(k)]


@at_full_precision
def row_loss(row: Sequence[float], t: list[mpf]) -> mpf:
    z = exact(row)
    winner, _, losers = odds_against_the_winner(z)
    log_total = mp.log1p(losers)
    terms = ((t[j], (z[winner] - z[j]) + log_total) for j in range(len(z)))
    return mp.fsum(weight * surprise for weight, surprise in terms if weight)  # 0 * inf = 0


def pull_and_push(row: Sequence[float], t: list[mpf]) -> list[tuple[mpf, mpf]]:
    """Return p_j (t of the others) and t_j (p of the others); their difference is the gradient."""
    winner, odds, losers = odds_against_the_winner(exact(row))
    total = 1 + losers
    others = [(losers if j == winner else total - odd) / total for j, odd in enumerate(odds)]
    t_total = mp.fsum(t)
    return [(odds[j] / total * (t_total - t[j]), t[j] * others[j]) for j in range(len(t))]


@at_full_precision
def row_gradient(row: Sequence[float], t: list[mpf]) -> list[mpf]:
    """Return sum(t) p_j - t_j."""
    return [pull - push for pull, push in pull_and_push(row, t)]


@at_full_precision
def row_gradient_scale(row: Sequence[float], t: list[mpf]) -> list[mpf]:
    """Return the size of what may cancel in the gradient."""
    return [pull + push for pull, push in pull_and_push(row, t)]


@at_full_precision
def normalizer(target: Any, weight: Any, ignore_index: int | None, reduction: str) -> mpf:
    if reduction != "mean":
        return mpf(1)
    kept = [label for label in target if not is_ignored(label, ignore_index)]
    if weight is None or np.ndim(target[0]) == 1:
        return mpf(len(kept))
    return mp.fsum(mpf(float(weight[label])) for label in kept)


@at_full_precision
def cross_entropy(
    rows: Any,
    target: Any,
    *,
    weight: Any = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Any:
    """Return the loss of (n, k) logits: ``mpf``, or a list of them for reduction "none"."""
    losses = [
        mpf(0)
        if is_ignored(label, ignore_index)
        else row_loss(row, weighted_target(label, len(row), weight, label_smoothing))
        for row, label in zip(rows, target, strict=True)
    ]
    if reduction == "none":
        return losses
    return mp.fsum(losses) / normalizer(target, weight, ignore_index, reduction)


@at_full_precision
def cross_entropy_grad(
    rows: Any,
    target: Any,
    *,
    weight: Any = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: str = "mean",
    of_row: Callable[..., list[mpf]] = row_gradient,
) -> list[list[mpf]]:
    """Return the gradient of the loss in (n, k) logits; of its sum for reduction "none"."""
    scale = 1 / normalizer(target, weight, ignore_index, reduction)
    return [
        [mpf(0)] * len(row)
        if is_ignored(label, ignore_index)
        else [
            scale * one
            for one in of_row(row, weighted_target(label, len(row), weight, label_smoothing))
        ]
        for row, label in zip(rows, target, strict=True)
    ]


def gradient_scale(rows: Any, target: Any, **options: Any) -> list[list[mpf]]:
    """Return the size of what may cancel in each element of `cross_entropy_grad`."""
    return cross_entropy_grad(rows, target, **options, of_row=row_gradient_scale)
