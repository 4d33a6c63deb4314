import warnings

import numpy as np
import pytest
import reference
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import mp, mpf
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import ParameterError, ShapeError

pytestmark = pytest.mark.once

SHORT = sorted(name for name, row in reference.hard_rows("float64").items() if len(row) <= 100)
EXACT = (1.0, 1.5, 2.0)
OTHERS = (1 + 2**-52, 1 + 1e-9, 1.001, 1.2, 1.7, 1.99, 2.01, 3.0, 10.0, 80.0)
CUBE = np.random.default_rng(1).normal(0, 1, (3, 5, 17))
alphas = st.sampled_from(EXACT + OTHERS)


def exact_entmax(row, alpha, temperature):
    """Return the exact probabilities and slopes, 0 for impossible classes."""
    p, slope = [mpf(0)] * len(row), [mpf(0)] * len(row)
    possible = np.flatnonzero(row > -np.inf)
    if alpha == 1:
        found = (reference.softmax(row[possible], temperature),) * 2
    else:
        found = reference.entmax(row[possible], alpha, temperature)
    for i, one, two in zip(possible, *found, strict=True):
        p[i], slope[i] = one, two
    return p, slope


def assert_exact(row, alpha, temperature=1.0):
    """Raise unless each probability is within the promise, and for 1.5 and 2 the support right."""
    got = luce.entmax(row, alpha, temperature=temperature)
    exact, slope = exact_entmax(row, alpha, temperature)
    bound, dtype = reference.promised(luce.entmax, row.dtype), row.dtype
    for one, value, other in zip(got.tolist(), exact, slope, strict=True):
        unit = reference.spacing(value if alpha in EXACT else max(value, other), dtype)
        with mp.workdps(80):
            assert abs(mpf(one) - value) <= bound * unit, (one, mp.nstr(value, 20), alpha)
    if alpha in EXACT:
        half = mpf(float(np.finfo(dtype).smallest_subnormal)) / 2
        assert_array_equal(got > 0, [value > half for value in exact])
    assert abs(got.sum(dtype=np.longdouble) - 1) <= 4 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("alpha", [1.5, 1 + 2**-52, 1.2, 3.0])
@pytest.mark.parametrize("name", SHORT)
def test_entmax_keeps_its_promise(name, alpha, dtype):
    assert_exact(reference.hard_rows(dtype)[name], alpha, 20.0 if alpha > 1.1 else 1.0)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", [1e-3, 0.7, 50.0, 1e4])
@pytest.mark.parametrize("alpha", EXACT + OTHERS)
def test_the_promise_holds_for_any_alpha_and_temperature(alpha, temperature, dtype):
    row = np.random.default_rng(3).normal(0, 5, 40).astype(dtype)
    assert_exact(row, alpha, temperature)


@pytest.mark.parametrize("name", ["N(0,1) of 1000", "wide", "all alike", "whole numbers"])
@pytest.mark.parametrize("alpha", [1.5, 1.3, 2.5])
def test_long_rows_keep_the_promise(name, alpha):
    assert_exact(reference.hard_rows("float64")[name], alpha, 3.0)


near_ties = st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, 1e-17, -1e-20, 1 + 2**-52, 0.1, 0.7])


@given(
    st.lists(near_ties, min_size=1, max_size=7),
    st.sampled_from([0.5, 1.0, 3.0]),
    st.sampled_from([1.5, 2.0]),
)
def test_classes_at_the_threshold_are_decided_exactly(row, temperature, alpha):
    assert_exact(np.array(row), alpha, temperature)


@pytest.mark.parametrize("exponent", [-20, -30, -43, -50, -95])
def test_a_class_just_above_the_threshold_keeps_its_digits(exponent):
    """Without the last class the threshold is that of 0, 0, -0.6: the class is put there."""
    others = np.array([0.0, 0.0, -0.6])
    p = luce.entmax(others)
    threshold = -2 * np.sqrt(p[0])
    for near in (threshold, threshold + 2.0**exponent, threshold - 2.0**exponent):
        assert_exact(np.append(others, near), 1.5)
    # Four classes of 1 above the last one: exactly at the threshold, whatever the offset.
    assert_array_equal(luce.entmax([1.0, 1.0, 1.0, 1.0, 0.0]), [0.25] * 4 + [0])
    assert luce.entmax([1.0, 1.0, 1.0, 1.0, 1e-30])[4] > 0


