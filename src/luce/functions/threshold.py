r"""The threshold of sparsemax (power 1) and 1.5-entmax (power 2), and the exact support.

With the differences ``g`` of the logits to the largest one and a width ``w``, both distributions
are ``p = (u / w)**power`` where ``u = max(g - s, 0)``, and the threshold ``s`` in [-w, 0) makes
the ``u**power`` add up to ``w**power``. Found in three steps:

1. Newton's method from the left on the norm of ``u``, in float64. The norm is convex in ``s``, so
   no class of the support is ever left out, and the others leave quickly. (Power 1: Michelot's
   algorithm, 1986, Journal of Optimization Theory and Applications 50(1).)
2. The same with sums of about 106 bits, on the classes that are left.
3. A class so near the threshold that 106 bits do not decide is decided in rational arithmetic. It
   is in the support if ``sum (g_j - g_i)**power < w**power`` over the classes above it.
"""

from fractions import Fraction
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from luce.functions.candidates import SMALLEST, Candidates
from luce.functions.exact_sums import sum_of_segments
from luce.kernels.pairs import Doubles, Pair, product_of, sum_of

_SLACK = 2.0**-40  # far above the error of step 1, far below what makes it slow
_OUTSIDE = 2.0**-90  # above the error of step 2
_DELICATE = 2.0**-44  # from here upward, 106 bits leave u its 53


def distances(c: Candidates, w: float, power: int, bits: int) -> tuple[Candidates, Doubles]:
    """Return the support, with a few classes that turned out to be outside it, and ``u``.

    ``u`` has a relative error of about one unit of float64, and is 0 exactly outside.
    """
    c, shift = approached(c, w, power)
    s = sum_of(shift, np.full_like(shift, -w))
    goal = product_of(np.array(w), np.array(w)) if power == 2 else Pair(np.array(w), np.array(0.0))
    refined = False
    arrived = np.zeros(len(c.starts), dtype=bool)  # such rows keep their bits while others go on
    while True:
        u = _above(c, s)
        outside = u[0] < -_OUTSIDE
        if refined and outside.any():  # not before: s of step 1 may be a little too large
            c = c.kept(~outside)
            u = _above(c, s)
        step = _excess(c, u, goal, power, bits) / _slope(c, u[0], power)
        moved = sum_of(s[0], s[1] + step)
        s = Pair(*(np.where(arrived, old, new) for old, new in zip(s, moved, strict=True)))
        if refined:
            arrived |= np.abs(step) <= _OUTSIDE
        if arrived.all():
            break
        refined = True
    distance = _above(c, s)[0]
    delicate = np.abs(distance) <= _DELICATE
    if delicate.any():
        distance = _decided(c, distance, delicate, w, power)
    return c, distance


def approached(c: Candidates, w: float, power: float) -> tuple[Candidates, Doubles]:
    """Return the support, perhaps with classes just below the threshold, and ``s + w``, (n,)."""
    shift = np.zeros(len(c.starts))
    arrived = np.zeros(len(c.starts), dtype=bool)
    while True:
        u = (c.high - shift[c.row]) + w
        if power == 1:
            step = (np.add.reduceat(u, c.starts) - w) / c.counts()
        else:
            norm = np.sqrt(np.add.reduceat(u * u, c.starts))
            step = (norm - w) * norm / np.add.reduceat(u, c.starts)
        shift = shift + np.where(arrived, 0.0, np.maximum(step, 0.0))
        inside = (c.high - shift[c.row]) + w > -_SLACK
        arrived |= c.every(inside) & ((step <= _SLACK) | (power == 1))
        if arrived.all():
            return c, shift
        if not inside.all():
            c = c.kept(inside)


def _above(c: Candidates, s: Pair) -> Pair:
    """Return ``g - s``."""
    high, low = sum_of(c.high, -s[0][c.row])
    return sum_of(high, low + (c.low - s[1][c.row]))


def _excess(c: Candidates, u: Pair, goal: Pair, power: int, bits: int) -> Doubles:
    """Return by how much the sum of ``u**power`` is too large, (n,)."""
    if power == 2:
        high, low = product_of(u[0], u[0])
        u = sum_of(high, low + 2.0 * u[0] * u[1])
    high, low = sum_of_segments(*u, c.starts, bits)
    excess: Doubles = (high - goal[0]) + (low - goal[1])
    return excess


def _slope(c: Candidates, u: Doubles, power: int) -> NDArray[np.floating]:
    if power == 1:
        return c.counts().astype(np.float64)
    return 2.0 * np.add.reduceat(u, c.starts)


def _decided(
    c: Candidates, u: Doubles, delicate: NDArray[np.bool_], w: float, power: int
) -> Doubles:
    """Return the distances, those of delicate classes decided one by one."""
    u = np.where(delicate, 0.0, u)
    ends = np.append(c.starts[1:], len(c.row))
    for row in np.unique(c.row[delicate]):
        part = slice(c.starts[row], ends[row])
        u[part] = _decided_row(c.high[part], c.low[part], u[part], Fraction(w), power)
    return u


def _decided_row(high: Doubles, low: Doubles, u: Doubles, w: Fraction, power: int) -> Doubles:
    g = [Fraction(a) + Fraction(b) for a, b in zip(high.tolist(), low.tolist(), strict=True)]
    near = sorted((i for i in range(len(g)) if u[i] == 0), key=lambda i: -g[i])
    support = [g[i] for i in range(len(g)) if u[i] > 0]
    first, second = sum(support), sum(one * one for one in support) if power == 2 else 0
    inside: list[int] = []
    for i in near:
        if _left(g[i], len(support) + len(inside), first, second, w, power) <= 0:
            break
        inside.append(i)
        first += g[i]
        second += g[i] ** 2
    n = len(support) + len(inside)
    for i in inside:
        left = _left(g[i], n, first, second, w, power)
        if power == 1:
            u[i] = max(float(left / n), SMALLEST)  # it is in the support, however little it has
        else:
            slope = float(first - n * g[i])
            u[i] = float(left) / (slope + sqrt(slope**2 + n * float(left)))
    return u


def _left(
    g: Fraction, n: int, first: Fraction | int, second: Fraction | int, w: Fraction, power: int
) -> Fraction:
    """Return ``w**power - sum (g_j - g)**power`` over n classes with these sums of g_j, g_j**2."""
    if power == 1:
        return w - (first - n * g)
    return w * w - (second - 2 * g * first + n * g * g)
