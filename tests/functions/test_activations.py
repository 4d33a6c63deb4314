import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import ParameterError

pytestmark = pytest.mark.once

EVERY = (luce.tanh, luce.tanh_grad, luce.relu, luce.relu_grad, luce.leaky_relu,
         luce.leaky_relu_grad, luce.step, luce.step_grad)  # fmt: skip
EXACT = {
    luce.tanh: reference.tanh,
    luce.tanh_grad: reference.tanh_grad,
    luce.relu: lambda x: max(mpf(x), mpf(0)),
    luce.relu_grad: lambda x: mpf(x > 0),
    luce.leaky_relu: lambda x: mpf(x) if x > 0 else mpf(0.01) * mpf(x),
    luce.leaky_relu_grad: lambda x: mpf(1 if x > 0 else 0.01),
    luce.step: lambda x: mpf((x > 0) - (x < 0) + 1) / 2,
    luce.step_grad: lambda x: mpf(0),
}


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("function", EVERY)
def test_keeps_its_promised_accuracy(function, dtype):
    x = reference.everywhere(dtype)
    got = function(x)
    assert got.dtype == dtype
    with np.errstate(all="raise"):
        exact = [EXACT[function](one) for one in x.tolist()]
    reference.assert_within(reference.promised(function, dtype), got, exact, dtype)


def test_ends():
    inf, nan = np.inf, np.nan
    x = [-inf, -0.0, 0.0, inf, nan]
    assert_array_equal(luce.tanh(x), [-1, 0, 0, 1, nan])
    assert_array_equal(luce.tanh_grad(x), [0, 1, 1, 0, nan])
    assert_array_equal(luce.relu(x), [0, 0, 0, inf, nan])
    assert not np.signbit(luce.relu(x)[:3]).any()
    assert_array_equal(luce.relu_grad(x), [0, 0, 0, 1, nan])
    assert_array_equal(luce.leaky_relu(x), [-inf, 0, 0, inf, nan])
    assert_array_equal(luce.leaky_relu(x, 0), [0, 0, 0, inf, nan])
    assert_array_equal(luce.leaky_relu(x, -2), [inf, 0, 0, inf, nan])
    assert_array_equal(luce.leaky_relu_grad(x, 0.25), [0.25, 0.25, 0.25, 1, nan])
    assert_array_equal(luce.step(x), [0, 0.5, 0.5, 1, nan])
    assert_array_equal(luce.step(x, 1), [0, 1, 1, 1, nan])
    assert_array_equal(luce.step_grad(x), [0, 0, 0, 0, nan])


@given(st.floats(-18, 18))
def test_tanh_is_a_stretched_sigmoid(x):
    assert_allclose(luce.tanh(x), 2 * luce.sigmoid(2 * x) - 1, atol=1e-15)
    assert_allclose(luce.tanh_grad(x), 1 - luce.tanh(x) ** 2, atol=1e-15)


@given(st.floats(-50, 50).filter(lambda x: abs(x) > 1e-3), st.floats(-2, 2))
def test_derivatives_are_slopes(x, slope):
    step = 1e-6
    pairs = [
        (luce.relu, luce.relu_grad, ()),
        (luce.leaky_relu, luce.leaky_relu_grad, (slope,)),
        (luce.tanh, luce.tanh_grad, ()),
    ]
    for value, derivative, options in pairs:
        rise = value(x + step, *options) - value(x - step, *options)
        assert_allclose(derivative(x, *options), rise / (2 * step), atol=1e-8)
    assert luce.step(x) == luce.relu_grad(x)
    assert luce.step_grad(x) == 0


@given(st.floats(-50, 50))
def test_limits_of_the_smooth_ones(x):
    assert_allclose(luce.softplus(x, temperature=1e-3), luce.relu(x), atol=1e-3)
    if abs(x) > 0.1:
        assert_allclose(luce.sigmoid(x, temperature=1e-3), luce.step(x), atol=1e-30)


@pytest.mark.parametrize("function", EVERY)
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


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", None, True])
def test_options_are_checked(bad):
    for function in (luce.leaky_relu, luce.leaky_relu_grad):
        with pytest.raises(ParameterError, match="slope must be"):
            function([1.0], bad)
    with pytest.raises(ParameterError, match="at_zero must be"):
        luce.step([1.0], bad)