@given(reference.logits("float64", largest=5, size=10), st.floats(1.001, 6), st.floats(0.05, 50))
def test_any_row_any_alpha(row, alpha, temperature):
    assert_exact(row, alpha, temperature)


def test_long_rows_of_a_million():
    row = np.random.default_rng(5).normal(0, 1, 10**6)
    for alpha, temperature in ((1.5, 1.0), (1.5, 1e3), (1.2, 1.0), (3.0, 1.0)):
        got = luce.entmax(row, alpha, temperature=temperature)
        assert abs(got.sum(dtype=np.longdouble) - 1) <= 1e-15
        inside = got > 0
        assert row[~inside].max(initial=-9) <= row[inside].min()
        threshold = (alpha - 1) * row[inside] / temperature - got[inside] ** (alpha - 1)
        assert_allclose(threshold, threshold.mean(), atol=1e-12)


# Laws.


def test_the_members_of_the_family():
    assert_array_equal(luce.entmax(CUBE, 1.0), luce.softmax(CUBE))
    assert_array_equal(luce.entmax(CUBE, 2), luce.sparsemax(CUBE))
    assert_array_equal(luce.entmax(CUBE), luce.entmax(CUBE, 1.5))
    assert_allclose(luce.entmax(CUBE, 1 + 1e-12), luce.softmax(CUBE), rtol=1e-10)
    for alpha in (1.5, 2.0):
        assert_allclose(luce.entmax(CUBE, alpha + 1e-9), luce.entmax(CUBE, alpha), atol=1e-7)
    assert_allclose(luce.entmax([1.0, 0.5, 0.0], 1e9), [1, 0, 0])
    assert_allclose(luce.entmax([1.0, 1.0, 0.0], 1e9), [0.5, 0.5, 0])


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=9), st.integers(-(10**9), 10**9), alphas)
def test_adding_a_whole_number_to_whole_numbers_changes_no_bit(row, shift, alpha):
    row = np.array(row, np.float64) / 8
    assert_array_equal(luce.entmax(row + shift, alpha), luce.entmax(row, alpha))


# The second row takes more steps than the first.
SLOW_COMPANY = np.zeros((2, 34))
SLOW_COMPANY[0, :2], SLOW_COMPANY[1, 0] = -2.0, 1.0


@given(reference.tables(rows=40, size=40, largest=3), st.integers(0, 39), alphas)
@example(SLOW_COMPANY, 0, 1.2)
def test_a_row_has_the_same_bits_alone_and_in_a_batch(table, i, alpha):
    i %= len(table)
    assert_array_equal(luce.entmax(table[i], alpha), luce.entmax(table, alpha)[i])


@given(reference.logits(size=30, largest=3), st.randoms(), alphas)
def test_order_does_not_matter(row, random, alpha):
    order = random.sample(range(len(row)), len(row))
    got = luce.entmax(row[order], alpha)
    assert_allclose(got, luce.entmax(row, alpha)[order], rtol=1e-12, atol=1e-15)


@given(reference.logits(size=9, largest=3), alphas)
def test_larger_logits_get_no_smaller_probabilities(row, alpha):
    p = luce.entmax(row, alpha)[np.argsort(row, kind="stable")]
    assert (np.diff(p) >= -1e-15).all()


# Axes, masks, edge values.


