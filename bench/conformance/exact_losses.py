"""Expected results of the losses and their gradients, to 48 digits, by ball arithmetic.

One row's cross-entropy with all of its options is written once, as the definition states it:
``L = sum_j t_j (1 - p_j)^gamma (-log p_j) + z_loss r lse(u)^2`` with ``u = softcap(z) / T``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from flint import arb
from reference.balls import certified

from conformance.exact import ZERO, Exact, floats, objects, unit_of

ONE = arb(1)


class LossGrad(NamedTuple):
    """What a function with a gradient returns."""

    loss: Exact
    grad: Exact


class LinearLossGrad(NamedTuple):
    """What the linear loss returns."""

    loss: Exact
    grad_hidden: Exact
    grad_weight: Exact
    grad_bias: Exact


class Options(NamedTuple):
    """The options that act within a row."""

    weight: list[arb]
    weighting: str
    smoothing: arb
    temperature: arb
    softcap: arb | None
    z_loss: arb
    gamma: arb


class Row(NamedTuple):
    """One row's loss, its gradient in the logits, and the size of what may cancel there."""

    loss: arb
    grad: list[arb]
    scale: list[arb]


def coefficients(q: list[arb], o: Options) -> tuple[list[arb], arb]:
    """Return t, and the weight r of the row."""
    k, s = len(q), o.smoothing
    r = sum((a * w for a, w in zip(q, o.weight, strict=True)), ZERO)
    smooth = [(1 - s) * a + s / k for a in q]
    if o.weighting == "row":
        return [r * a for a in smooth], r
    return [w * a for w, a in zip(o.weight, smooth, strict=True)], r


def slope_in_log(p: arb, log_p: arb, gamma: arb) -> arb:
    """Return the derivative of ``-(1 - p)^gamma log p`` in ``log p``."""
    if gamma == 0:
        return -ONE
    rest = -log_p.expm1()
    return -(rest**gamma) + gamma * rest ** (gamma - 1) * p * log_p


def row_of(z: list[arb], q: list[arb], o: Options) -> Row:
    cap, bend = z, [ONE] * len(z)
    if o.softcap is not None:
        bent = [(one / o.softcap).tanh() for one in z]
        cap, bend = [o.softcap * one for one in bent], [1 - one * one for one in bent]
    possible = [j for j, one in enumerate(cap) if one != -arb("inf")]
    winner = max(possible, key=lambda j: float(cap[j]))
    top = cap[winner]
    odds = {j: ((cap[j] - top) / o.temperature).exp() for j in possible}
    losers = sum((odd for j, odd in odds.items() if j != winner), ZERO)
    log_total = losers.log1p()
    lse = top / o.temperature + log_total
    p = [odds[j] / (1 + losers) if j in odds else ZERO for j in range(len(z))]
    t, r = coefficients(q, o)
    loss = o.z_loss * r * lse**2
    slopes = [ZERO] * len(z)
    for j, weight in enumerate(t):
        if weight == 0:
            continue  # 0 * inf = 0
        if j not in odds:
            loss, slopes[j] = arb("inf"), -weight
            continue
        log_p = (cap[j] - top) / o.temperature - log_total
        loss -= weight * (1 - p[j]) ** o.gamma * log_p if o.gamma != 0 else weight * log_p
        slopes[j] = weight * slope_in_log(p[j], log_p, o.gamma)
    pull, size = sum(slopes, ZERO), sum(map(abs, slopes), ZERO)
    last = 2 * o.z_loss * r * lse
    outer = [c / o.temperature for c in bend]
    grad = [c * (g - a * pull + last * a) for c, g, a in zip(outer, slopes, p, strict=True)]
    scale = [
        abs(c) * (abs(g) * (1 - a) + a * (size - abs(g)) + abs(last) * a)
        for c, g, a in zip(outer, slopes, p, strict=True)
    ]
    return Row(loss, grad, scale)


