import warnings

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import ParameterError, ShapeError

pytestmark = pytest.mark.once

NAMES = ("N(0,10) of 3", "N(0,10) of 100", "wide", "rising", "subnormal logits", "largest number",
         "ends of the range", "confident by 36", "all alike", "N(0,1) around -1e8",
         "some impossible")  # fmt: skip
TEMPERATURES = (1.0, 0.3, 1e-300, 50.0, 1e300)
ORDERS = (1, 1.5, 2, 3.3, 200, 1e4, np.inf)
RATES = (luce.boltzmann_max, luce.p_norm_max)


def finite_row(name, dtype):
    row = reference.hard_rows(dtype)[name][:200]
    return row[row > -np.inf]


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_boltzmann_max_keeps_its_promise(name, dtype):
    row = finite_row(name, dtype)
    for t in TEMPERATURES:
        got = luce.boltzmann_max(row, temperature=t)
        assert got.dtype == dtype
        exact, size = reference.boltzmann_max(row, t)
        error = abs(float(got) - exact) / reference.spacing(size, dtype)
        assert error <= reference.promised(luce.boltzmann_max, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_its_gradient_keeps_its_promise(name, dtype):
    row = finite_row(name, dtype)
    bound = reference.promised(luce.boltzmann_max_vjp, dtype)
    for t in TEMPERATURES:
        got = luce.boltzmann_max_vjp(row, 1.0, temperature=t)
        assert got.dtype == dtype
        for one, exact, size in zip(
            got.tolist(), *reference.boltzmann_max_grad(row, t), strict=True
        ):
            assert abs(one - exact) <= bound * reference.spacing(size, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_p_norm_max_and_its_gradient_keep_their_promises(name, dtype):
    row = finite_row(name, dtype)
    for p in ORDERS:
        got, exact = luce.p_norm_max(row, p), reference.p_norm_max(row, p)
        if exact > float(np.finfo(dtype).max):
            assert got == np.inf
        else:
            reference.assert_within(reference.promised(luce.p_norm_max, dtype), got, [exact], dtype)
        if p < np.inf:
            got, exact = luce.p_norm_max_vjp(row, 1.0, p), reference.p_norm_max_grad(row, p)
            bound = reference.promised(luce.p_norm_max_vjp, dtype)
            reference.assert_within(bound, got, exact, dtype)


def test_neither_overflow_nor_underflow():
    for scale in (1e-310, 1e-200, 1.0, 1e200, 1e300):
        got = luce.p_norm_max(scale * np.array([3.0, -4.0]), 2)
        assert_allclose(got, 5 * scale, rtol=1e-15, atol=1e-323)
        assert luce.p_norm_max(np.full(8, scale), 3) == 2 * scale
        assert_array_equal(luce.boltzmann_max(np.full(7, scale)), scale)
    # A probability of 2e-311 that a logit of -1e308 makes count.
    t = 1e308 / 714
    exact, size = reference.boltzmann_max([0.0, -1e308], t)
    error = abs(float(luce.boltzmann_max([0.0, -1e308], temperature=t)) - exact)
    assert error <= 4 * reference.spacing(size, "float64")
    assert_allclose(luce.boltzmann_max([1.7e308] * 9 + [-1.7e308], temperature=1e308), 1.688e308,
                    rtol=1e-2)  # fmt: skip


@given(reference.logits(), st.floats(0.05, 50))
def test_bounds(row, t):
    top, mean = row.max(), row.mean()
    low = mean - 1e-13 * np.abs(row).max()
    assert low <= luce.boltzmann_max(row, temperature=t) <= top
    assert low <= luce.logmeanexp(row, temperature=t) <= top
    highest = top + t * np.log(len(row))
    assert top <= luce.logsumexp(row, temperature=t) <= highest + 1e-14 * (1 + abs(highest))
    p = 1 + t
    largest = np.abs(row).max()
    got = luce.p_norm_max(row, p)
    assert largest <= got <= len(row) ** (1 / p) * largest * (1 + 1e-14)


@given(reference.logits())
def test_limits(row):
    row = row.round(3)
    shares = luce.hardmax(row, ties="share")
    assert_allclose(luce.boltzmann_max(row, temperature=1e-300), row.max())
    assert_allclose(luce.boltzmann_max(row, temperature=1e9), row.mean(), atol=1e-5)
    assert_allclose(luce.boltzmann_max_vjp(row, 1.0, temperature=1e-300), shares)
    assert luce.p_norm_max(row, np.inf) == np.abs(row).max()
    assert_allclose(luce.p_norm_max(row, 1), np.abs(row).sum())
    if row.any():
        ties = np.abs(row) == np.abs(row).max()
        expected = np.sign(row) * ties / ties.sum()
        assert_allclose(luce.p_norm_max_vjp(row, 1.0, np.inf), expected)
    assert_array_equal(luce.p_norm_max_vjp(row, 1.0, 1), np.sign(row))


@given(reference.logits(largest=5, size=6), st.floats(0.5, 4))
def test_gradients_from_the_definition(row, t):
    step = 1e-6
    up, down = row + step * np.eye(len(row)), row - step * np.eye(len(row))
    slope = luce.boltzmann_max(up, temperature=t) - luce.boltzmann_max(down, temperature=t)
    got = luce.boltzmann_max_vjp(row, 2.0, temperature=t)
    assert_allclose(got, slope / step, atol=1e-7)
    if np.abs(row).min() > 0.1:
        slope = luce.p_norm_max(up, 1 + t) - luce.p_norm_max(down, 1 + t)
        assert_allclose(luce.p_norm_max_vjp(row, 2.0, 1 + t), slope / step, atol=1e-7)


@given(reference.logits(largest=20))
def test_they_agree_with_their_formulas(row):
    assert_allclose(luce.boltzmann_max(row), luce.softmax(row) @ row, atol=1e-12)
    assert_allclose(luce.p_norm_max(row, 3), (np.abs(row) ** 3).sum() ** (1 / 3), atol=1e-12)


def test_masks_infinities_and_nan():
    inf, nan = np.inf, np.nan
    x = np.array([[nan, 1, 3], [inf, -inf, 1], [-inf, -inf, -inf], [-inf, 2, 2], [1, 2, 3]])
    mask = np.array([True, False, True])
    assert_array_equal(luce.boltzmann_max(x)[:4], [nan, inf, -inf, 2])
    assert_array_equal(luce.boltzmann_max(x, where=False), np.full(5, -inf))
    assert_array_equal(luce.p_norm_max(x, 2)[:4], [nan, inf, inf, inf])
    assert_array_equal(luce.p_norm_max(x, 2, where=False), np.zeros(5))
    assert luce.boltzmann_max([5.0, nan], where=[True, False]) == 5
    assert luce.p_norm_max([-5.0, nan], 2, where=[True, False]) == 5
    masked, left_out = luce.boltzmann_max(x[4], where=mask), luce.boltzmann_max(x[4][mask])
    assert masked == left_out
    back = luce.boltzmann_max_vjp(x, np.ones(5))
    assert_array_equal(back[:4], [[nan] * 3, [nan] * 3, [nan] * 3, [0, 0.5, 0.5]])
    assert luce.boltzmann_max_vjp(x[4], 1.0, where=mask)[1] == 0
    back = luce.p_norm_max_vjp(x, np.ones(5), 2)
    assert_array_equal(back[:4], [[nan] * 3] * 3 + [[nan] * 3])
    assert_array_equal(luce.p_norm_max_vjp([-5.0, nan], 1.0, 2, where=[True, False]), [-1, 0])
    assert_array_equal(luce.p_norm_max_vjp([0.0, 0.0], 1.0, 2), [0, 0])
    assert luce.p_norm_max(np.empty(0), 2) == 0
    assert luce.boltzmann_max(np.empty(0)) == -inf
    assert luce.boltzmann_max_vjp(np.empty((2, 0)), np.ones(2)).shape == (2, 0)


CUBE = np.random.default_rng(7).normal(0, 5, (3, 4, 5))


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 2), (2, 0), None])
@pytest.mark.parametrize("keepdims", [False, True])
def test_axes_keepdims_and_out(axis, keepdims):
    mask = CUBE < 6
    for function, args in ((luce.boltzmann_max, ()), (luce.p_norm_max, (3,))):
        got = function(CUBE, *args, axis, where=mask, keepdims=keepdims)
        p = luce.softmax(CUBE, axis, where=mask)
        if args:
            sizes = np.where(mask, np.abs(CUBE), 0) ** 3
            expected = sizes.sum(axis, keepdims=keepdims) ** (1 / 3)
        else:
            expected = (p * CUBE).sum(axis, keepdims=keepdims)
        assert np.shape(got) == np.shape(expected)
        assert_allclose(got, expected, rtol=1e-12)
        out = np.empty(np.shape(expected))
        assert function(CUBE, *args, axis, where=mask, keepdims=keepdims, out=out) is out
        assert_array_equal(out, got)


