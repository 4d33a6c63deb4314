import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import ParameterError

pytestmark = pytest.mark.once

LOWEST = {"none": -38.6, "tanh": -22.6}  # below, the value is 0 in float64
KINDS = sorted(LOWEST)


def arguments(dtype, approximate):
    low = LOWEST[approximate]
    dense = [np.linspace(low, -5, 800), np.linspace(-5, 5, 800), np.linspace(5, 50, 50)]
    return np.concatenate([reference.everywhere(dtype, -low), *dense]).astype(dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("approximate", KINDS)
def test_keeps_its_promised_accuracy(approximate, dtype):
    x = arguments(dtype, approximate)
    got = luce.gelu(x, approximate)
    assert got.dtype == dtype
    exact = (reference.gelu(one, approximate) for one in x.tolist())
    reference.assert_within(reference.promised(luce.gelu, dtype), got, exact, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("approximate", KINDS)
def test_its_derivative_keeps_its_promise(approximate, dtype):
    x = arguments(dtype, approximate)
    got = luce.gelu_grad(x, approximate)
    assert got.dtype == dtype
    bound = reference.promised(luce.gelu_grad, dtype)
    for one, value in zip(x.tolist(), got.tolist(), strict=True):
        exact, size = reference.gelu_grad(one, approximate)
        assert abs(value - exact) <= bound * reference.spacing(size, dtype), one


@given(st.floats(-30, 30), st.sampled_from(KINDS))
def test_both_sides_differ_by_the_number_itself(x, approximate):
    assert_allclose(luce.gelu(x, approximate) - luce.gelu(-x, approximate), x, rtol=1e-15)
    total = luce.gelu_grad(x, approximate) + luce.gelu_grad(-x, approximate)
    assert_allclose(total, 1, rtol=1e-15)


@given(st.floats(-10, 10), st.sampled_from(KINDS))
def test_the_derivative_is_the_slope(x, approximate):
    rise = luce.gelu(x + 1e-5, approximate) - luce.gelu(x - 1e-5, approximate)
    assert_allclose(luce.gelu_grad(x, approximate), rise / 2e-5, atol=1e-9)


@given(st.floats(-100, 100))
def test_the_approximation_is_near(x):
    assert_allclose(luce.gelu(x, "tanh"), luce.gelu(x), atol=5e-4)


@pytest.mark.parametrize("approximate", KINDS)
def test_ends(approximate):
    big = np.finfo(float).max
    x = [-np.inf, -big, -60, 0, 60, big, np.inf, np.nan]
    assert_array_equal(luce.gelu(x, approximate), [0, 0, 0, 0, 60, big, np.inf, np.nan])
    assert_array_equal(luce.gelu_grad(x, approximate), [0, 0, 0, 0.5, 1, 1, 1, np.nan])


@pytest.mark.parametrize("function", [luce.gelu, luce.gelu_grad])
@pytest.mark.parametrize("dtype", ["float16", *reference.DTYPES])
def test_shapes_dtypes_and_out(function, dtype):
    x = np.linspace(-3, 3, 24).reshape(2, 3, 4).astype(dtype)
    expected = function(x)
    assert expected.dtype == dtype
    assert function(x[0, 0, 0]).shape == ()
    assert function(np.array([-128], np.int8)).dtype == np.float64
    assert_array_equal(function(x.T), expected.T)
    assert function(x, out=x) is x
    assert_array_equal(x, expected)


def test_the_approximation_is_checked():
    for function in (luce.gelu, luce.gelu_grad):
        with pytest.raises(ParameterError, match="approximate must be one of 'none', 'tanh'"):
            function([1.0], "tan")
