"""Softmax and its family in ball arithmetic (Arb, by python-flint): enclosures that are proven.

A ball is a midpoint and a radius; every operation returns a ball that holds the exact result, its
own rounding included. `certified` repeats a function with more digits until each ball is narrower
than any test can see. Several times faster than the mpmath references, with which it shares no
code, so it serves searches over many rows.

Arguments are floats, taken at their exact value; results are lists of ``arb``. A row must hold a
finite largest value; other elements may be ``-inf``.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from math import inf
from typing import Any, NamedTuple

import numpy as np
from flint import arb, ctx
from ml_dtypes import finfo
from mpmath import mp, mpf
from numpy.typing import DTypeLike

BITS = 160  # of every result; float64 has 53
BELOW_EVERYTHING = arb(2) ** -1400  # a bound this small stands for 0: float64 ends at 2^-1074
PRECISIONS = (320, 1280, 5120, 20480)
IMPOSSIBLE = arb(-inf)


def is_narrow(ball: arb) -> bool:
    if ball == IMPOSSIBLE or ball == arb(inf):
        return True
    return bool(ball.rel_accuracy_bits() >= BITS or ball.abs_upper() < BELOW_EVERYTHING)


def balls_in(result: Any) -> Iterable[arb]:
    return [result] if isinstance(result, arb) else (b for part in result for b in balls_in(part))


def certified(function: Callable[..., Any]) -> Callable[..., Any]:
    """Repeat a function of balls with more bits until all of its results are narrow."""

    @wraps(function)
    def narrow(*args: Any, **options: Any) -> Any:
        for bits in PRECISIONS:
            with ctx.workprec(bits):
                result = function(*args, **options)
            if all(is_narrow(ball) for ball in balls_in(result)):
                return result
        raise ArithmeticError(f"{PRECISIONS[-1]} bits do not settle {function.__name__}")

    return narrow


def exact(row: Iterable[float], temperature: float = 1.0) -> list[arb]:
    return [arb(float(z)) / arb(float(temperature)) for z in row]


class Odds(NamedTuple):
    """A row seen from its winner."""

    winner: int
    gap: list[arb]  # z_j - z_winner, all <= 0
    odds: list[arb]  # e^gap; 1 for the winner
    losers: arb  # the sum of the odds without the winner's 1
    z: list[arb]


def odds_of(row: Sequence[float], temperature: float, counts: Sequence[int] | None) -> Odds:
    """Return the odds against the winner; with counts the logit j stands there that many times."""
    winner = max(range(len(row)), key=row.__getitem__)
    z = exact(row, temperature)
    gap = [one - z[winner] if one != IMPOSSIBLE else one for one in z]
    odds = [one.exp() if one != IMPOSSIBLE else arb(0) for one in gap]
    times = [1] * len(row) if counts is None else [int(count) for count in counts]
    losers = arb(0)
    for j, odd in enumerate(odds):
        losers += (times[j] - (j == winner)) * odd
    return Odds(winner, gap, odds, losers, z)


@certified
def softmax(row: Any, temperature: float = 1.0, counts: Any = None) -> list[arb]:
    seen = odds_of(row, temperature, counts)
    return [odd / (1 + seen.losers) for odd in seen.odds]


@certified
def log_softmax(row: Any, temperature: float = 1.0, counts: Any = None) -> list[arb]:
    seen = odds_of(row, temperature, counts)
    log_total = seen.losers.log1p()
    return [gap - log_total if gap != IMPOSSIBLE else gap for gap in seen.gap]


@certified
def logsumexp(row: Any, temperature: float = 1.0, counts: Any = None) -> arb:
    """Return ``T log sum e^(x/T)``."""
    seen = odds_of(row, temperature, counts)
    return (seen.z[seen.winner] + seen.losers.log1p()) * arb(float(temperature))


@certified
def cross_entropy(row: Any, target: Sequence[arb], temperature: float = 1.0) -> arb:
    """Return the loss ``-sum_j t_j log p_j`` of a row, where 0 * inf = 0."""
    seen = odds_of(row, temperature, None)
    log_total = seen.losers.log1p()
    loss = arb(0)
    for gap, t in zip(seen.gap, target, strict=True):
        if t != 0:
            loss += t * (log_total - gap)
    return loss


@certified
def cross_entropy_gradient(row: Any, target: Sequence[arb], temperature: float = 1.0) -> list[arb]:
    """Return ``(p_j sum(t) - t_j) / T``."""
    seen = odds_of(row, temperature, None)
    total, weights = 1 + seen.losers, sum(target, arb(0))
    pairs = zip(seen.odds, target, strict=True)
    return [(odd / total * weights - t) / arb(float(temperature)) for odd, t in pairs]


def spacing(ball: arb, dtype: DTypeLike) -> arb:
    """Return the distance of neighbouring numbers of the dtype at a ball, as `ulp.spacing` does."""
    info = finfo(dtype)
    mantissa, exponent = ball.mid().man_exp()
    top = int(abs(mantissa)).bit_length() + int(exponent) - 1 if mantissa else int(info.minexp)
    return arb(2) ** (max(top, int(info.minexp)) - int(info.nmant))


def ulp_error(got: float, ball: arb, dtype: DTypeLike) -> float:
    """Return an upper bound of |got - exact| in units of the dtype's spacing at the exact value."""
    with ctx.workprec(320):
        return float((abs(arb(float(got)) - ball) / spacing(ball, dtype)).abs_upper())


def worst_ulp_error(got: Any, balls: Iterable[arb], dtype: DTypeLike) -> float:
    """Return the largest `ulp_error` of an array of any shape against the balls in order."""
    pairs = zip(np.ravel(got).tolist(), balls, strict=True)
    return max((ulp_error(one, ball, dtype) for one, ball in pairs), default=0.0)


def midpoint(ball: arb) -> mpf:
    """Return the middle of a ball, exactly."""
    mantissa, exponent = ball.mid().man_exp()
    with mp.workprec(max(int(abs(mantissa)).bit_length(), 53)):
        return mp.ldexp(mpf(int(mantissa)), int(exponent))