@pytest.mark.parametrize("alpha", [1.0, 1.5, 1.3, 3.0])
def test_any_axis_and_memory_layout(alpha):
    last = luce.entmax(CUBE, alpha)
    for axis in (0, 1, -2):
        got = luce.entmax(np.moveaxis(CUBE, -1, axis), alpha, axis)
        assert_array_equal(np.moveaxis(got, axis, -1), last)
    out = np.empty((5, 3, 17)).transpose(1, 0, 2)
    assert luce.entmax(CUBE, alpha, out=out) is out
    assert_array_equal(out, last)
    assert_allclose(luce.entmax(CUBE, alpha, (0, 2)).sum((0, 2)), 1)
    got = luce.entmax(CUBE.astype(np.float16), alpha)
    expected = luce.entmax(CUBE.astype(np.float16).astype(np.float32), alpha)
    assert_array_equal(got, expected.astype(np.float16))


@given(reference.tables(size=9, largest=2), st.data(), alphas)
def test_masked_classes_might_as_well_be_left_out(table, data, alpha):
    k = table.shape[1]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=k, max_size=k).filter(any)))
    rubbish = np.where(mask, table, np.nan)
    p = luce.entmax(rubbish, alpha, where=mask)
    assert_allclose(p[:, mask], luce.entmax(table[:, mask], alpha), rtol=1e-13, atol=1e-15)
    assert_array_equal(p[:, ~mask], 0)
    g = luce.entmax_vjp(rubbish, rubbish, alpha, where=mask)
    assert_array_equal(g[:, ~mask], 0)


@pytest.mark.parametrize("alpha", [1.0, 1.5, 1.3, 2.0, 3.0])
def test_rows_without_a_distribution_hold_nan_and_others_do_not(alpha):
    """The entmax package raises IndexError for 1.5 and 2, and gives NaN for alpha 1 and -inf."""
    table = np.zeros((5, 3))
    table[1, 2], table[2], table[3, 0], table[4, 1] = np.nan, -np.inf, np.inf, -np.inf
    got = luce.entmax(table, alpha)
    assert_array_equal(got[1:4], np.nan)
    assert_allclose(got[[0, 4]], [[1 / 3] * 3, [0.5, 0, 0.5]], rtol=1e-15)
    g = luce.entmax_vjp(table, [1.0, 2.0, 3.0], alpha)
    assert_array_equal(g[1:4], np.nan)
    assert g[4, 1] == 0
    assert_array_equal(luce.entmax_jacobian(table, alpha)[1:4], np.nan)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 4)])
@pytest.mark.parametrize("alpha", [1.0, 1.5, 1.3, 3.0])
def test_empty_in_empty_out(shape, alpha):
    x = np.empty(shape, np.float32)
    assert luce.entmax(x, alpha).shape == shape
    assert luce.entmax_vjp(x, x, alpha).shape == shape
    assert luce.entmax_jacobian(x, alpha).shape == (*shape, shape[-1])


