"""Sparsemax in rational arithmetic, entmax in mpmath, one row at a time.

Arguments are floats, taken at their exact value; results are lists of ``Fraction`` or ``mpf``.
"""

from collections.abc import Iterable
from fractions import Fraction

from mpmath import mp, mpf

from reference.functions import at_full_precision


def sparsemax(row: Iterable[float], temperature: float = 1.0) -> list[Fraction]:
    """Return the exact probabilities; ``-inf`` gets 0."""
    t = Fraction(float(temperature))
    z = [Fraction(float(one)) if one > -float("inf") else None for one in row]
    total, tau = Fraction(0), Fraction(0)
    for size, value in enumerate(sorted((one for one in z if one is not None), reverse=True), 1):
        total += value
        if t + size * value > total:
            tau = (total - t) / size
    return [Fraction(0) if one is None else max(one - tau, Fraction(0)) / t for one in z]


def sparsemax_product(
    row: Iterable[float], v: Iterable[float], temperature: float = 1.0
) -> tuple[list[Fraction], list[Fraction]]:
    """Return the exact product with the Jacobian, and the size of the terms that cancel in it."""
    t = Fraction(float(temperature))
    p = sparsemax(row, temperature)
    support = [Fraction(float(b)) for a, b in zip(p, v, strict=True) if a > 0]
    n = len(support)
    result, scale = [], []
    for a, b in zip(p, v, strict=True):
        inside = a > 0
        own = Fraction(float(b)) if inside else Fraction(0)
        result.append((own - sum(support) / n) / t if inside else Fraction(0))
        scale.append(sum(abs(own - one) for one in support) / n / t if inside else Fraction(0))
    return result, scale


@at_full_precision
def entmax(
    row: Iterable[float], alpha: float, temperature: float = 1.0
) -> tuple[list[mpf], list[mpf]]:
    """Return the exact probabilities, and their slopes ``p**(2 - alpha)`` divided by their sum."""
    z, a, t = [mpf(float(one)) for one in row], mpf(float(alpha)) - 1, mpf(float(temperature))
    width, top = t / a, max(z)
    g = [(one - top) / width for one in z]  # in units of the width
    v = _by_norm(g, 1 / a) if a < 1 else _by_smallest(g, a)
    p = [one ** (1 / a) if one > 0 else mpf(0) for one in v]
    # Whatever found the threshold: this is the definition.
    assert abs(mp.fsum(p) - 1) < mpf(10) ** -35
    slope = [one ** (1 - a) if one > 0 else mpf(0) for one in p]
    total = mp.fsum(slope)
    return p, [one / total for one in slope]


def _by_norm(g: list[mpf], power: mpf) -> list[mpf]:
    """Return ``max(g - s, 0)`` whose norm of that power is 1, by Newton's method from s = -1.

    What is below 1e-40 counts as 0: it may be the error of s.
    """
    s = mpf(-1)
    for _ in range(500):
        u = [one - s for one in g if one > s]
        total = mp.fsum(one**power for one in u)
        norm = total ** (1 / power)
        step = (norm - 1) * (total / norm) / mp.fsum(one ** (power - 1) for one in u)
        s += step
        if abs(step) * power < mpf(10) ** -50:
            break
    return [one - s if one - s > mpf(10) ** -40 else mpf(0) for one in g]


def _by_smallest(g: list[mpf], a: mpf) -> list[mpf]:
    """Return the same for a power 1 / a below 1, by bisection for the smallest probability."""
    order = sorted(g, reverse=True)
    low, high = 1, len(order)
    while low < high:
        middle = (low + high + 1) // 2
        last = order[middle - 1]
        inside = mp.fsum((one - last) ** (1 / a) for one in order[:middle] if one > last) < 1
        low, high = (middle, high) if inside else (low, middle - 1)
    last = order[low - 1]
    gaps = [one - last for one in order[:low]]
    x = mpf(1) / low
    for _ in range(500):  # convex and increasing: Newton's method from the right
        y = x**a
        p = [(gap + y) ** (1 / a) for gap in gaps]
        step = (mp.fsum(p) - 1) / mp.fsum((x / one) ** (a - 1) for one in p)
        x -= step
        if abs(step) < mpf(10) ** -55:
            break
    return [one - last + x**a if one >= last else mpf(0) for one in g]
