"""Softmax and its family in mpmath, 80 decimal digits, one row at a time.

Arguments are floats, taken at their exact value; results are lists of ``mpf``. A row must hold
a finite largest value; other elements may be ``-inf``.
"""

from collections.abc import Iterable
from functools import lru_cache, wraps
from typing import Any

from mpmath import mp, mpf

DIGITS = 80


def at_full_precision(function):
    @wraps(function)
    def precise(*args, **options):
        with mp.workdps(DIGITS):
            return function(*args, **options)

    return precise


def exact(row: Iterable[float], temperature: float = 1.0) -> list[mpf]:
    return [mpf(float(z)) / mpf(float(temperature)) for z in row]


def odds_against_the_winner(
    row: list[mpf], counts: Iterable[int] | None = None
) -> tuple[int, list[mpf], mpf]:
    """Return the winner, every e^(z_j - z_winner), and the sum of the losers' ones.

    The losers are summed apart: 1 - p of a winner with p = 1 - 1e-300 must keep its digits.
    With ``counts`` the logit j stands in the row that many times.
    """
    losers = [int(count) for count in counts] if counts is not None else [1] * len(row)
    winner, odds = odds_of(tuple(row))
    losers[winner] -= 1
    return winner, odds, mp.fsum(count * odd for count, odd in zip(losers, odds, strict=True))


@lru_cache(maxsize=256)  # the same rows are asked for many times
def odds_of(row: tuple[mpf, ...]) -> tuple[int, list[mpf]]:
    winner = max(range(len(row)), key=row.__getitem__)
    return winner, [mp.exp(z - row[winner]) for z in row]


@at_full_precision
def softmax(row: Iterable[float], temperature: float = 1.0, counts: Any = None) -> list[mpf]:
    _, odds, losers = odds_against_the_winner(exact(row, temperature), counts)
    return [one / (1 + losers) for one in odds]


@at_full_precision
def log_softmax(row: Iterable[float], temperature: float = 1.0, counts: Any = None) -> list[mpf]:
    z = exact(row, temperature)
    winner, _, losers = odds_against_the_winner(z, counts)
    return [(one - z[winner]) - mp.log1p(losers) for one in z]


@at_full_precision
def logsumexp(row: Iterable[float], counts: Any = None) -> mpf:
    z = exact(row)
    winner, _, losers = odds_against_the_winner(z, counts)
    return z[winner] + mp.log1p(losers)


@at_full_precision
def sigmoid(x: float) -> mpf:
    return 1 / (1 + mp.exp(-mpf(float(x))))


@at_full_precision
def log_sigmoid(x: float) -> mpf:
    return -mp.log1p(mp.exp(-mpf(float(x))))


@at_full_precision
def weighted_logsumexp(row: Iterable[float], b: Iterable[float], temperature: float = 1.0) -> mpf:
    """Return T log sum_j b_j e^(x_j / T); 0 * inf = 0, and the sum must be positive."""
    pairs = [(z, mpf(float(w))) for z, w in zip(exact(row, temperature), b, strict=True) if w != 0]
    top = max(z for z, _ in pairs)
    winners = mp.fsum(w for z, w in pairs if z == top)
    losers = mp.fsum(w * mp.exp(z - top) for z, w in pairs if z != top)
    # A sum of 80 digits near 1 would lose the losers.
    log = mp.log1p((winners - 1) + losers) if 0.5 < winners < 2 else mp.log(winners + losers)
    return mpf(float(temperature)) * (top + log)


@at_full_precision
def logmeanexp(row: Iterable[float], temperature: float = 1.0) -> mpf:
    z = exact(row, temperature)
    top = max(z)
    mean = mp.fsum(mp.expm1(one - top) for one in z) / len(z)
    return mpf(float(temperature)) * (top + mp.log1p(mean))
