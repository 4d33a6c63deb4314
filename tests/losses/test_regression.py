import warnings

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from numpy.testing import assert_allclose, assert_array_equal
from reference import element_losses as exactly

from luce.errors import DataError, DtypeError, ParameterError, ShapeError
from luce.losses import huber, huber_grad, mae, mae_grad, mse, mse_grad

pytestmark = pytest.mark.once

CASES = [
    (mse, mse_grad, exactly.mse, {}),
    (mae, mae_grad, exactly.mae, {}),
    (huber, huber_grad, exactly.huber, {}),
    (huber, huber_grad, exactly.huber, {"delta": 0.3}),
    (huber, huber_grad, exactly.huber, {"delta": 1e6}),
]
EACH = pytest.mark.parametrize(("loss", "grad", "exact", "options"), CASES)
PLAIN = pytest.mark.parametrize(("loss", "grad"), [case[:2] for case in CASES[:3]])


def problem(dtype):
    """Return numbers and targets far apart, close together, equal, and of many sizes."""
    rng = np.random.default_rng(6)
    x = rng.normal(0, 3, 400) * 10.0 ** rng.integers(-8, 8, 400)
    near = x * (1 + 1e-6 * rng.normal(size=400))
    t = np.where(rng.random(400) < 0.5, rng.normal(0, 3, 400), near)
    x[:4], t[:4] = 1.0, [0.7, 1.3, 1.0, 2.0]
    return x.astype(dtype), t.astype(dtype)


@EACH
@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_the_promise_is_kept(loss, grad, exact, options, dtype):
    x, t = problem(dtype)
    values = [exact(a, b, *options.values()) for a, b in zip(x, t, strict=True)]
    got = grad(x, t, reduction="none", **options)
    assert got.loss.dtype == np.float64
    assert got.grad.dtype == dtype
    bound = reference.promised(loss, dtype)
    assert bound == reference.promised(grad, dtype)
    reference.assert_within(bound, got.loss, [one.loss for one in values], dtype)
    bound = reference.promised(grad, dtype, "gradient")
    reference.assert_within(bound, got.grad, [one.grad for one in values], dtype)
    assert_array_equal(loss(x, t, reduction="none", **options), got.loss)
    with mp.workdps(60):
        total = mp.fsum(one.loss for one in values)
        averages = [
            mpf(float(loss(x, t, **options))) * 400,
            mpf(float(loss(x, t, reduction="sum", **options))),
        ]
        for average in averages:
            assert abs(average - total) <= 2 * bound * mpf(2) ** -52 * total


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(0.1, 10))
def test_laws(x, t, delta):
    pair = [x], [t]
    assert mse(*pair) == mse(*pair[::-1])
    assert_allclose(mse(*pair), mae(*pair) ** 2, rtol=1e-15)
    assert_allclose(huber(*pair, delta=1e9), 0.5 * mse(*pair), rtol=1e-15)
    assert huber(*pair, delta=delta) <= min(0.5 * mse(*pair), delta * mae(*pair)) * (1 + 1e-15)
    assert abs(huber_grad(*pair, delta=delta).grad[0]) <= delta
    h = 1e-4
    for loss, grad in ((mse, mse_grad), (huber, huber_grad)):
        slope = (loss([x + h], [t]) - loss([x - h], [t])) / (2 * h)
        assert_allclose(grad(*pair).grad[0], slope, rtol=1e-6, atol=1.1e-4)


@PLAIN
def test_weights_and_reductions(loss, grad):
    x, t = problem("float64")
    x, t = x.reshape(20, 20), t.reshape(20, 20)
    w = np.random.default_rng(1).uniform(0, 2, (20, 1))
    w[3] = 0
    each, summed = (grad(x, t, weight=w, reduction=kind) for kind in ("none", "sum"))
    plain = grad(x, t, reduction="none")
    assert_allclose(each.loss, w * plain.loss, rtol=1e-15)
    assert_allclose(each.grad, w * plain.grad, rtol=1e-15)
    assert_array_equal(summed.grad, each.grad)
    assert_allclose(summed.loss, each.loss.sum(), rtol=1e-14)
    mean = grad(x, t, weight=w)
    assert_allclose(mean.loss, summed.loss / (20 * w.sum()), rtol=1e-14)
    assert_allclose(mean.grad, summed.grad / (20 * w.sum()), rtol=1e-14)
    assert_allclose(loss(x, t, weight=w, normalizer=7.0), summed.loss / 7, rtol=1e-14)
    x[3] = np.nan
    assert_array_equal(grad(x, t, weight=w).grad, mean.grad)
    assert grad(x, t, weight=w).loss == mean.loss


