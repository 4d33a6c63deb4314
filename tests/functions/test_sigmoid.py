import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import DtypeError, ParameterError, ShapeError

FUNCTIONS = (luce.sigmoid, luce.log_sigmoid, luce.softplus)
EXACT = {
    luce.sigmoid: reference.sigmoid_at,
    luce.log_sigmoid: reference.log_sigmoid_at,
    luce.softplus: reference.softplus,
}
TEMPERATURES = (1e-300, 1e-3, 0.7, 3.0, 1e300)
inner = st.floats(-30, 30)


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
@pytest.mark.parametrize("function", FUNCTIONS)
def test_keeps_its_promised_accuracy(function, dtype):
    x = arguments(dtype)
    got = function(x)
    assert got.dtype == dtype
    exact = [EXACT[function](one, 1.0) for one in x.tolist()]
    reference.assert_within(reference.promised(function, dtype), got, exact, dtype)


def assert_within_range(function, got, exact, dtype):
    """Compare where the exact value does not overflow."""
    inside = [abs(one) <= float(np.finfo(dtype).max) for one in exact]
    assert np.isinf(got[~np.array(inside)]).all()
    exact = [one for one, fits in zip(exact, inside, strict=True) if fits]
    reference.assert_within(reference.promised(function, dtype), got[inside], exact, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_keeps_its_promise_at_any_temperature(function, temperature, dtype):
    x = reference.around(dtype, temperature)
    exact = [EXACT[function](one, temperature) for one in x.tolist()]
    assert_within_range(function, function(x, temperature=temperature), exact, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_logit_keeps_its_promise(dtype):
    p = reference.probabilities(dtype)
    exact = map(reference.logit, p.tolist())
    reference.assert_within(reference.promised(luce.logit, dtype), luce.logit(p), exact, dtype)


def test_the_tail_of_softplus_is_not_lost_between_two_temperatures():
    """The exponential underflows, its product with the temperature does not."""
    x, t = -720.0 * 1e300, 1e300
    got = luce.softplus(x, temperature=t)
    assert reference.ulp_error(float(got), reference.softplus(x, t), "float64") <= 4
    assert luce.softplus(1e10, temperature=1e-300) == 1e10


def test_ends():
    ends = [-np.inf, np.inf, np.nan]
    for t in (1.0, 2.0):
        assert_array_equal(luce.sigmoid([*ends, 0], temperature=t), [0, 1, np.nan, 0.5])
        assert_array_equal(luce.log_sigmoid(ends, temperature=t), [-np.inf, 0, np.nan])
        got = luce.softplus(ends, temperature=t)
        assert_array_equal(got, [0, np.inf, np.nan])
        assert not np.signbit(got[0])
    assert_array_equal(luce.logit([0, -0.0, 1, 0.5]), [-np.inf, -np.inf, np.inf, 0])
    outside = [np.nan, -1e-300, 1 + 1e-15, 1.5, 2, 1e308, -1e308, np.inf, -np.inf]
    assert_array_equal(luce.logit(outside), np.nan)


@given(inner)
def test_it_is_the_softmax_against_zero(x):
    assert_allclose(luce.sigmoid(x), luce.softmax([x, 0.0])[0], rtol=1e-13)
    assert_allclose(luce.log_sigmoid(x), luce.log_softmax([x, 0.0])[0], rtol=1e-13)
    assert_allclose(luce.softplus(x), luce.logsumexp([x, 0.0]), rtol=1e-13)


@given(inner)
def test_the_two_sides_sum_to_one(x):
    assert_allclose(luce.sigmoid(x) + luce.sigmoid(-x), 1, rtol=1e-15)
    assert_allclose(luce.log_sigmoid(x) - luce.log_sigmoid(-x), x, atol=1e-14)
    assert_allclose(luce.softplus(x) - luce.softplus(-x), x, atol=1e-14)


@given(inner)
def test_slope_is_p_times_one_minus_p(x):
    slope = (luce.sigmoid(x + 1e-5) - luce.sigmoid(x - 1e-5)) / 2e-5
    assert_allclose(slope, luce.sigmoid(x) * luce.sigmoid(-x), atol=1e-10)


@given(st.floats(-700, 30))
def test_logit_undoes_the_sigmoid(x):
    # Beyond 0 the probability's own rounding is all that is lost.
    assert_allclose(luce.logit(luce.sigmoid(x)), x, rtol=1e-14, atol=1e-15 * np.exp(max(x, 0)))


@given(st.floats(-300, 300), st.floats(0.01, 100))
def test_temperature_divides(x, t):
    # The quotient's rounding is multiplied by its size.
    assert_allclose(luce.sigmoid(x, temperature=t), luce.sigmoid(x / t), rtol=1e-11, atol=5e-324)
    assert_allclose(
        luce.softplus(x, temperature=t), t * luce.softplus(x / t), rtol=1e-11, atol=1e-321
    )


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (2, 3, 4)])
@pytest.mark.parametrize("function", [*FUNCTIONS, luce.logit])
def test_any_shape_is_kept(function, shape):
    x = np.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape)
    assert function(x).shape == shape
    assert_array_equal(function(x.T), function(x).T)
    assert_array_equal(
        function(x[..., ::-1] if shape else x), function(x)[..., ::-1] if shape else function(x)
    )


