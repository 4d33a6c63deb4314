"""The losses beside cross-entropy in mpmath, one row at a time, each as (loss, gradient).

Written from the papers; arguments are floats taken at their exact value. Tests that scan for the
smallest or the largest value do it on the exact numbers.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from mpmath import mp, mpf

from reference.functions import at_full_precision, exact, odds_against_the_winner

Row = Sequence[float]


class Exact(NamedTuple):
    loss: mpf
    grad: list[mpf]


@at_full_precision
def hinge(row: Row, y: int, *, margin: float = 1.0, kind: str, power: int = 1) -> Exact:
    z = exact(row)
    violations = {j: mpf(float(margin)) + z[j] - z[y] for j in range(len(z)) if j != y}
    if kind == "crammer-singer" and violations:
        first = max(violations, key=z.__getitem__)
        violations = {first: violations[first]}
    grad = [mpf(0)] * len(z)
    loss = mpf(0)
    for j, v in violations.items():
        if v > 0:
            loss += v**power
            grad[j] += power * v ** (power - 1)
            grad[y] -= power * v ** (power - 1)
    return Exact(loss, grad)


@at_full_precision
def labelled(u: list[mpf], y: int) -> Exact:
    """Return the cross-entropy of exact logits and its gradient."""
    winner, odds, losers = odds_against_the_winner(u)
    total = 1 + losers
    grad = [odd / total for odd in odds]
    others = losers if y == winner else total - odds[y]
    grad[y] = -others / total
    return Exact((u[winner] - u[y]) + mp.log1p(losers), grad)


@at_full_precision
def margined(c: mpf, kind: str, m: mpf) -> tuple[mpf, mpf, mpf]:
    """Return what replaces the label's cosine, its derivative, and the size of what cancels."""
    if kind == "cosface":
        return c - m, mpf(1), mpf(1)
    theta = mp.acos(c)
    if theta < mp.pi - m:
        pull, push = mp.cos(m), mp.sin(m) * c / mp.sin(theta)
        return mp.cos(theta + m), mp.sin(theta + m) / mp.sin(theta), abs(pull) + abs(push)
    return c - m * mp.sin(m), mpf(1), mpf(1)


@at_full_precision
def margin_loss(row: Row, y: int, *, kind: str, margin: float, scale: float) -> Exact:
    c, s = exact(row), mpf(float(scale))
    value, slope, _ = margined(c[y], kind, mpf(float(margin)))
    u = [s * one for one in c]
    u[y] = s * value
    loss, grad = labelled(u, y)
    grad = [s * one for one in grad]
    grad[y] *= slope
    return Exact(loss, grad)


@at_full_precision
def label_ranking(row: Row, relevant: Sequence[bool]) -> Exact:
    z = exact(row)
    fits = [i for i, flag in enumerate(relevant) if flag]
    others = [j for j, flag in enumerate(relevant) if not flag]
    pairs = list(product(fits, others))
    grad = [mpf(0)] * len(z)
    for i, j in pairs:
        behind = 1 / (1 + mp.exp(z[i] - z[j])) / len(pairs)
        grad[i] -= behind
        grad[j] += behind
    total = mp.fsum(mp.log1p(mp.exp(z[j] - z[i])) for i, j in pairs)
    return Exact(total / max(1, len(pairs)), grad)


@at_full_precision
def contrastive(distance: float, same: bool, margin: float) -> Exact:
    d, m = mpf(float(distance)), mpf(float(margin))
    if same:
        return Exact(d**2 / 2, [d])
    return Exact(max(mpf(0), m - d) ** 2 / 2, [-max(mpf(0), m - d)])


@at_full_precision
def info_nce(
    table: Sequence[Row], y: Sequence[int], temperature: float
) -> tuple[list[mpf], list[list[mpf]]]:
    """Return the loss of each row, and the gradient of their sum."""
    losses, grads, T = [], [], mpf(float(temperature))
    for row, label in zip(table, y, strict=True):
        loss, grad = labelled(exact(row, temperature), label)
        losses.append(loss)
        grads.append([one / T for one in grad])
    return losses, grads


class Divergence(NamedTuple):
    """A divergence, and in which units its terms are known."""

    loss: mpf
    grad: list[mpf]
    unit: mpf
    grad_unit: list[mpf]


def log_p(z: list[mpf]) -> list[mpf]:
    winner = max(range(len(z)), key=z.__getitem__)
    losers = mp.fsum(mp.exp(one - z[winner]) for j, one in enumerate(z) if j != winner)
    return [(one - z[winner]) - mp.log1p(losers) for one in z]


def digits_for(*rows: Row, temperature: float = 1.0) -> int:
    """Return how many digits 1 - p of the winners needs to keep 60 of its own."""
    widest = max(float(max(row)) - float(min(row)) for row in rows) / temperature
    return 60 + int(min(2000.0, widest))  # a probability of e^-2.3 is a digit; twice that


def kl_divergence(row: Row, target: Row, temperature: float = 1.0) -> Divergence:
    """Return ``sum q log(q / p) - sum q + 1`` and its gradient in the logits."""
    with mp.workdps(digits_for(row, temperature=temperature)):
        T = mpf(float(temperature))
        q, log = exact(target), log_p(exact(row, temperature))
        p = [mp.exp(one) for one in log]
        ratio = [mp.log(b) - a if b else mpf(0) for a, b in zip(log, q, strict=True)]
        loss = mp.fsum(b * r for b, r in zip(q, ratio, strict=True)) - mp.fsum(q) + 1
        unit = mp.fsum(b * abs(r) for b, r in zip(q, ratio, strict=True))
        total = mp.fsum(q)
        pairs = [(a * (total - b), b * (1 - a)) for a, b in zip(p, q, strict=True)]
        grad = [(pull - push) / T for pull, push in pairs]
        return Divergence(loss, grad, max(loss, unit), [(a + b) / T for a, b in pairs])


def distillation(row: Row, teacher: Row, temperature: float = 1.0) -> Divergence:
    """Return ``T^2 KL(teacher || student)`` at the temperature and its gradient in the student."""
    cancelled = max(0, int(2 * np.log10(temperature)))
    with mp.workdps(digits_for(row, teacher, temperature=temperature) + cancelled):
        T = mpf(float(temperature))
        log, log_q = log_p(exact(row, temperature)), log_p(exact(teacher, temperature))
        p, q = [mp.exp(a) for a in log], [mp.exp(b) for b in log_q]
        loss = T**2 * mp.fsum(b * (lb - la) for b, lb, la in zip(q, log_q, log, strict=True))
        grad = [T * (a - b) for a, b in zip(p, q, strict=True)]
        distance = mp.fsum(abs(g) for g in grad)
        unit = [abs(g) + min(a, b) * distance for g, a, b in zip(grad, p, q, strict=True)]
        return Divergence(loss, grad, loss, unit)