@PLAIN
def test_nothing_to_average(loss, grad):
    for x, options in (([], {}), ([1.0, np.nan], {"weight": 0.0})):
        assert np.isnan(loss(x, x, **options))
        assert loss(x, x, empty="zero", **options) == 0
        assert_array_equal(grad(x, x, **options).grad, np.zeros(len(x)))
        assert loss(x, x, reduction="sum", **options) == 0
        with pytest.raises(DataError, match="a mean needs at least one row that counts"):
            loss(x, x, empty="raise", **options)


@PLAIN
def test_edge_values(loss, grad):
    x, t = [np.inf, np.inf, np.nan, 0.0, -np.inf], [0.0, np.inf, 0.0, np.nan, np.inf]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = grad(x, t, reduction="none")
        grad(np.array([6e4], np.float16), [-1e300])
    assert_array_equal(got.loss, [np.inf, np.nan, np.nan, np.nan, np.inf])
    assert_array_equal(np.isnan(got.grad), [False, True, True, True, False])
    assert got.grad[0] > 0 > got.grad[4]
    assert grad(2.0, 1.0).grad.shape == ()
    assert loss(2.0, 2.0) == 0
    assert_array_equal(grad([2.0], [2.0]).grad, 0)


@PLAIN
def test_types_and_layouts(loss, grad):
    x, t = problem("float64")
    x, t = x.reshape(20, 20), t.reshape(20, 20)
    expected = grad(x, t)
    for other in (np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x.astype(">f8"), x.tolist()):
        got = grad(other, t)
        assert got.loss == expected.loss
        assert_array_equal(got.grad, expected.grad)
        assert got.grad.dtype == np.float64
    small = np.array([-128, 127], np.int8)
    assert loss(small, small[::-1].copy(), reduction="sum") == loss(
        [-128.0, 127], [127.0, -128], reduction="sum"
    )
    assert grad(x.clip(-9, 9).astype(np.float16), t).grad.dtype == np.float16
    assert loss([1.0, 0.0], [True, False]) == 0
    many = np.linspace(-3, 3, 100_000)
    assert_array_equal(
        grad(many, 0 * many, reduction="none").grad[-5:],
        grad(many[-5:], np.zeros(5), reduction="none").grad,
    )


BAD = [
    ([1.0, 2.0], [[1.0], [2.0]], {}, ShapeError, "target must have the shape of prediction, (2,)"),
    ([1.0, 2.0], 1.0, {}, ShapeError, "it is not repeated. Pass one target for each of them."),
    ([1j], [0.0], {}, DtypeError, "prediction must be float32"),
    ([1.0], ["a"], {}, DtypeError, "target must be float32"),
    ([1.0], [1.0], {"weight": [-1.0]}, ParameterError, "weight must lie in 0..1e+200, got -1.0 at"),
    ([1.0], [1.0], {"weight": np.nan}, ParameterError, "got nan at the only element"),
    ([1.0], [1.0], {"weight": [1.0, 2.0]}, ShapeError, "weight must broadcast to the shape of x"),
    ([1.0], [1.0], {"reduction": "men"}, ParameterError, "Did you mean 'mean'?"),
    ([1.0], [1.0], {"normalizer": 0}, ParameterError, "normalizer must be above 0"),
]  # fmt: skip


@PLAIN
@pytest.mark.parametrize(("x", "t", "options", "error", "message"), BAD)
def test_bad_arguments(loss, grad, x, t, options, error, message):
    for function in (loss, grad):
        with pytest.raises(error) as raised:
            function(x, t, **options)
        assert message in str(raised.value)


@pytest.mark.parametrize("delta", [0, -1, np.inf, np.nan, "1", None, True])
def test_delta_must_be_positive_and_finite(delta):
    with pytest.raises(ParameterError, match="delta must be"):
        huber([1.0], [1.0], delta=delta)
