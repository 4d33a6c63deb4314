"""Weights and temperatures of logsumexp, and logmeanexp."""

import warnings

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import DtypeError, ShapeError

pytestmark = pytest.mark.once

TEMPERATURES = (1e-300, 1e-3, 0.7, 1.0, 3.0, 1e3, 1e300)
TOO_LONG = ("N(0,10) of 4097", "N(0,100) of 1000", "N(0,3) of 1000", "N(0,30) of 1000")
NAMES = sorted(set(reference.hard_rows("float64")) - set(TOO_LONG))


def weights_of(n, kind, seed=5):
    rng = np.random.default_rng(seed)
    if kind == "ordinary":
        return rng.uniform(0.1, 3, n)
    return 10.0 ** rng.uniform(-300, 300, n) * rng.choice([0, 1, 1, 1], n)


def assert_near(function, dtype, got, exact, sizes, of=""):
    """Compare in units of the largest of the result and what took part."""
    unit = reference.spacing(max([abs(exact), *map(abs, map(float, sizes))]), dtype)
    assert got.dtype == dtype
    error = abs(float(got) - exact) / unit
    assert error <= reference.promised(function, dtype, of), f"{float(error):.2f} ULP, {got!r}"


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("kind", ["none", "ordinary", "far apart"])
@pytest.mark.parametrize("name", ["N(0,10) of 100", "wide", "confident by 36", "rising"])
def test_logsumexp_with_weights_keeps_its_promise(name, kind, temperature, dtype):
    row = reference.hard_rows(dtype)[name]
    b = None if kind == "none" else weights_of(len(row), kind)
    got = luce.logsumexp(row, b=b, temperature=temperature)
    b = np.ones(len(row)) if b is None else b
    exact = reference.weighted_logsumexp(row, b, temperature)
    sizes = np.append(row[b != 0], temperature * np.log(b[b != 0]))
    if abs(exact) > np.finfo(dtype).max:
        assert got == np.inf * np.sign(float(exact))
    else:
        assert_near(luce.logsumexp, dtype, got, exact, sizes, of="weighted")


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_hard_rows(name, dtype):
    row = reference.hard_rows(dtype)[name]
    possible = row[row > -np.inf]
    for t in (0.3, 7.0):
        exact = reference.weighted_logsumexp(possible, np.ones(len(possible)), t)
        got = luce.logsumexp(row, temperature=t)
        assert_near(luce.logsumexp, dtype, got, exact, possible, of="weighted")
    for t in (1.0, 7.0):
        exact = reference.logmeanexp(possible, t)
        got = luce.logmeanexp(row, temperature=t, where=row > -np.inf)
        assert_near(luce.logmeanexp, dtype, got, exact, possible)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("name", ["N(0,1) of 1000", "wide", "confident among 1000", "all alike"])
def test_logmeanexp_keeps_its_promise(name, temperature, dtype):
    row = reference.hard_rows(dtype)[name]
    got = luce.logmeanexp(row, temperature=temperature)
    assert_near(luce.logmeanexp, dtype, got, reference.logmeanexp(row, temperature), row)


@pytest.mark.parametrize("scale", [5e-324, 1e-310, 1e-20, 1e-3])
@pytest.mark.parametrize("temperature", [1.0, 1e10, 1e300])
def test_numbers_far_below_the_temperature_are_averaged(scale, temperature):
    row = scale * np.arange(-7.0, 20.0)
    got = luce.logmeanexp(row, temperature=temperature)
    assert_near(luce.logmeanexp, "float64", got, reference.logmeanexp(row, temperature), row)


def test_a_clear_winner_keeps_its_digits():
    assert luce.logsumexp([0.0, -40.0], b=[1.0, 1.0]) == luce.logsumexp([0.0, -40.0]) > 0
    got = luce.logsumexp([-12.0, -1e4], b=[1.0, 5.0], temperature=300.0)
    exact = reference.weighted_logsumexp([-12.0, -1e4], [1.0, 5.0], 300.0)
    assert_near(luce.logsumexp, "float64", got, exact, [12.0, 1e4], of="weighted")