@pytest.mark.parametrize("options", [{}, {"temperature": 2.0}])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_number_has_the_same_bits_wherever_it_stands(function, options):
    x = np.random.default_rng(0).normal(0, 20, 70_001)
    got = function(x, **options)
    assert_array_equal(function(x[7::3], **options), got[7::3])
    assert function(x[-1], **options) == got[-1]


@pytest.mark.parametrize("options", [{}, {"temperature": 2.0}])
@pytest.mark.parametrize("function", [*FUNCTIONS, luce.logit])
@pytest.mark.parametrize("dtype", ["float16", *reference.DTYPES])
def test_out_receives_the_result(function, options, dtype):
    options = {} if function is luce.logit else options
    x = np.linspace(0.1, 0.9, 24).reshape(4, 6).astype(dtype)
    expected = function(x, **options)
    out = np.empty_like(x)
    assert function(x, out=out, **options) is out
    assert_array_equal(out, expected)
    strided = np.zeros((8, 12), dtype)[::2, ::2]
    assert function(x, out=strided, **options) is strided
    assert_array_equal(strided, expected)
    memory = np.concatenate([x.ravel(), x.ravel()[-1:]])
    function(memory[:-1], out=memory[1:], **options)
    assert_array_equal(memory[1:], expected.ravel())
    assert function(x, out=x, **options) is x
    assert_array_equal(x, expected)
    with pytest.raises(ShapeError, match="out must have the result's shape"):
        function(x, out=np.empty(3, dtype), **options)


def test_dtypes():
    for dtype in (np.float16, np.float32, np.float64):
        assert luce.sigmoid(np.ones(3, dtype)).dtype == dtype
    assert luce.sigmoid(np.array([-128, 127], np.int8)).dtype == np.float64
    assert_array_equal(luce.sigmoid([1, 2]), luce.sigmoid([1.0, 2.0]))
    assert_array_equal(luce.softplus(np.array([-128], np.int8)), luce.softplus([-128.0]))
    with pytest.raises(DtypeError, match="x must be float32"):
        luce.sigmoid(["a"])
    for function in (*FUNCTIONS, luce.logit):
        with pytest.raises(DtypeError, match="complex128"):
            function([1j])


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf, "1", None, True])
def test_a_temperature_must_be_positive_and_finite(temperature):
    for function in FUNCTIONS:
        with pytest.raises(ParameterError, match="temperature must be"):
            function([1.0, 2.0], temperature=temperature)


def test_the_argument_is_left_alone():
    x = np.array([0.25, 0.75])
    for function in (*FUNCTIONS, luce.logit):
        function(x)
    assert_array_equal(x, [0.25, 0.75])
