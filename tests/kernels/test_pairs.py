from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from luce.kernels.pairs import (
    Pair,
    divided,
    gap_of,
    plus,
    product_of,
    ratio_of,
    sum_of,
    sum_of_rows,
    times,
)

NUMBERS = st.floats(1e-100, 1e100) | st.floats(-1e100, -1e-100)
SIZES = st.floats(1e-30, 1e30)


def value(pair):
    return Fraction(float(pair.high)) + Fraction(float(pair.low))


@given(NUMBERS, NUMBERS)
def test_sums_and_products_of_two_numbers_are_exact(a, b):
    assert value(sum_of(a, b)) == Fraction(a) + Fraction(b)
    if 1e-140 < abs(a * b) < 1e140:
        assert value(product_of(a, b)) == Fraction(a) * Fraction(b)


@given(SIZES, SIZES, SIZES)
def test_sums_products_and_ratios_of_pairs_have_twice_the_digits(a, b, c):
    x, y = product_of(a, 1 / 3 + b * 0), sum_of(b, 1e-18 * c)
    for got, exact in [
        (plus(x, y), value(x) + value(y)),
        (times(x, y), value(x) * value(y)),
        (ratio_of(x, y), value(x) / value(y)),
    ]:
        assert abs(value(got) - exact) <= abs(exact) * Fraction(2) ** -100


@given(st.floats(1e-100, 700) | st.floats(-700, -1e-100), st.floats(1e-150, 1e300))
def test_a_quotient_by_a_temperature_has_twice_the_digits(q, temperature):
    x = q * temperature
    exact = Fraction(x) / Fraction(temperature)
    assert abs(value(divided(x, temperature)) - exact) <= abs(exact) * Fraction(2) ** -100


@pytest.mark.parametrize(
    ("x", "top", "temperature"),
    [(-1.7e308, 1.7e308, 1.7e305), (0.1, 0.3, 0.7), (1e16, 1e16 + 2, 1)],
)
def test_a_gap_of_logits_has_twice_the_digits_and_does_not_overflow(x, top, temperature):
    exact = (Fraction(x) - Fraction(top)) / Fraction(temperature)
    assert abs(value(gap_of(x, top, temperature)) - exact) <= abs(exact) * Fraction(2) ** -100


def test_infinite_gaps_have_no_low_part():
    with np.errstate(invalid="ignore"):  # as where it is used
        assert gap_of(np.float64(-np.inf), 0.0, 0.5) == Pair(-np.inf, 0.0)


@pytest.mark.parametrize("n", [1, 2, 9, 1000, 100_000])
@pytest.mark.parametrize("tiny", [0.51 * 2.0**-52, 2.0**-27 * (1 + 2.0**-30), 1 / 3])
def test_sums_that_round_up_at_each_addition_are_exact(n, tiny):
    """A plain sum of 1 and many halves of its last place grows by a whole place at each."""
    row = np.append(1.0, np.full(n, tiny))
    exact = 1 + n * mpf(float(tiny))
    got = sum_of_rows(row[None, :])
    assert got.shape == (1, 1)
    assert abs(mpf(float(got[0, 0])) - exact) <= 1.01 * mpf(np.spacing(float(exact)))


@given(st.lists(st.floats(-1e200, 1e200), min_size=1, max_size=30), st.integers(0, 3))
def test_sums_of_any_signs_are_accurate_to_their_size_and_independent_of_other_rows(row, above):
    table = np.zeros((5, len(row)))
    table[above] = row
    table[4] = 1e250
    got = sum_of_rows(table)[above, 0]
    assert got == sum_of_rows(np.array([row]))[0, 0]
    with mp.workdps(500):
        exact, size = mp.fsum(map(mpf, row)), mp.fsum(abs(mpf(one)) for one in row)
        assert abs(mpf(float(got)) - exact) <= 1.01 * mpf(np.spacing(float(size)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_has_no_sum(bad):
    with np.errstate(invalid="ignore"):
        got = sum_of_rows(np.array([[1.0, bad], [1.0, 2.0]]))
    assert not np.isfinite(got[0, 0])
    assert got[1, 0] == 3
