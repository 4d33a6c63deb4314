import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import luce

pytestmark = pytest.mark.once

EXACT = {
    luce.sigmoid_grad: reference.sigmoid_grad,
    luce.log_sigmoid_grad: reference.log_sigmoid_grad,
    luce.softplus_grad: reference.sigmoid_at,
}
VALUE = {
    luce.sigmoid_grad: luce.sigmoid,
    luce.log_sigmoid_grad: luce.log_sigmoid,
    luce.softplus_grad: luce.softplus,
}


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", [1.0, 1e-300, 0.7, 1e300])
@pytest.mark.parametrize("function", EXACT)
def test_keeps_its_promised_accuracy(function, temperature, dtype):
    x = reference.around(dtype, temperature)
    got = function(x, temperature=temperature)
    assert got.dtype == dtype
    exact = [EXACT[function](one, temperature) for one in x.tolist()]
    inside = np.array([abs(one) <= float(np.finfo(dtype).max) for one in exact])
    assert_array_equal(got[~inside], np.inf)  # 1 / T is beyond float32
    exact = [one for one, fits in zip(exact, inside, strict=True) if fits]
    reference.assert_within(reference.promised(function, dtype), got[inside], exact, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_logit_grad_keeps_its_promise(dtype):
    p = reference.probabilities(dtype)
    p = p[p > 2 / float(np.finfo(dtype).max)]
    exact = map(reference.logit_grad, p.tolist())
    bound = reference.promised(luce.logit_grad, dtype)
    reference.assert_within(bound, luce.logit_grad(p), exact, dtype)


@given(st.floats(-20, 20), st.floats(0.5, 4))
def test_it_is_the_slope_of_the_value(x, t):
    for function, value in VALUE.items():
        step = 1e-5
        rise = value(x + step, temperature=t) - value(x - step, temperature=t)
        assert_allclose(function(x, temperature=t), rise / (2 * step), atol=1e-8)


@given(st.floats(0.01, 0.99))
def test_logit_and_sigmoid_have_reciprocal_slopes(p):
    assert_allclose(luce.logit_grad(p), 1 / luce.sigmoid_grad(luce.logit(p)), rtol=1e-12)


@given(st.floats(-700, 700))
def test_the_bell_is_even(x):
    assert luce.sigmoid_grad(x) == luce.sigmoid_grad(-x)


def test_ends():
    ends = [-np.inf, np.inf, np.nan]
    assert_array_equal(luce.sigmoid_grad(ends), [0, 0, np.nan])
    assert_array_equal(luce.log_sigmoid_grad(ends, temperature=2.0), [0.5, 0, np.nan])
    assert_array_equal(luce.softplus_grad(ends), [0, 1, np.nan])
    inf, nan = np.inf, np.nan
    got = luce.logit_grad([0, -0.0, 1, 5e-324, nan, -1e-9, 1.1, inf, -inf])
    assert_array_equal(got, [inf, inf, inf, inf, nan, nan, nan, nan, nan])


@pytest.mark.parametrize("function", [*EXACT, luce.logit_grad])
@pytest.mark.parametrize("dtype", ["float16", *reference.DTYPES])
def test_shapes_dtypes_and_out(function, dtype):
    x = np.linspace(0.1, 0.9, 24).reshape(2, 3, 4).astype(dtype)
    expected = function(x)
    assert expected.dtype == dtype
    assert function(x[0, 0, 0]).shape == ()
    assert_array_equal(function(x.T), expected.T)
    assert function(x, out=x) is x
    assert_array_equal(x, expected)
