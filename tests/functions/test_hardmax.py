from fractions import Fraction

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import DtypeError, LabelError, ParameterError, ShapeError

pytestmark = pytest.mark.once

TIED = hnp.arrays(float, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.integers(-2, 2))


@given(TIED)
def test_it_is_the_limit_of_the_softmax(table):
    cold = luce.softmax(table, temperature=1e-3)
    assert_allclose(luce.hardmax(table, ties="share"), cold, atol=1e-15)


@given(TIED)
def test_the_first_of_the_largest_wins(table):
    got = luce.hardmax(table)
    assert_array_equal(got.argmax(axis=1), table.argmax(axis=1))
    assert_array_equal(got.sum(axis=1), 1)
    assert_array_equal(np.unique(got), [0, 1] if table.shape[1] > 1 else [1])


@pytest.mark.parametrize("dtype", ["float16", *reference.DTYPES])
@pytest.mark.parametrize("n", [1, 3, 7, 49, 1000])
def test_shares_are_rounded_once(n, dtype):
    got = luce.hardmax(np.ones(n, dtype), ties="share")
    assert got.dtype == dtype
    bound = reference.promised(luce.hardmax, "float32")
    error = abs(Fraction(float(got[0])) - Fraction(1, n))
    assert error <= bound * Fraction(float(np.spacing(got[0])))
    assert_array_equal(got, got[0])


def test_masks_and_edge_values():
    inf, nan = np.inf, np.nan
    x = [[1, nan, 3], [inf, 1, inf], [-inf, -inf, -inf], [1, 2, -inf]]
    assert_array_equal(luce.hardmax(x), [[nan] * 3, [1, 0, 0], [nan] * 3, [0, 1, 0]])
    assert_array_equal(luce.hardmax(x, ties="share")[1:3], [[0.5, 0, 0.5], [nan] * 3])
    mask = [[True, False, True], [False, True, False], [True] * 3, [False] * 3]
    got = luce.hardmax(x, where=mask)
    assert_array_equal(got, [[0, 0, 1], [0, 1, 0], [nan] * 3, [nan] * 3])


@pytest.mark.parametrize("axis", [0, 1, (0, 2), (2, 1), None])
def test_any_axis(axis):
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    got = luce.hardmax(x, axis)
    assert_array_equal(got, (x == x.max(axis, keepdims=True)).astype(float))
    assert luce.hardmax(np.empty((2, 0)), axis=-1).shape == (2, 0)


def test_ties_are_checked():
    with pytest.raises(ParameterError, match="ties must be one of 'first', 'share'"):
        luce.hardmax([1.0], ties="last")


# one_hot


@given(hnp.arrays(int, hnp.array_shapes(max_dims=3), elements=st.integers(0, 4)))
def test_argmax_undoes_one_hot(labels):
    for axis in range(-labels.ndim - 1, labels.ndim + 1):
        got = luce.one_hot(labels, 5, axis=axis)
        assert_array_equal(got.argmax(axis), labels)
        assert_array_equal(got.sum(axis), 1)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint64, bool])
def test_dtype_of_one_hot(dtype):
    got = luce.one_hot(np.array([1, 0], np.uint8), 2, dtype=dtype)
    assert got.dtype == dtype
    assert_array_equal(got, [[0, 1], [1, 0]])


def test_it_is_exact():
    assert reference.promised(luce.one_hot, "float32") == 0
    assert_array_equal(np.unique(luce.one_hot([0, 1, 2], 3)), [0, 1])


def test_ignored_labels_give_zeros():
    assert_array_equal(luce.one_hot([-100, 1], 2, ignore_index=-100), [[0, 0], [0, 1]])
    assert_array_equal(luce.one_hot([0, 1], 2, ignore_index=0), [[0, 0], [0, 1]])
    assert luce.one_hot(-1, 3, ignore_index=-1).sum() == 0


def test_shapes_of_one_hot():
    assert_array_equal(luce.one_hot(1, 3), [0, 1, 0])
    assert luce.one_hot(np.empty((0, 2), int), 3).shape == (0, 2, 3)
    assert luce.one_hot(np.zeros((4, 5), int), 3, axis=1).shape == (4, 3, 5)


def test_labels_are_checked():
    with pytest.raises(LabelError, match=r"labels must lie in 0\.\.2 .* got 3 at row 1"):
        luce.one_hot([0, 3], 3)
    with pytest.raises(LabelError, match="whole numbers"):
        luce.one_hot([0.5], 3)
    with pytest.raises(ParameterError, match="classes must be an integer of at least 1"):
        luce.one_hot([0], 0)
    with pytest.raises(DtypeError, match="dtype must be a floating-point or integer one"):
        luce.one_hot([0], 2, dtype=complex)
    with pytest.raises(DtypeError, match="got 'no such'"):
        luce.one_hot([0], 2, dtype="no such")
    with pytest.raises(ShapeError, match=r"axis must lie in -2\.\.1 \(the result has 2 axes\)"):
        luce.one_hot([0], 2, axis=2)