def test_weights_that_no_product_could_hold():
    got = luce.logsumexp([1400.0, 0.0], b=[1e-300, 1e300])
    exact = reference.weighted_logsumexp([1400.0, 0.0], [1e-300, 1e300])
    assert_near(luce.logsumexp, "float64", got, exact, [1400.0], of="weighted")
    assert_allclose(luce.logsumexp([1e5, 3.0], b=[5e-324, 1]), 1e5 + np.log(5e-324), rtol=1e-15)
    assert_allclose(luce.logsumexp([1e308, -1e308], temperature=1e308), 1.1269280110429726e308)


@given(reference.logits(size=8), st.data())
def test_whole_weights_repeat_an_element(row, data):
    counts = data.draw(
        st.lists(st.integers(0, 4), min_size=len(row), max_size=len(row)).filter(any)
    )
    got = luce.logsumexp(row, b=counts)
    assert_allclose(got, luce.logsumexp(np.repeat(row, counts)), rtol=1e-14, atol=1e-14)


@given(reference.logits(), st.floats(-20, 20))
def test_shifts_pass_through(row, shift):
    for function in (luce.logsumexp, luce.logmeanexp):
        got = function(row + shift, temperature=2.5)
        assert_allclose(got, function(row, temperature=2.5) + shift, atol=1e-12)


@given(reference.logits(), st.floats(0.01, 100))
def test_temperature_divides_and_multiplies(row, t):
    assert_allclose(
        luce.logsumexp(row, temperature=t), t * luce.logsumexp(row / t), rtol=1e-12, atol=1e-12
    )
    assert_allclose(
        luce.logmeanexp(row, temperature=t),
        luce.logsumexp(row, temperature=t) - t * np.log(len(row)),
        rtol=1e-12,
        atol=1e-11,
    )


@given(reference.logits())
def test_the_mean_lies_between_the_average_and_the_maximum(row):
    got = luce.logmeanexp(row)
    assert row.mean() - 1e-13 <= got <= row.max()
    assert_allclose(luce.logmeanexp(row, temperature=1e-3), row.max(), atol=0.01)
    assert_allclose(luce.logmeanexp(row, temperature=1e9), row.mean(), atol=1e-6)


def test_equal_numbers_are_their_mean():
    for value in (0.3, -7.1, 1e300, 5e-324):
        for t in (1e-300, 1.0, 0.7, 1e300):
            assert luce.logmeanexp(np.full(1000, value), temperature=t) == value


def test_negative_weights():
    assert_allclose(luce.logsumexp([3.0, 1.0], b=[1, -1]), np.log(np.exp(3) - np.exp(1)))
    assert_allclose(luce.logsumexp([1.0, 3.0], b=[-1, 1]), np.log(np.exp(3) - np.exp(1)))
    assert_allclose(luce.logsumexp([0.0, 0.5], b=[-1, 1]), np.log(np.expm1(0.5)))
    assert luce.logsumexp([2.0, 2.0], b=[1, -1]) == -np.inf
    assert np.isnan(luce.logsumexp([1.0, 3.0], b=[1, -1]))
    assert np.isnan(luce.logsumexp([1.0], b=[-1]))


def test_weight_zero_takes_no_part_and_a_mask_hides_everything():
    inf, nan = np.inf, np.nan
    assert luce.logsumexp([inf, 1.0], b=[0, 1]) == 1
    assert luce.logsumexp([-inf, 1.0], b=[0, 1]) == 1
    assert luce.logsumexp([1.0, 2.0], b=[0, 0]) == -inf
    assert luce.logsumexp([-inf, -inf], b=[1, 2]) == -inf
    assert luce.logsumexp([inf, 1.0], b=[2, 1]) == inf
    assert luce.logsumexp([1.0, 1.0], b=[inf, 1]) == inf
    assert luce.logsumexp([-inf, 1.0], b=[inf, 1]) == 1
    assert np.isnan(luce.logsumexp([inf, inf], b=[1, -1]))
    assert np.isnan(luce.logsumexp([nan, 1.0], b=[0, 1]))
    assert np.isnan(luce.logsumexp([0.0, 1.0], b=[nan, 1]))
    mask = [False, True]
    assert luce.logsumexp([nan, 1.0], b=[nan, 1], where=mask) == 1
    assert luce.logmeanexp([nan, 1.0], where=mask) == 1
    assert np.isnan(luce.logmeanexp([nan, 1.0]))


