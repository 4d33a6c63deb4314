"""Cross-entropy with every option, one row at a time, and its derivatives by differences.

The loss is the formula as it stands in 200 digits; first and second derivatives are central
differences of it with steps of 1e-45, so they know nothing of the formulas in luce.
"""

from typing import Any, NamedTuple

import numpy as np
from mpmath import mp, mpf

DIGITS = 200
STEP = mpf(10) ** -45
OWN_ERROR = 1e-85  # of derivatives, where the loss itself is near 1


class Row(NamedTuple):
    """A row's target and options, all exact."""

    q: list[mpf]
    w: list[mpf]
    by_row: bool
    s: mpf
    temperature: mpf
    softcap: mpf | None
    z_loss: mpf
    gamma: mpf

    def share(self) -> mpf:
        return mp.fsum(q * w for q, w in zip(self.q, self.w, strict=True))

    def target(self) -> list[mpf]:
        k, r = len(self.q), self.share()
        factors = [r] * k if self.by_row else self.w
        return [w * ((1 - self.s) * q + self.s / k) for q, w in zip(self.q, factors, strict=True)]

    def logits(self, z: list[mpf]) -> list[mpf]:
        c = self.softcap
        squeezed = z if c is None else [c * mp.tanh(x / c) if mp.isfinite(x) else x for x in z]
        return [x / self.temperature for x in squeezed]


def loss_of(z: list[mpf], row: Row) -> mpf:
    u = row.logits(z)
    odds = [mp.exp(one) for one in u]
    total = mp.fsum(odds)
    lse = mp.log(total)
    terms = (
        t * mp.fsum(odds[:j] + odds[j + 1 :]) ** row.gamma / total**row.gamma * (lse - u[j])
        for j, t in enumerate(row.target())
        if t
    )
    return mp.fsum(terms) + row.z_loss * row.share() * lse**2


def moved(z: list[mpf], j: int, by: mpf) -> list[mpf]:
    return [one + by if i == j else one for i, one in enumerate(z)]


def gradient_of(z: list[mpf], row: Row) -> list[mpf]:
    rise = (
        loss_of(moved(z, j, STEP), row) - loss_of(moved(z, j, -STEP), row) for j in range(len(z))
    )
    return [one / (2 * STEP) for one in rise]


def product_of(z: list[mpf], row: Row, v: list[mpf]) -> list[mpf]:
    ahead = [one + STEP * along for one, along in zip(z, v, strict=True)]
    behind = [one - STEP * along for one, along in zip(z, v, strict=True)]
    return [
        (
            loss_of(moved(ahead, j, STEP), row)
            - loss_of(moved(ahead, j, -STEP), row)
            - loss_of(moved(behind, j, STEP), row)
            + loss_of(moved(behind, j, -STEP), row)
        )
        / (4 * STEP**2)
        for j in range(len(z))
    ]


class Units(NamedTuple):
    """The sums of the absolute values of the documented terms, in which errors are counted."""

    loss: mpf
    gradient: list[mpf]
    product: list[mpf]


