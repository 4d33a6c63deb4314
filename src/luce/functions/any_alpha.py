r"""The probabilities of entmax for any alpha, on the candidates of each row.

With ``power = 1 / (alpha - 1)`` and the width ``w``, the ``p = v**power`` of
``v = max(g - s, 0) / w`` add up to 1 for one threshold ``s``. The sum is known to about one unit
in the last place of float64, and so is the threshold in that sense; the rest is arithmetic that
loses nothing:

- alpha < 2: Newton's method from the left on the norm ``(sum v**power)**(1 / power)``, which is
  convex in ``s`` and nearly straight, so a few steps are enough even for alpha = 1 + 1e-15. Then
  one more step in pairs of float64, for ``v`` near 1 is raised to a huge power.
- alpha > 2: ``v**power`` rises vertically at the threshold. The support is found by bisection (a
  class is in it if the classes above it do not fill the sum already), then Newton's method runs
  from the right on the smallest probability ``q``: ``p = (c + q**(alpha - 1))**power``, with the
  gap ``c`` to the smallest class, is convex in it, and no difference is taken.

At last, what the sum is off by is taken from each class by its slope. A row that has arrived stays
where it is while others go on, so that it has the same bits in any company.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.functions.candidates import Candidates
from luce.functions.exact_sums import sum_of_segments
from luce.kernels.pairs import Doubles, Pair, product_of, sum_of

_STEPS = 200  # never reached: Newton's method needs about 5 to 20
_SLACK = 2.0**-40
_NEAR = 2.0**-26  # relative: squared by the next step


class Probabilities(NamedTuple):
    """Classes of the support, or nearly so, their ``p``, and their slopes ``p**(2 - alpha)``."""

    candidates: Candidates
    p: Doubles
    slope: Doubles


def below_two(c: Candidates, w: float, rest: float, alpha: float, bits: int) -> Probabilities:
    """Return the probabilities for 1 < alpha < 2; the width is ``w + rest``."""
    power = _inverse(alpha - 1.0)
    shift = np.zeros(len(c.starts))
    arrived = np.zeros(len(c.starts), dtype=bool)
    for _ in range(_STEPS):
        x = (c.high - shift[c.row]) / w
        log = np.log1p(np.maximum(x, -1.0))
        total = np.add.reduceat(np.exp(power[0] * log), c.starts)
        slope = np.add.reduceat(np.exp((power[0] - 1.0) * log), c.starts)
        over = np.log(total) / power[0]
        step = w * np.maximum(np.expm1(over) * total / (np.exp(over) * slope), 0.0)
        step = np.where(arrived, 0.0, step)
        shift = shift + step
        inside = x - (step / w)[c.row] > -1.0 - _SLACK
        arrived |= c.every(inside) & (step * power[0] <= _NEAR * w)
        if arrived.all():
            break
        if not inside.all():
            c = c.kept(inside)
    exact = Pair(shift, np.zeros_like(shift))
    for last in (False, True):
        p, slope = _raised(c, exact, (w, rest), power)
        high, low = sum_of_segments(p, np.zeros(1), c.starts, bits)
        excess, total = (high - 1.0) + low, np.add.reduceat(slope, c.starts)
        if not last:
            exact = sum_of(exact[0], exact[1] + w / power[0] * excess / total)
    return Probabilities(c, np.maximum(p - slope * (excess / total)[c.row], 0.0), slope)


def above_two(c: Candidates, w: float, alpha: float, bits: int) -> Probabilities:
    """Return the probabilities for alpha > 2."""
    a, power = alpha - 1.0, 1.0 / (alpha - 1.0)
    c, gap = _support(c, w, power)
    smallest = 1.0 / c.counts()  # at least: the sum of all is 1
    for _ in range(_STEPS):
        p = np.where(gap > 0, (gap + (smallest**a)[c.row]) ** power, smallest[c.row])
        high, low = sum_of_segments(p, np.zeros(1), c.starts, bits)
        excess = (high - 1.0) + low
        ratio = (smallest[c.row] / p) ** (a - 1.0)
        step = excess / np.add.reduceat(ratio, c.starts)
        going = step > 2.0**-50
        if not going.any():
            break
        smallest = np.where(going, np.maximum(smallest - step, 0.0), smallest)
    p = np.maximum(p - ratio * step[c.row], 0.0)
    return Probabilities(c, p, p ** (2.0 - alpha))


def _inverse(a: float) -> tuple[float, float]:
    """Return ``1 / a`` with what rounding leaves over."""
    high = 1.0 / a
    product, error = product_of(np.array(high), np.array(a))
    return high, float((1.0 - product) - error) / a


def _raised(
    c: Candidates, shift: Pair, width: tuple[float, float], power: tuple[float, float]
) -> tuple[Doubles, Doubles]:
    """Return ``v**power`` and ``v**(power - 1)``, from pairs of float64."""
    w, rest = width
    high, low = sum_of(c.high, -shift[0][c.row])
    low = low + (c.low - shift[1][c.row])
    x = high / w
    product, error = product_of(x, np.full_like(x, w))
    v, left = sum_of(np.ones_like(x), x)
    left = left + (((high - product) - error) + (low - x * rest)) / w
    inside = v > 0
    v = np.where(inside, v, 1.0)
    correction = power[0] * (left / v) + power[1] * np.log(v)
    p = np.where(inside, v ** power[0] * np.exp(correction), 0.0)
    return p, p / v


def _support(c: Candidates, w: float, power: float) -> tuple[Candidates, Doubles]:
    """Return the support, largest first, and the gaps to its smallest class in units of w."""
    order = np.lexsort((-c.low, -c.high, c.row))
    c = Candidates(c.high[order], c.low[order], c.at[order], c.row, c.starts)
    low, high = np.ones_like(c.counts()), c.counts()
    while (low < high).any():
        middle = (low + high + 1) // 2
        total = np.add.reduceat(_gaps(c, c.starts + middle - 1, w) ** power, c.starts)
        inside = total < 1.0
        low, high = np.where(inside, middle, low), np.where(inside, high, middle - 1)
    c = c.kept(np.arange(len(c.row)) < (c.starts + low)[c.row])
    return c, _gaps(c, c.starts + low - 1, w)


def _gaps(c: Candidates, pivot: NDArray[np.intp], w: float) -> Doubles:
    """Return how far above a class of its row each class is, and 0 for those below it."""
    high, low = sum_of(c.high, -c.high[pivot][c.row])
    gap: Doubles = np.maximum(high + (low + (c.low - c.low[pivot][c.row])), 0.0) / w
    return gap
