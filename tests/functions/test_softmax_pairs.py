import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from numpy.testing import assert_array_equal

from luce.functions.softmax_pairs import product, softmax_pairs, sum_of_pairs
from luce.kernels.pairs import Pair, product_of, ratio_of

pytestmark = pytest.mark.once

PRECISION = 0.05  # ULP of a softmax in pairs, as the module promises


def value(pair):
    return mpf(float(pair.high)) + mpf(float(pair.low))


@given(st.lists(st.floats(0.5, 2), min_size=4, max_size=4))
def test_quotients_and_products_of_pairs(values):
    a, b = (product_of(*two) for two in (values[:2], values[2:]))
    with mp.workdps(80):
        exact = value(a) / value(b)
        assert abs(value(ratio_of(a, b)) - exact) <= mpf(2) ** -100 * exact
        exact = value(a) * value(b)
        assert abs(mpf(float(product(a, b))) - exact) <= 0.501 * mpf(np.spacing(float(exact)))


def test_low_parts_are_added():
    got = sum_of_pairs(np.ones((1, 3)), np.full((1, 3), 2.0**-60))
    assert (got.high[0, 0], got.low[0, 0]) == (3, 3 * 2.0**-60)


@pytest.mark.parametrize("temperature", [1.0, 0.7, 3.0, 1e-3])
def test_the_softmax_in_pairs_has_four_more_bits_than_float64(temperature):
    for row in reference.hard_rows("float64").values():
        row = row[row > -np.inf][:100]
        row = row if temperature > 0.1 else row * temperature
        with np.errstate(all="ignore"):
            p, rest = softmax_pairs(row[None, :], temperature)
        exact = reference.softmax(row, temperature)
        others = [one for i, one in enumerate(exact) if i != row.argmax()]
        with mp.workdps(80):
            exact.append(mp.fsum(others))
            got = [value(Pair(*two)) for two in zip(p.high[0], p.low[0], strict=True)]
            got.append(value(Pair(rest.high[0, 0], rest.low[0, 0])))
            for one, right in zip(got, exact, strict=True):
                if right > 1e-290:  # below, low parts are subnormal
                    assert abs(one - right) <= PRECISION * reference.spacing(right, "float64")


def test_rows_without_a_softmax_hold_nan():
    table = np.array([[0, np.inf], [np.nan, 0], [-np.inf, -np.inf], [0, -np.inf], [1e308, -1e308]])
    for temperature in (1.0, 0.7, 5e-324, 1.7e308):
        with np.errstate(all="ignore"):
            p, rest = softmax_pairs(table, temperature)
        assert_array_equal(p.high[:3], np.nan)
        assert_array_equal(rest.high[:3], np.nan)
        assert_array_equal(p.high[3], [1, 0])
        assert_array_equal(p.high.sum(axis=1)[3:], 1)
    assert p.high[4, 1] > 0