def units_of(z: list[mpf], row: Row, v: list[mpf]) -> Units:
    k, u, t, g = range(len(z)), row.logits(z), row.target(), row.gamma
    odds = [mp.exp(one) for one in u]
    p = [one / mp.fsum(odds) for one in odds]
    rest = [mp.fsum(odds[:j] + odds[j + 1 :]) / mp.fsum(odds) for j in k]
    log_p = [mp.log(one) for one in p]
    winner = max(k, key=u.__getitem__)
    size = abs(u[winner]) + abs(log_p[winner])
    z_pull = 2 * row.z_loss * row.share()
    if len(z) == 1:
        s, s_bend = [mpf(0) if g else one for one in t], [mpf(0)]
    else:
        s = [t[j] * (rest[j] ** g - g * p[j] * rest[j] ** (g - 1) * log_p[j]) for j in k]
        s_bend = [
            t[j] * g * p[j] * rest[j] ** (g - 1)
            * (2 - log_p[j] + abs(g - 1) * p[j] * -log_p[j] / rest[j])
            for j in k
        ]  # fmt: skip
    if row.softcap is None:
        first, second = [1 / row.temperature for _ in k], [mpf(0) for _ in k]
    else:
        x = [one / row.softcap for one in z]
        first = [mp.sech(one) ** 2 / row.temperature for one in x]
        second = [
            2 / row.softcap * abs(mp.tanh(one)) * slope for one, slope in zip(x, first, strict=True)
        ]
    along = [first[j] * v[j] for j in k]
    mean = mp.fsum(p[j] * abs(along[j] - along[winner]) for j in k)
    turn = [abs(along[j] - along[winner]) + mean for j in k]
    s_turn = [s_bend[j] * turn[j] for j in k]
    others = [mp.fsum(s[:j] + s[j + 1 :]) for j in k]
    gradient = [p[j] * others[j] + s[j] * rest[j] + z_pull * p[j] * size for j in k]
    product = [
        first[j]
        * (
            p[j] * (
                (mp.fsum(s) + z_pull * size) * turn[j]
                + mp.fsum(s_turn[:j] + s_turn[j + 1 :])
                + z_pull * (abs(along[winner]) + mean)
            )
            + s_turn[j] * rest[j]
        )
        + second[j] * abs(v[j]) * gradient[j]
        for j in k
    ]  # fmt: skip
    loss = mp.fsum(-t[j] * rest[j] ** g * log_p[j] for j in k)
    return Units(
        loss + row.z_loss * row.share() * size**2,
        [first[j] * (gradient[j] + z_pull * p[j] * size) for j in k],
        [2 * one for one in product],
    )


class Answer(NamedTuple):
    """The exact values for (n, k) logits, divided as the reduction asks, and their units."""

    losses: list[mpf]
    gradient: list[list[mpf]]
    product: list[list[mpf]]
    units: list[Units]


def cross_entropy_answer(
    rows: Any,
    target: Any,
    vector: Any,
    *,
    weight: Any = None,
    weighting: str = "class",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    focal_gamma: float = 0.0,
    reduction: str = "mean",
    normalizer: float | None = None,
) -> Answer:
    """Return what cross_entropy, its gradient and its product with `vector` are of each row."""
    with mp.workdps(DIGITS):
        k, labels = len(rows[0]), np.ndim(target) == 1
        w = [mpf(1)] * k if weight is None else [mpf(float(one)) for one in weight]
        kept = [not labels or ignore_index is None or one != ignore_index for one in target]
        exact = [
            Row(
                [mpf(int(j == one)) for j in range(k)] if labels else [mpf(float(x)) for x in one],
                w,
                weighting == "row",
                mpf(float(label_smoothing)),
                mpf(float(temperature)),
                None if softcap is None else mpf(float(softcap)),
                mpf(float(z_loss)),
                mpf(float(focal_gamma)),
            )
            for one in target
        ]
        divisor = mpf(1)
        if reduction == "mean" and normalizer is not None:
            divisor = mpf(float(normalizer))
        elif reduction == "mean":
            counted = [row for row, used in zip(exact, kept, strict=True) if used]
            weighed = labels or weighting == "row"
            divisor = mp.fsum(row.share() for row in counted) if weighed else mpf(len(counted))
        answer = Answer([], [], [], [])
        for z, row, v, used in zip(rows, exact, vector, kept, strict=True):
            z, v = [mpf(float(x)) for x in z], [mpf(float(x)) for x in v]
            nothing = [mpf(0)] * k
            if not used:
                answer.losses.append(mpf(0))
                answer.gradient.append(nothing)
                answer.product.append(nothing)
                answer.units.append(Units(mpf(0), nothing, nothing))
                continue
            unit = units_of(z, row, v)
            answer.losses.append(loss_of(z, row) / divisor)
            answer.gradient.append([one / divisor for one in gradient_of(z, row)])
            answer.product.append([one / divisor for one in product_of(z, row, v)])
            answer.units.append(
                Units(
                    unit.loss / divisor,
                    [one / divisor for one in unit.gradient],
                    [one / divisor for one in unit.product],
                )
            )
        return answer
