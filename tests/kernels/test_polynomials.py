"""The polynomials of the native core, read from its sources, are as close as docs/accuracy.md says.

The error of each is a polynomial itself but for a remainder of the exponential's series, which is
bounded; its extremes lie at the ends and where its derivative vanishes, and python-flint encloses
all of these places. So the bounds are proven, not sampled.
"""

import re
from fractions import Fraction
from math import factorial
from pathlib import Path

import pytest
from flint import arb, ctx, fmpq, fmpq_poly

SOURCES = Path(__file__).parents[2] / "src" / "luce" / "kernels" / "src"
TERMS = 40  # of the exponential's series; the rest is below 1e-60


def rational(x):
    return fmpq(*Fraction(x).as_integer_ratio())


def coefficients(file, name):
    text = (SOURCES / file).read_text(encoding="utf-8")
    body = re.search(rf"{name}\[\] = {{(.*?)}}", text, re.S).group(1)
    return [float.fromhex(one.strip().rstrip("f")) for one in body.split(",")]


def value(polynomial, x):
    total = arb(0)
    for c in reversed(polynomial.coeffs()):
        total = total * x + arb(c.p) / arb(c.q)
    return total


def largest_relative_error(c, end):
    """Bound |(1 + r + r^2 c(r)) e^-r - 1| for |r| <= end."""
    with ctx.workprec(300):
        series = fmpq_poly([fmpq((-1) ** i, factorial(i)) for i in range(TERMS)])
        error = fmpq_poly([fmpq(1), fmpq(1), *map(rational, c)]) * series - 1
        roots = [root.real for root, _ in error.derivative().numer().complex_roots()]
        places = [root for root in roots if abs(root) <= end] + [arb(end), -arb(end)]
        remainder = 2 * arb(end) ** TERMS / factorial(TERMS)
        return max(float((abs(value(error, x)) + remainder).upper()) for x in places)


@pytest.mark.parametrize(
    ("file", "name", "end", "bits"),
    [
        ("wide.hpp", "kExpWide", 0.3466, 34.16),
        ("exponential.hpp", "kExpD", 0.3466, 57.3),
        ("float_exp.hpp", "kExpFloat", 0.3485, 27.8),
    ],
)
def test_the_exponentials_are_as_close_as_they_say(file, name, end, bits):
    error = largest_relative_error(coefficients(file, name), end)
    assert 2 ** -(bits + 0.2) < error <= 2**-bits


def test_the_series_of_the_logarithm_is_long_enough():
    """atanh(s) / s up to s^12; s is largest at the square root of 2."""
    c = coefficients("wide.hpp", "atanh")
    assert c == [1 / n for n in range(3, 3 + 2 * len(c), 2)]
    s = (2**0.5 - 1) / (2**0.5 + 1)
    n = 2 * len(c) + 2
    assert s**n / (n + 1) / (1 - s * s) < 2**-39
