import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from numpy.testing import assert_array_equal

from luce.functions.rows import as_rows, from_rows, sum_of_rows, without

pytestmark = pytest.mark.once


@pytest.mark.parametrize("axes", [(0,), (1,), (3,), (0, 1), (3, 1), (2, 0, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 0, 4, 1), (1, 1, 1, 1)])
def test_rows_hold_the_classes_and_go_back(axes, shape):
    z = np.arange(np.prod(shape), dtype=float).reshape(shape)[:, :, ::-1]
    rows = as_rows(z, axes)
    assert rows.flags.c_contiguous
    assert rows.shape[1] == np.prod([shape[one] for one in axes])
    assert rows.size == z.size
    assert_array_equal(from_rows(rows, axes, shape), z)
    if z.size:
        first = tuple(slice(None) if i in axes else 0 for i in range(z.ndim))
        assert set(rows[0]) == set(z[first].ravel())
    for keepdims in (False, True):
        assert without(axes, shape, keepdims=keepdims) == z.sum(axes, keepdims=keepdims).shape


def test_classes_of_several_axes_come_in_the_order_of_the_axes():
    z = np.arange(6).reshape(2, 3)
    assert_array_equal(as_rows(z, (1, 0)), z.T.reshape(1, 6))


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
