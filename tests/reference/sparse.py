"""Sparsemax in rational arithmetic, one row at a time.

Arguments are floats, taken at their exact value; results are lists of ``Fraction``.
"""

from collections.abc import Iterable
from fractions import Fraction


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