class Problem:
    """Checked nothing, prepared everything: rows, targets, options and the divisor."""

    def __init__(
        self,
        logits,
        target,
        *,
        axis=-1,
        weight=None,
        weighting="class",
        label_smoothing=0.0,
        ignore_index=None,
        temperature=1.0,
        softcap=None,
        z_loss=0.0,
        focal_gamma=0.0,
        reduction="mean",
        normalizer=None,
        empty="nan",
    ):
        moved = np.moveaxis(floats(logits), axis, -1)
        self.axis, self.moved, k = axis, moved.shape, moved.shape[-1]
        self.z = [list(map(arb, row.tolist())) for row in moved.reshape(-1, k)]
        given, labelled = np.asarray(target), np.ndim(target) < moved.ndim
        if labelled:
            labels = [int(one) for one in given.reshape(-1)]
            self.kept = [one != ignore_index for one in labels]
            self.q = [[ONE if j == y else ZERO for j in range(k)] for y in labels]
        else:
            rows = np.moveaxis(floats(given), axis, -1).reshape(-1, k)
            self.kept = [True] * len(rows)
            self.q = [list(map(arb, row.tolist())) for row in rows]
        w = [ONE] * k if weight is None else list(map(arb, floats(weight).tolist()))
        self.options = Options(
            w,
            weighting,
            arb(float(label_smoothing)),
            arb(float(temperature)),
            None if softcap is None else arb(float(softcap)),
            arb(float(z_loss)),
            arb(float(focal_gamma)),
        )
        self.reduction, self.unit = reduction, unit_of(logits)
        self.divisor = ONE
        if reduction == "mean":
            weights = [coefficients(q, self.options)[1] for q in self.q]
            if weighting == "class" and not labelled:
                weights = [ONE] * len(weights)
            pairs = zip(weights, self.kept, strict=True)
            counted = sum((one for one, kept in pairs if kept), ZERO)
            self.divisor = counted if normalizer is None else arb(float(normalizer))

    def rows(self) -> list[Row]:
        still = [ZERO] * self.moved[-1]
        none = Row(ZERO, still, still)
        of_row = certified(row_of)
        return [
            of_row(z, q, self.options) if kept else none
            for z, q, kept in zip(self.z, self.q, self.kept, strict=True)
        ]

    def loss(self, losses: list[arb], name: str) -> Exact:
        if self.reduction == "none":
            values = objects(losses, self.moved[:-1])
        else:
            values = objects([sum(losses, ZERO) / self.divisor], ())
        return Exact(values, self.unit, (name, ""))

    def slopes(self, grads: list[list[arb]], scales: list[list[arb]], name: str) -> Exact:
        def back(rows):
            flat = objects([one / self.divisor for row in rows for one in row], self.moved)
            return np.moveaxis(flat, -1, self.axis)

        part = "gradient" if name.endswith("grad") else ""
        return Exact(back(grads), self.unit, (name, part), back(scales))


def cross_entropy(logits, target, **options):
    problem = Problem(logits, target, **options)
    return problem.loss([row.loss for row in problem.rows()], "cross_entropy")


def cross_entropy_grad(logits, target, **options):
    problem = Problem(logits, target, **options)
    rows, name = problem.rows(), "cross_entropy_grad"
    grad = problem.slopes([row.grad for row in rows], [row.scale for row in rows], name)
    return LossGrad(problem.loss([row.loss for row in rows], name), grad)


STEP = arb(2) ** -300  # the error of the central difference is its square


@certified
def bent_row(z: list[arb], q: list[arb], v: list[arb], o: Options) -> list[arb]:
    """Return the Hessian times v, by a central difference of gradients with very many digits."""
    ahead, behind = (
        row_of([a + sign * STEP * b for a, b in zip(z, v, strict=True)], q, o).grad
        for sign in (1, -1)
    )
    return [(a - b) / (2 * STEP) for a, b in zip(ahead, behind, strict=True)]


def cross_entropy_hvp(logits, target, vector, **options):
    problem = Problem(logits, target, **options)
    moved = np.moveaxis(floats(vector), problem.axis, -1).reshape(-1, problem.moved[-1])
    values, sizes = [], []
    for z, q, v, kept in zip(problem.z, problem.q, moved.tolist(), problem.kept, strict=True):
        bent = bent_row(z, q, list(map(arb, v)), problem.options) if kept else [ZERO] * len(z)
        total = sum(map(abs, bent), ZERO)
        values.append(bent)
        sizes.append([max(abs(one), total / 8, key=float) for one in bent])
    return problem.slopes(values, sizes, "cross_entropy_hvp")


def linear_cross_entropy_grad(hidden, weight, target, bias=None, *, class_weight=None, **options):
    h, w = floats(hidden), floats(weight)
    b = np.zeros(len(w)) if bias is None else floats(bias)
    rows = [[arb(one) for one in row] for row in h.tolist()]
    columns = [[arb(one) for one in row] for row in w.tolist()]
    problem = Problem(np.zeros((len(h), len(w))), target, weight=class_weight, **options)
    problem.unit = unit_of(hidden)
    problem.z = [
        [dot(row, column) + arb(float(one)) for column, one in zip(columns, b, strict=True)]
        for row in rows
    ]
    found, name = problem.rows(), "linear_cross_entropy_grad"
    slopes = [[one / problem.divisor for one in row.grad] for row in found]  # (n, k)
    width, n = range(h.shape[1]), range(len(h))
    to_hidden = [dot(slope, [c[d] for c in columns]) for slope in slopes for d in width]
    to_weight = [
        dot([slopes[i][j] for i in n], [rows[i][d] for i in n])
        for j in range(len(w))
        for d in width
    ]
    to_bias = [sum((slope[j] for slope in slopes), ZERO) for j in range(len(w))]

    def exact(values, shape):
        return Exact(objects(values, shape), problem.unit, (name, "gradient"))

    return LinearLossGrad(
        problem.loss([row.loss for row in found], name),
        exact(to_hidden, h.shape),
        exact(to_weight, w.shape),
        exact(to_bias, b.shape),
    )


def linear_cross_entropy(hidden, weight, target, bias=None, **options):
    exact = linear_cross_entropy_grad(hidden, weight, target, bias, **options).loss
    return exact._replace(promise=("linear_cross_entropy", ""))