def test_means_of_nothing_and_of_infinities():
    assert np.isnan(luce.logmeanexp(np.empty(0)))
    assert_array_equal(luce.logmeanexp(np.empty((2, 0))), [np.nan, np.nan])
    assert np.isnan(luce.logmeanexp([1.0], where=[False]))
    assert luce.logmeanexp([-np.inf, -np.inf]) == -np.inf
    assert luce.logmeanexp([np.inf, 0.0]) == np.inf
    assert_allclose(luce.logmeanexp([-np.inf, 0.0]), -np.log(2))
    assert luce.logsumexp(np.empty(0), temperature=2.0) == -np.inf


CUBE = np.random.default_rng(7).normal(0, 5, (3, 4, 5))


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 2), (2, 0), None])
@pytest.mark.parametrize("keepdims", [False, True])
def test_axes_masks_and_out(axis, keepdims):
    mask = np.random.default_rng(8).random(CUBE.shape) < 0.8
    b = np.arange(1.0, 6.0)
    weighted = np.where(mask, b * np.exp(CUBE), 0.0)
    got = luce.logsumexp(CUBE, axis, b=b, where=mask, keepdims=keepdims)
    expected = np.log(weighted.sum(axis, keepdims=keepdims))
    assert np.shape(got) == np.shape(expected)
    assert_allclose(got, expected, rtol=1e-13)
    mean = np.log(np.mean(np.exp(CUBE), axis=axis, keepdims=keepdims, where=mask))
    assert_allclose(luce.logmeanexp(CUBE, axis, where=mask, keepdims=keepdims), mean, rtol=1e-13)
    for function in (luce.logsumexp, luce.logmeanexp):
        for t in (1.0, 2.0):
            expected = function(CUBE, axis, temperature=t, keepdims=keepdims)
            out = np.empty(np.shape(expected))
            assert function(CUBE, axis, temperature=t, keepdims=keepdims, out=out) is out
            assert_array_equal(out, expected)


@pytest.mark.parametrize("function", [luce.logsumexp, luce.logmeanexp])
def test_layouts_dtypes_and_bits(function):
    options = {"temperature": 1.5}
    expected = function(CUBE, **options)
    wide = np.zeros((3, 8, 10))
    wide[:, ::2, ::2] = CUBE
    assert_array_equal(function(wide[:, ::2, ::2], **options), expected)
    assert_array_equal(function(CUBE[::-1], **options)[::-1], expected)
    assert_array_equal(function(CUBE.astype(">f8"), **options), expected)
    assert_array_equal(function(np.moveaxis(CUBE, -1, 0).copy(), 0, **options), expected)
    many = np.broadcast_to(CUBE[1, 2], (70_000, 5))
    assert_array_equal(function(many, **options), expected[1, 2])
    assert function(CUBE.astype("f2"), **options).dtype == np.float16
    assert function(np.array([127, -128], np.int8), **options) > 120
    with pytest.raises(DtypeError, match="x must be float32"):
        function(["a"], **options)


def test_weights_and_out_are_checked():
    with pytest.raises(ShapeError, match=r"b must broadcast to the shape of x, \(2,\), got .*\(3,"):
        luce.logsumexp([1.0, 2.0], b=[1, 2, 3])
    with pytest.raises(DtypeError, match="b must be float32"):
        luce.logsumexp([1.0, 2.0], b=["a", "b"])
    for b in (None, [1, 2]):
        with pytest.raises(ShapeError, match=r"out must have the result's shape \(\)"):
            luce.logsumexp([1.0, 2.0], b=b, out=np.empty(2))
    with pytest.raises(DtypeError, match="out must have"):
        luce.logmeanexp([1.0, 2.0], out=np.empty((), np.float32))


def test_edge_values_are_no_reason_to_warn():
    row = np.array([np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for pair in np.stack(np.meshgrid(row, row), -1).reshape(-1, 2):
            for b in row:
                luce.logsumexp(pair, b=[b, 1], temperature=1e-300)
                luce.logsumexp(pair, b=[b, -1], temperature=1e308)
            luce.logmeanexp(pair), luce.logmeanexp(pair, temperature=1e308)
