"""Expected results of the functions, to 48 digits, by ball arithmetic.

The operations have luce's names and arguments and share no code with it. They take arrays, and
give balls (``arb``) in arrays of objects. Edge values that are a matter of definition are not
computed here: the table states them. ``-inf`` and masked classes are left out of every sum.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from flint import arb
from reference import balls
from reference.balls import certified

ZERO = arb(0)


class Exact(NamedTuple):
    """Exact results, and how closely a floating-point result is expected to match them."""

    values: np.ndarray  # of arb
    dtype: np.dtype  # whose units luce's promise counts
    promise: tuple[str, str]  # function and part whose docstring states it
    scale: np.ndarray | None = None  # of arb: the size of what may cancel, if anything may


def unit_of(x: Any) -> np.dtype:
    dtype = np.asarray(x).dtype
    return np.dtype(np.float64) if dtype.kind in "iu" else dtype.newbyteorder("=")


def floats(x: Any) -> np.ndarray:
    """Return float64 of the same values; the table holds no integer that float64 cannot hold."""
    return np.asarray(x).astype(np.float64)


def objects(values: Any, shape: tuple[int, ...]) -> np.ndarray:
    result = np.empty(shape, object)
    result.reshape(-1)[:] = values
    return result


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(one % ndim for one in axes)


class Rows:
    """An array seen as rows of classes, and the way back."""

    def __init__(self, x: Any, axis: Any, where: Any = None):
        z = floats(x)
        self.shape, self.axes = z.shape, axes_of(axis, z.ndim)
        self.kept = tuple(n for i, n in enumerate(z.shape) if i not in self.axes)
        self.classes = int(np.prod([z.shape[i] for i in self.axes]))
        self.z = self.as_rows(z)
        mask = True if where is None else np.asarray(where)
        self.possible = self.as_rows(np.broadcast_to(mask, z.shape)) & ~np.isneginf(self.z)

    def as_rows(self, array: np.ndarray) -> np.ndarray:
        moved = np.moveaxis(array, self.axes, range(-len(self.axes), 0))
        return moved.reshape(-1, self.classes)

    def back(self, rows: list[list[arb]]) -> np.ndarray:
        lengths = [self.shape[i] for i in self.axes]
        flat = objects([one for row in rows for one in row], (*self.kept, *lengths))
        return np.moveaxis(flat, range(-len(self.axes), 0), self.axes)

    def totals(self, values: list[arb], keepdims: bool) -> np.ndarray:
        ones = tuple(1 if i in self.axes else n for i, n in enumerate(self.shape))
        return objects(values, ones if keepdims else self.kept)


def in_each_row(
    rows: Rows, function: Callable[..., Any], temperature: float, outside: arb
) -> list[list[arb]]:
    """Apply a function of (distinct logits, temperature, how often) to the possible classes."""
    results = []
    for z, possible in zip(rows.z, rows.possible, strict=True):
        values, place, counts = np.unique(z[possible], return_inverse=True, return_counts=True)
        distinct = function(values.tolist(), temperature, counts.tolist())
        row = np.full(len(z), outside, object)
        row[possible] = [distinct[i] for i in place]
        results.append(row.tolist())
    return results


def softmax(x, axis=-1, *, temperature=1.0, where=None, empty="nan", infinity="nan", out=None):
    rows = Rows(x, axis, where)
    p = in_each_row(rows, balls.softmax, temperature, ZERO)
    return Exact(rows.back(p), unit_of(x), ("softmax", ""))


def log_softmax(x, axis=-1, *, temperature=1.0, where=None, empty="nan", infinity="nan", out=None):
    rows = Rows(x, axis, where)
    log_p = in_each_row(rows, balls.log_softmax, temperature, balls.IMPOSSIBLE)
    return Exact(rows.back(log_p), unit_of(x), ("log_softmax", ""))


@certified
def log_total(z: list[float], temperature: float, counts: list[float], share: bool) -> arb:
    """Return ``T log sum c e^(z/T)``, with the sum divided by sum c for a share."""
    top = max(z)
    terms = [(arb(one) - arb(top)) / arb(temperature) for one in z]
    total = sum((arb(c) * t.exp() for c, t in zip(counts, terms, strict=True)), ZERO)
    number = sum((arb(c) for c in counts), ZERO) if share else arb(1)
    return arb(top) + arb(temperature) * (total / number).log()


def reduced(x, axis, where, keepdims, value: Callable[..., arb], promise: str, scale=None) -> Exact:
    """Return ``value(logits, their places in the row)`` of the possible classes of each row."""
    rows = Rows(x, axis, where)
    pairs = list(zip(rows.z, rows.possible, strict=True))
    totals = [value(z[possible].tolist(), np.flatnonzero(possible)) for z, possible in pairs]
    exact = rows.totals(totals, keepdims)
    size = None if scale is None else rows.totals([scale(z[p]) for z, p in pairs], keepdims)
    return Exact(exact, unit_of(x), (promise, ""), size)


def thousandth(z: np.ndarray) -> arb:
    """Return the size below which logsumexp promises an absolute error only."""
    return arb(float(np.abs(z).max(initial=0))) / 1000


def compressed(z: list[float], weights: list[float]) -> tuple[list[float], list[float]]:
    values, place = np.unique(z, return_inverse=True)
    return values.tolist(), np.bincount(place, weights).tolist()


def logsumexp(x, axis=-1, *, b=None, temperature=1.0, where=None, keepdims=False, out=None):
    weights = np.ones(np.shape(x)) if b is None else np.broadcast_to(floats(b), np.shape(x))
    by_row = iter(Rows(weights, axis).z)

    def value(z, places):
        distinct, counts = compressed(z, next(by_row)[places].tolist())
        return log_total(distinct, temperature, counts, False)

    return reduced(x, axis, where, keepdims, value, "logsumexp", thousandth)


def logmeanexp(x, axis=-1, *, temperature=1.0, where=None, keepdims=False, out=None):
    def value(z, places):
        distinct, counts = compressed(z, [1.0] * len(z))
        return log_total(distinct, temperature, counts, True)

    return reduced(x, axis, where, keepdims, value, "logmeanexp", thousandth)


def boltzmann_max(x, axis=-1, *, temperature=1.0, where=None, keepdims=False):
    @certified
    def value(z, places):
        p = balls.softmax.__wrapped__(z, temperature)
        return sum((one * arb(logit) for one, logit in zip(p, z, strict=True)), ZERO)

    return reduced(x, axis, where, keepdims, value, "boltzmann_max", thousandth)


def p_norm_max(x, p, axis=-1, *, where=None, keepdims=False):
    @certified
    def value(z, places):
        powers = [abs(arb(one)) ** arb(p) for one in z if one]
        return sum(powers, ZERO) ** (1 / arb(p)) if powers else ZERO

    return reduced(x, axis, where, keepdims, value, "p_norm_max")


# Elementwise.


def elementwise(name: str, function: Callable[..., arb], part: str = "") -> Callable[..., Exact]:
    settled = certified(function)

    def operation(x, **options):
        options.pop("out", None)
        values = [settled(arb(float(one)), **options) for one in floats(x).reshape(-1)]
        return Exact(objects(values, np.shape(x)), unit_of(x), (name, part))

    return operation


def normal_share(x: arb) -> arb:
    """Return the share of the standard normal distribution below x."""
    return (-x / arb(2).sqrt()).erfc() / 2


def density(x: arb) -> arb:
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def inner(x: arb) -> arb:
    """Return the argument of tanh in the approximation of gelu."""
    return (2 / arb.pi()).sqrt() * (x + arb(44715) / 1000000 * x**3)


def gelu_of(x: arb, approximate: str = "none") -> arb:
    return x * (normal_share(x) if approximate == "none" else 1 / (1 + (-2 * inner(x)).exp()))


def gelu_slope(x: arb, approximate: str = "none") -> arb:
    if approximate == "none":
        return normal_share(x) + x * density(x)
    s = 1 / (1 + (-2 * inner(x)).exp())
    slope = 2 * (2 / arb.pi()).sqrt() * (1 + 3 * arb(44715) / 1000000 * x**2)
    return s + x * s * (1 - s) * slope


def smooth_step(x: arb, temperature: float = 1.0) -> arb:
    return 1 / (1 + (-x / arb(temperature)).exp())


def soft_plus(x: arb, temperature: float = 1.0) -> arb:
    t = arb(temperature)
    return t * (x / t).exp().log1p()


ELEMENTWISE = {
    "sigmoid": elementwise("sigmoid", smooth_step),
    "log_sigmoid": elementwise(
        "log_sigmoid", lambda x, temperature=1.0: -soft_plus(-x / arb(temperature))
    ),
    "softplus": elementwise("softplus", soft_plus),
    "logit": elementwise("logit", lambda x: (x / (1 - x)).log()),
    "tanh": elementwise("tanh", lambda x: x.tanh()),
    "gelu": elementwise("gelu", gelu_of),
    "sigmoid_grad": elementwise("sigmoid_grad", lambda x: smooth_step(x) * smooth_step(-x)),
    "log_sigmoid_grad": elementwise("log_sigmoid_grad", lambda x: smooth_step(-x)),
    "softplus_grad": elementwise("softplus_grad", smooth_step),
    "logit_grad": elementwise("logit_grad", lambda x: 1 / (x * (1 - x))),
    "tanh_grad": elementwise("tanh_grad", lambda x: 1 / x.cosh() ** 2),
    "gelu_grad": elementwise("gelu_grad", gelu_slope),
}

# Derivatives.


def along_vector(
    x, v, axis, where, name: str, slope: Callable[[list[arb], list[arb], Any], Any]
) -> Exact:
    """Return ``slope(p, v, T)`` of each row, and the size of what may cancel in it."""
    rows, vectors = Rows(x, axis, where), Rows(v, axis)
    values, sizes = [], []
    for z, possible, vector in zip(rows.z, rows.possible, vectors.z, strict=True):

        @certified
        def both(z=z, possible=possible, vector=vector):
            p = balls.softmax.__wrapped__(z[possible].tolist(), slope.temperature)
            return slope(p, [arb(one) for one in vector[possible].tolist()])

        found, size = both()
        row, scale = np.full((2, len(z)), ZERO, object)
        row[possible], scale[possible] = found, size
        values.append(row.tolist())
        sizes.append(scale.tolist())
    return Exact(rows.back(values), unit_of(x), (name, ""), rows.back(sizes))


def softmax_slope(temperature):
    def slope(p, v):
        t = arb(temperature)
        mean = sum((a * b for a, b in zip(p, v, strict=True)), ZERO)
        spread = [sum((b * abs(w - one) for b, w in zip(p, v, strict=True)), ZERO) for one in v]
        return (
            [a * (one - mean) / t for a, one in zip(p, v, strict=True)],
            [a * size / t for a, size in zip(p, spread, strict=True)],
        )

    slope.temperature = temperature
    return slope


def softmax_vjp(x, v, axis=-1, *, temperature=1.0, where=None):
    return along_vector(x, v, axis, where, "softmax_vjp", softmax_slope(temperature))


def softmax_jvp(x, v, axis=-1, *, temperature=1.0, where=None):
    return along_vector(x, v, axis, where, "softmax_jvp", softmax_slope(temperature))


def logsumexp_hvp(x, u, axis=-1, *, temperature=1.0, where=None):
    return along_vector(x, u, axis, where, "logsumexp_hvp", softmax_slope(temperature))


def log_softmax_vjp(x, v, axis=-1, *, temperature=1.0, where=None):
    def slope(p, v):
        t, total, size = arb(temperature), sum(v, ZERO), sum(map(abs, v), ZERO)
        return (
            [(one - a * total) / t for a, one in zip(p, v, strict=True)],
            [(abs(one) * (1 - a) + a * (size - abs(one))) / t for a, one in zip(p, v, strict=True)],
        )

    slope.temperature = temperature
    return along_vector(x, v, axis, where, "log_softmax_vjp", slope)


def log_softmax_jvp(x, u, axis=-1, *, temperature=1.0, where=None):
    def slope(p, u):
        t = arb(temperature)
        mean = sum((a * b for a, b in zip(p, u, strict=True)), ZERO)
        spread = [sum((b * abs(w - one) for b, w in zip(p, u, strict=True)), ZERO) for one in u]
        return [(one - mean) / t for one in u], [size / t for size in spread]

    slope.temperature = temperature
    return along_vector(x, u, axis, where, "log_softmax_jvp", slope)


@certified
def jacobian_of_row(z: list[float], temperature: float) -> list[list[arb]]:
    p = balls.softmax.__wrapped__(z, temperature)
    t = arb(temperature)
    others = [sum((q for j, q in enumerate(p) if j != i), ZERO) for i in range(len(p))]
    return [
        [a * others[i] / t if i == j else -a * b / t for j, b in enumerate(p)]
        for i, a in enumerate(p)
    ]


def softmax_jacobian(x, axis=-1, *, temperature=1.0, where=None):
    rows = Rows(x, axis, where)
    k = rows.classes
    values = [
        entry for z in rows.z for row in jacobian_of_row(z.tolist(), temperature) for entry in row
    ]
    return Exact(objects(values, (*rows.kept, k, k)), unit_of(x), ("softmax_jacobian", ""))


# Sparse relatives.


@certified
def sparsemax_row(z: list[float]) -> list[arb]:
    ordered = sorted(map(arb, z), key=float, reverse=True)
    running, threshold = ZERO, None
    for count, one in enumerate(ordered, start=1):
        running += one
        if 1 + count * one > running:
            threshold = (running - 1) / count
    return [one - threshold if one > threshold else ZERO for one in map(arb, z)]


@certified
def entmax_row(z: list[float], alpha: float) -> list[arb]:
    """Return max(0, (alpha - 1) z - tau)^(1 / (alpha - 1)), tau by bisection."""
    slope = arb(alpha) - 1
    scaled = [slope * (arb(one) - arb(max(z))) for one in z]  # the largest is 0

    def parts(tau: arb) -> list[arb]:
        return [(one - tau) ** (1 / slope) if one > tau else ZERO for one in scaled]

    low, high = arb(-1), ZERO
    for _ in range(400):
        middle = ((low + high) / 2).mid()
        if sum(parts(middle), ZERO) > 1:
            low = middle
        else:
            high = middle
    return [one.mid() for one in parts(low)]


def sparse(name: str, of_row: Callable[..., list[arb]]) -> Callable[..., Exact]:
    def operation(x, *settings, axis=-1, where=None, out=None, **options):
        rows = Rows(x, axis, where)
        values = []
        for z, possible in zip(rows.z, rows.possible, strict=True):
            row = np.full(len(z), ZERO, object)
            row[possible] = of_row(z[possible].tolist(), *settings, **options)
            values.append(row.tolist())
        return Exact(rows.back(values), unit_of(x), (name, ""))

    return operation


sparsemax = sparse("sparsemax", sparsemax_row)


def entmax(x, alpha=1.5, axis=-1, *, where=None):
    return sparse("entmax", lambda z: entmax_row(z, alpha))(x, axis=axis, where=where)


OPERATIONS: dict[str, Callable[..., Exact]] = {
    one.__name__: one
    for one in (
        softmax,
        log_softmax,
        logsumexp,
        logmeanexp,
        boltzmann_max,
        p_norm_max,
        softmax_vjp,
        softmax_jvp,
        logsumexp_hvp,
        log_softmax_vjp,
        log_softmax_jvp,
        softmax_jacobian,
        entmax,
    )
} | {"sparsemax": sparsemax, **ELEMENTWISE}