def dot(a: list[arb], b: list[arb]) -> arb:
    return sum((x * y for x, y in zip(a, b, strict=True)), ZERO)


# Losses of single numbers.


def soft_plus(x: arb) -> arb:
    return x.exp().log1p() if x < 0 else x + (-x).exp().log1p()


def pairwise(
    name: str, of_pair: Callable[..., tuple[arb, arb, arb]]
) -> tuple[Callable[..., Exact], Callable[..., LossGrad]]:
    """Return a loss and its gradient from ``of_pair(x, y, ...) -> loss, slope, its scale``."""
    settled = certified(of_pair)

    def both(x, y, *, weight=None, reduction="mean", **options):
        a, b = np.broadcast_arrays(floats(x), floats(y))
        w = np.broadcast_to(1.0 if weight is None else floats(weight), a.shape).reshape(-1)
        found = [
            settled(arb(float(one)), arb(float(two)), **options)
            for one, two in zip(a.reshape(-1), b.reshape(-1), strict=True)
        ]
        loss, slope, scale = (
            [arb(float(c)) * one for c, one in zip(w, column, strict=True)]
            for column in zip(*found, strict=True)
        )
        n = arb(a.size) if reduction == "mean" else ONE
        values = (
            objects(loss, a.shape) if reduction == "none" else objects([sum(loss, ZERO) / n], ())
        )
        grad, size = (objects([one / n for one in column], a.shape) for column in (slope, scale))
        return LossGrad(
            Exact(values, unit_of(x), (f"{name}_grad", "")),
            Exact(grad, unit_of(x), (f"{name}_grad", "gradient"), size),
        )

    def loss_alone(x, y, **options):
        return both(x, y, **options).loss._replace(promise=(name, ""))

    return loss_alone, both


def binary_pair(z, y, *, label_smoothing=0.0, temperature=1.0, focal_gamma=0.0, pos_weight=1.0):
    s, t, gamma = arb(label_smoothing), arb(temperature), arb(focal_gamma)
    u, c = z / t, arb(float(pos_weight))
    target = (1 - s) * y + s / 2
    yes, no = 1 / (1 + (-u).exp()), 1 / (1 + u.exp())
    loss, slope, scale = ZERO, ZERO, ZERO
    for weight, p, rest, surprise, sign in (
        (c * target, yes, no, soft_plus(-u), 1),
        (1 - target, no, yes, soft_plus(u), -1),
    ):
        if weight == 0:
            continue
        factor = rest**gamma if gamma != 0 else ONE
        loss += weight * factor * surprise
        # d(rest)/du = -sign p rest, d(surprise)/du = -sign rest
        part = -factor * rest * (1 + gamma * p / rest * surprise * 1) if gamma != 0 else -rest
        slope += sign * weight * part
        scale += weight * abs(part)
    return loss, slope / t, scale / t


def huber_pair(x, y, *, delta=1.0):
    gap, d = x - y, arb(delta)
    if abs(gap) <= d:
        return gap * gap / 2, gap, abs(gap)
    return d * (abs(gap) - d / 2), d * gap.sgn(), d


def squared_pair(x, y):
    return (x - y) ** 2, 2 * (x - y), 2 * abs(x - y)


def absolute_pair(x, y):
    return abs(x - y), (x - y).sgn(), ONE


def divergence(logits, target, *, temperature=1.0, reduction="mean", **options):
    """Return KL(target || softmax(z / T)) and its gradient, from the cross-entropy."""
    both = cross_entropy_grad(
        logits, target, temperature=temperature, reduction=reduction, **options
    )
    q = floats(target).reshape(-1, np.shape(logits)[-1])

    @certified
    def own(row):
        return sum((arb(one) * arb(one).log() for one in row if one), ZERO)

    entropies = [own(row.tolist()) for row in q]
    if reduction == "none":
        values = objects(
            [a + b for a, b in zip(both.loss.values.reshape(-1), entropies, strict=True)],
            np.shape(logits)[:-1],
        )
    else:
        n = arb(len(q)) if reduction == "mean" else ONE
        values = objects([both.loss.values[()] + sum(entropies, ZERO) / n], ())
    name = "kl_divergence_grad"
    return LossGrad(
        Exact(values, both.loss.dtype, (name, "")),
        both.grad._replace(promise=(name, "gradient")),
    )


def kl_divergence(logits, target, **options):
    return divergence(logits, target, **options).loss._replace(promise=("kl_divergence", ""))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "cross_entropy": cross_entropy,
    "cross_entropy_grad": cross_entropy_grad,
    "cross_entropy_hvp": cross_entropy_hvp,
    "linear_cross_entropy": linear_cross_entropy,
    "linear_cross_entropy_grad": linear_cross_entropy_grad,
    "kl_divergence": kl_divergence,
    "kl_divergence_grad": divergence,
}
for _name, _pair in (
    ("binary_cross_entropy", binary_pair),
    ("mse", squared_pair),
    ("mae", absolute_pair),
    ("huber", huber_pair),
):
    OPERATIONS[_name], OPERATIONS[f"{_name}_grad"] = pairwise(_name, _pair)