@pytest.mark.parametrize("axis", [0, -1, (0, 2), None])
def test_back_along_any_axis(axis):
    value = luce.boltzmann_max(CUBE, axis, keepdims=True)
    v = np.random.default_rng(1).normal(size=value.shape)
    got = luce.boltzmann_max_vjp(CUBE, v, axis)
    assert_allclose(got, v * luce.softmax(CUBE, axis) * (1 + CUBE - value), rtol=1e-9, atol=1e-12)
    short = v.reshape(np.shape(luce.boltzmann_max(CUBE, axis)))
    assert_array_equal(luce.boltzmann_max_vjp(CUBE, short, axis), got)
    norm = luce.p_norm_max(CUBE, 3, axis, keepdims=True)
    got = luce.p_norm_max_vjp(CUBE, v, 3, axis)
    assert_allclose(got, v * np.sign(CUBE) * (CUBE / norm) ** 2, rtol=1e-12)


@pytest.mark.parametrize("function", RATES)
def test_dtypes_and_bits(function):
    args = (3,) if function is luce.p_norm_max else ()
    expected = function(CUBE, *args)
    assert_array_equal(function(CUBE.astype(">f8")[::-1], *args)[::-1], expected)
    assert_array_equal(function(np.broadcast_to(CUBE[1, 2], (70_000, 5)), *args), expected[1, 2])
    assert function(CUBE.astype("f2"), *args).dtype == np.float16
    assert function(np.array([-128, 127], np.int8), *args).dtype == np.float64
    assert luce.p_norm_max(np.array([-128], np.int8), 2) == 128


def test_arguments_are_checked():
    for p in (0.5, 0, -1, np.nan, "2", None, True):
        with pytest.raises(ParameterError, match="p must be"):
            luce.p_norm_max([1.0], p)
        with pytest.raises(ParameterError, match="p must be"):
            luce.p_norm_max_vjp([1.0], 1.0, p)
    with pytest.raises(ParameterError, match="temperature"):
        luce.boltzmann_max([1.0], temperature=0)
    with pytest.raises(ShapeError, match="v must have the shape of the result"):
        luce.boltzmann_max_vjp(CUBE, np.ones(3))


def test_edge_values_are_no_reason_to_warn():
    row = np.array([np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for pair in np.stack(np.meshgrid(row, row), -1).reshape(-1, 2):
            luce.boltzmann_max(pair, temperature=1e-300), luce.boltzmann_max_vjp(pair, np.inf)
            for p in (1, 2.5, 1e300, np.inf):
                luce.p_norm_max(pair, p), luce.p_norm_max_vjp(pair, 1.0, p)
