import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import DtypeError


def arguments(dtype):
    """Return numbers from end to end, dense where the results are neither 0 nor 1."""
    info = np.finfo(dtype)
    rng = np.random.default_rng(4)
    ends = [info.max, -info.max, info.tiny, -info.tiny, info.smallest_subnormal, 0.0]
    tail = np.log(info.smallest_subnormal)  # below it the sigmoid rounds to 0
    dense = [rng.uniform(tail, -tail, 1000), rng.normal(0, 3, 1000), rng.normal(0, 1e-3, 200)]
    edge = np.linspace(tail - 1, tail + 20, 300)
    return np.concatenate([ends, *dense, edge, -edge]).astype(dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("function", ["sigmoid", "log_sigmoid"])
def test_keeps_its_promised_accuracy(function, dtype):
    x = arguments(dtype)
    ours, exact = getattr(luce, function), getattr(reference, function)
    got = ours(x)
    assert got.dtype == dtype
    reference.assert_within(reference.promised(ours, dtype), got, map(exact, x), dtype)


def test_ends():
    assert_array_equal(luce.sigmoid([-np.inf, np.inf, np.nan, 0]), [0, 1, np.nan, 0.5])
    assert_array_equal(luce.log_sigmoid([-np.inf, np.inf, np.nan]), [-np.inf, 0, np.nan])


@given(st.floats(-30, 30))
def test_it_is_the_softmax_against_zero(x):
    assert_allclose(luce.sigmoid(x), luce.softmax([x, 0.0])[0], rtol=1e-13)
    assert_allclose(luce.log_sigmoid(x), luce.log_softmax([x, 0.0])[0], rtol=1e-13)


@given(st.floats(-30, 30))
def test_the_two_sides_sum_to_one(x):
    assert_allclose(luce.sigmoid(x) + luce.sigmoid(-x), 1, rtol=1e-15)
    assert_allclose(luce.log_sigmoid(x) - luce.log_sigmoid(-x), x, atol=1e-14)


@given(st.floats(-30, 30))
def test_slope_is_p_times_one_minus_p(x):
    slope = (luce.sigmoid(x + 1e-5) - luce.sigmoid(x - 1e-5)) / 2e-5
    assert_allclose(slope, luce.sigmoid(x) * luce.sigmoid(-x), atol=1e-10)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (2, 3, 4)])
@pytest.mark.parametrize("function", [luce.sigmoid, luce.log_sigmoid])
def test_any_shape_is_kept(function, shape):
    x = np.linspace(-3, 3, int(np.prod(shape))).reshape(shape)
    assert function(x).shape == shape
    assert_array_equal(function(x.T), function(x).T)
    assert_array_equal(
        function(x[..., ::-1] if shape else x), function(x)[..., ::-1] if shape else function(x)
    )


def test_dtypes():
    for dtype in (np.float16, np.float32, np.float64):
        assert luce.sigmoid(np.ones(3, dtype)).dtype == dtype
    assert luce.sigmoid(np.array([-128, 127], np.int8)).dtype == np.float64
    assert_array_equal(luce.sigmoid([1, 2]), luce.sigmoid([1.0, 2.0]))
    with pytest.raises(DtypeError, match="x must be float32"):
        luce.sigmoid(["a"])
    with pytest.raises(DtypeError, match="complex128"):
        luce.log_sigmoid([1j])


def test_the_argument_is_left_alone():
    x = np.array([1.0, 2.0])
    luce.sigmoid(x), luce.log_sigmoid(x)
    assert_array_equal(x, [1, 2])