@pytest.mark.parametrize("alpha", [1 + 2**-52, 1.3, 1.5, 2.0, 3.0, 1e5])
def test_edge_values_are_no_reason_to_warn_or_to_hang(alpha):
    values = np.array([np.nan, np.inf, -np.inf, 1.7e308, -1.7e308, 5e-324, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for a in values:
            for b in values:
                for temperature in (1.0, 5e-324, 1.7e308):
                    p = luce.entmax([a, b], alpha, temperature=temperature)
                    fine = np.isfinite(max(a, b)) and not np.isnan([a, b]).any()
                    assert p.sum() == pytest.approx(1) if fine else np.isnan(p).all()
                luce.entmax_vjp([a, b], [b, a], alpha), luce.entmax_jacobian([a, b], alpha)


# Derivatives.


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", [0.3, 7.0])
@pytest.mark.parametrize("alpha", [1.0, 1.5, 2.0])
def test_derivatives_keep_their_promise(alpha, temperature, dtype):
    rng = np.random.default_rng(4)
    for n in (2, 9, 30):
        row, v = rng.normal(0, 2, n).astype(dtype), (1e4 + rng.normal(0, 3, n)).astype(dtype)
        with mp.workdps(80):
            p, share = exact_entmax(row, alpha, temperature)
            slope = [one ** (2 - mpf(alpha)) / mpf(temperature) if one else mpf(0) for one in p]
            at = [mpf(float(one)) for one in v]
            mean = mp.fsum(a * b for a, b in zip(share, at, strict=True))
            exact = [a * (b - mean) for a, b in zip(slope, at, strict=True)]
            size = [
                a * mp.fsum(c * abs(b - d) for c, d in zip(share, at, strict=True))
                for a, b in zip(slope, at, strict=True)
            ]
            for function in (luce.entmax_vjp, luce.entmax_jvp):
                got = function(row, v, alpha, temperature=temperature)
                assert got.dtype == dtype
                for one, value, unit in zip(got.tolist(), exact, size, strict=True):
                    bound = reference.promised(function, dtype) * reference.spacing(unit, dtype)
                    assert abs(mpf(one) - value) <= (bound if unit else 0)
            others = [mp.fsum(share[:i] + share[i + 1 :]) for i in range(n)]
            matrix = [
                slope[i] * (others[i] if i == j else -share[j]) for i in range(n) for j in range(n)
            ]
        got = luce.entmax_jacobian(row, alpha, temperature=temperature)
        bound = reference.promised(luce.entmax_jacobian, dtype)
        reference.assert_within(bound, got, matrix, dtype)


@pytest.mark.parametrize("alpha", EXACT + OTHERS[2:8])
def test_the_derivative_is_that_of_the_function(alpha):
    step, row = 1e-6, np.array([0.3, -0.2, 0.45, -0.1, -6.0])
    nudged = np.eye(5) * step
    slope = (luce.entmax(row + nudged, alpha) - luce.entmax(row - nudged, alpha)) / (2 * step)
    matrix = luce.entmax_jacobian(row, alpha)
    assert_allclose(matrix, slope, atol=1e-8)
    assert_allclose(matrix, matrix.T, atol=1e-15)
    for i, column in enumerate(np.eye(5)):
        assert_allclose(luce.entmax_vjp(row, column, alpha), matrix[i], atol=1e-15)


def test_a_clear_winner_keeps_its_derivative():
    """1 - p of the winner is the sum of the others."""
    matrix = luce.entmax_jacobian([0.0, -40.0], 1.0)
    assert_allclose(matrix, 4.248354255291589e-18 * np.array([[1, -1], [-1, 1]]), rtol=1e-15)


def test_arguments_are_checked():
    for alpha in (0.99, 0, -1, np.inf, np.nan, "2", None, True):
        with pytest.raises(ParameterError, match="alpha must be"):
            luce.entmax([1.0, 2.0], alpha)
    with pytest.raises(ParameterError, match="temperature must be"):
        luce.entmax([1.0, 2.0], temperature=0)
    with pytest.raises(ShapeError, match="v must broadcast"):
        luce.entmax_vjp(CUBE, np.ones(4))
    with pytest.raises(ParameterError, match="axis must be one integer"):
        luce.entmax_jacobian(CUBE, axis=(0, 1))


def test_the_entmax_package_agrees():
    torch, entmax = pytest.importorskip("torch"), pytest.importorskip("entmax")
    table = np.random.default_rng(3).normal(0, 2, (50, 30))
    given = torch.tensor(table)
    assert_allclose(luce.entmax(table), entmax.entmax15(given).numpy(), atol=1e-13)
    for alpha in (1.3, 3.0):
        expected = entmax.entmax_bisect(given, alpha, n_iter=80).numpy()
        assert_allclose(luce.entmax(table, alpha), expected, atol=1e-7)


@pytest.mark.parametrize("gap", [0.12625, 0.125, 0.124, 0.1249999])
def test_a_class_on_either_side_of_the_threshold_for_a_large_alpha(gap):
    """The two above it fill the sum from a gap of 1/8 on."""
    assert_exact(np.array([0.0, 0.0, -gap]), 3.0)


def test_differences_beyond_the_largest_number():
    got = luce.entmax([1e308, -1e308], 1 + 1e-9, temperature=1e308)
    assert_allclose(got, luce.softmax([1.0, -1.0]), rtol=1e-8)
