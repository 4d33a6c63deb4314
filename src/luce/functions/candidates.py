"""The few classes of each row that can be in the support of a sparse distribution."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.kernels.pairs import Doubles, product_of, sum_of

SMALLEST = 2.0**-1074
_ROOM = 1020  # above this exponent of the width, differences of logits may overflow


class Width(NamedTuple):
    """How far below the winner a class may lie: ``(mantissa + rest) * 2**exponent``."""

    mantissa: float  # in [0.5, 1]
    rest: float  # what rounding has left over
    exponent: int
    below: float  # float64 of the same, rounded; may be inf


class Candidates(NamedTuple):
    """Classes less than the width below the largest logit of their row, row after row.

    ``high + low`` is the difference to the largest logit, without any rounding, in units of
    ``2**exponent``: above ``-mantissa``, and 0 for the winners.
    """

    high: Doubles
    low: Doubles
    at: NDArray[np.intp]  # place in the flattened rows
    row: NDArray[np.intp]
    starts: NDArray[np.intp]  # of each row; no row is empty

    def kept(self, which: NDArray[np.bool_]) -> "Candidates":
        """Return those that are marked, at least one in each row."""
        row = self.row[which]
        return Candidates(
            self.high[which], self.low[which], self.at[which], row, _starts(row, len(self.starts))
        )

    def every(self, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return for each row whether all of its candidates are marked."""
        marked: NDArray[np.bool_] = np.logical_and.reduceat(which, self.starts)
        return marked

    def counts(self) -> NDArray[np.intp]:
        """Return how many there are in each row."""
        return np.diff(self.starts, append=len(self.row))


def width_of(numerator: float, divisor: float = 1.0) -> Width:
    """Return ``numerator / divisor``, which may be beyond the range of float64."""
    top, power = np.frexp(np.float64(numerator))
    bottom, lower = np.frexp(np.float64(divisor))
    if top >= bottom:
        top, power = top / 2, power + 1
    mantissa = top / bottom
    product, error = product_of(mantissa, bottom)
    rest = ((top - product) - error) / bottom
    exponent = int(power) - int(lower)
    with np.errstate(over="ignore", under="ignore"):
        return Width(float(mantissa), float(rest), exponent, float(np.ldexp(mantissa, exponent)))


def find_candidates(z: NDArray[Any], top: NDArray[Any], width: Width) -> Candidates:
    """Return the candidates of rows (n, k) with finite largest logits `top`, (n,)."""
    shift = 0
    if width.exponent > _ROOM:
        shift = -8
        z, top = np.ldexp(z, shift), np.ldexp(top, shift)
    below = float(np.ldexp(width.below, shift))
    # One step lower than the rounded limit: the exact differences decide.
    limit = np.nextafter((top.astype(np.float64) - below).astype(z.dtype), -np.inf, dtype=z.dtype)
    at = np.flatnonzero(z >= limit[:, None])
    row = at // z.shape[1]
    high, low = sum_of(z.ravel()[at].astype(np.float64), -top[row].astype(np.float64))
    scale = -width.exponent - shift
    high, low = np.ldexp(high, scale), _scaled(low, scale)
    inside = (high > -width.mantissa) | ((high == -width.mantissa) & (low > 0))
    found = Candidates(high, low, at, row, _starts(row, len(top)))
    return found if inside.all() else found.kept(inside)


def _scaled(low: Doubles, scale: int) -> Doubles:
    """Return ``low * 2**scale``, but never 0 of another number: it may decide who is inside."""
    scaled: Doubles = np.ldexp(low, scale)
    lost = (scaled == 0) & (low != 0)
    return np.where(lost, np.copysign(SMALLEST, low), scaled) if lost.any() else scaled


def _starts(row: NDArray[np.intp], rows: int) -> NDArray[np.intp]:
    ends = np.bincount(row, minlength=rows).cumsum()
    return np.concatenate(([0], ends[:-1]))
