import warnings
from fractions import Fraction

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

NAMES = sorted(reference.hard_rows("float64"))
TEMPERATURES = (1e-3, 0.1, 0.7, 3.0, 50.0, 1e3)
CUBE = np.random.default_rng(1).normal(0, 1, (3, 5, 17))


def decimal(exact):
    with mp.workdps(80):
        return [mpf(one.numerator) / one.denominator for one in exact]


def assert_exact(row, temperature=1.0):
    """Raise unless the support is right and each probability within the promise."""
    got, exact = luce.sparsemax(row, temperature=temperature), reference.sparsemax(row, temperature)
    half = Fraction(float(np.finfo(row.dtype).smallest_subnormal)) / 2
    assert_array_equal(got > 0, [one > half for one in exact])
    bound = reference.promised(luce.sparsemax, row.dtype)
    reference.assert_within(bound, got, decimal(exact), row.dtype)
    assert abs(got.sum(dtype=np.longdouble) - 1) <= 2 * np.finfo(row.dtype).eps


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_sparsemax_keeps_its_promise(name, dtype):
    for temperature in (1.0, 30.0):
        assert_exact(reference.hard_rows(dtype)[name], temperature)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_promise_holds_at_any_temperature(temperature, dtype):
    assert_exact(reference.hard_rows(dtype)["N(0,10) of 100"], temperature)
    assert_exact(reference.hard_rows(dtype)["N(0,3) of 1000"], temperature)


near_ties = st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e-17, -1e-20, 1e-300, 1 + 2**-52, 0.1, 0.2, 0.7])


@pytest.mark.parametrize("dtype", reference.DTYPES)
@given(
    row=st.lists(near_ties, min_size=1, max_size=7), temperature=st.sampled_from([0.5, 1.0, 3.0])
)
def test_classes_at_the_threshold_are_decided_exactly(dtype, row, temperature):
    assert_exact(np.array(row, dtype), temperature)


@given(
    st.lists(st.integers(-20, 20), min_size=1, max_size=12), st.sampled_from([0.1, 0.3, 1.0, 2.0])
)
def test_decimals_and_their_ties_are_decided_exactly(row, temperature):
    assert_exact(np.array(row) / 10, temperature)


@given(reference.logits("float64", largest=5, size=20), st.floats(0.01, 100))
def test_float64_keeps_its_promise_on_any_row(row, temperature):
    assert_exact(row, temperature)


def test_a_probability_far_below_the_others_keeps_its_digits():
    tiny = luce.sparsemax([1.0, 1e-40])[1]
    assert tiny == 5e-41  # in float64 1 - 1e-40 is 1, and the class at the threshold
    assert luce.sparsemax([1.0, 0.0])[1] == 0
    assert luce.sparsemax([1.0, 1e-40, 2e-300])[2] == 0


def test_long_rows():
    row = np.random.default_rng(5).normal(0, 1, 10**6)
    for temperature in (1.0, 1e4):  # a support of a handful, and of nearly everything
        got = luce.sparsemax(row, temperature=temperature)
        assert abs(got.sum(dtype=np.longdouble) - 1) <= 1e-15
        inside = got > 0
        threshold = (row - got * temperature)[inside]
        assert_allclose(threshold, threshold.mean(), atol=1e-12 * temperature)
        assert row[~inside].max() <= threshold.mean() <= row[inside].min()


def test_one_row_of_ten_thousand_at_the_promise():
    row = np.random.default_rng(6).normal(0, 1, 10**4)
    for temperature in (1.0, 1e3, 1e5):
        assert_exact(row, temperature)


@pytest.mark.parametrize("exponent", [-30, -43, -50, -70, -95, -200])
def test_a_class_just_above_the_threshold_keeps_its_digits(exponent):
    """The differences to the winner hold 100 bits and more, and no sum of them is simple."""
    row = np.array([1.0, 0.7, 0.3 + 2.0**-45, 2.0**-30, 0.1, 2.0**exponent / 3])
    for temperature in (0.9, 1.0, 1 + 2.0**-40):
        assert_exact(row, temperature)
    above = 1.0 - float(reference.sparsemax(row[:3])[0])  # the threshold, rounded
    for near in (above, np.nextafter(above, 1), np.nextafter(above, 0)):
        assert_exact(np.append(row[:3], near))


# Laws.


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=12), st.integers(-(10**9), 10**9))
def test_adding_a_whole_number_to_whole_numbers_changes_no_bit(row, shift):
    row = np.array(row, np.float64) / 8
    assert_array_equal(luce.sparsemax(row + shift), luce.sparsemax(row))


@given(reference.logits(size=40, largest=3), st.randoms())
def test_order_changes_no_bit(row, random):
    order = random.sample(range(len(row)), len(row))
    assert_array_equal(luce.sparsemax(row[order]), luce.sparsemax(row)[order])


@given(reference.tables(rows=40, size=40, largest=3), st.integers(0, 39))
def test_a_row_has_the_same_bits_alone_and_in_a_batch(table, i):
    i %= len(table)
    assert_array_equal(luce.sparsemax(table[i]), luce.sparsemax(table)[i])
    v = np.sin(table)
    assert_array_equal(luce.sparsemax_vjp(table[i], v[i]), luce.sparsemax_vjp(table, v)[i])


@given(reference.logits(size=8, largest=2), reference.logits(size=8, largest=2))
def test_it_is_the_nearest_distribution(row, other):
    p = luce.sparsemax(row)
    q = luce.softmax(np.resize(other, len(row)))
    assert ((row - p) ** 2).sum() <= ((row - q) ** 2).sum() + 1e-12


@given(reference.logits(largest=3), st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_temperature_divides_the_logits(row, temperature):
    assert_array_equal(
        luce.sparsemax(row, temperature=temperature), luce.sparsemax(row / temperature)
    )


def test_a_table_larger_than_a_tile():
    table = np.random.default_rng(2).normal(0, 1, (300, 1000))
    got = luce.sparsemax(table)
    for i in (0, 130, 131, 299):
        assert_array_equal(got[i], luce.sparsemax(table[i]))
    assert_array_equal(luce.sparsemax(np.ascontiguousarray(table.T), axis=0).T, got)


# Axes, masks, layout.


@pytest.mark.parametrize("axis", [0, 1, 2, -2])
@pytest.mark.parametrize("dtype", [*reference.DTYPES, "float16"])
def test_any_axis_gives_the_bits_of_the_last(axis, dtype):
    x = CUBE.astype(dtype)
    v = x[::-1].copy()
    for function in (luce.sparsemax, lambda x, a: luce.sparsemax_vjp(x, np.moveaxis(v, -1, a), a)):
        last = function(x, -1)
        got = function(np.moveaxis(x, -1, axis), axis)
        assert got.dtype == dtype
        assert_array_equal(np.moveaxis(got, axis, -1), last)


@pytest.mark.parametrize("axes", [(0, 1), (2, 0), None])
def test_several_axes_hold_one_distribution(axes):
    every = (0, 1, 2) if axes is None else tuple(one % 3 for one in axes)
    got = luce.sparsemax(CUBE, axes)
    assert_allclose(got.sum(every), 1)
    gap = np.where(got > 0, CUBE - got, CUBE.max(every, keepdims=True))
    assert (gap.min(every, keepdims=True) <= gap).all()
    assert luce.sparsemax_vjp(CUBE, CUBE, axes).shape == CUBE.shape


def test_memory_layout_does_not_matter():
    expected = luce.sparsemax(CUBE)
    wide = np.zeros((3, 10, 34))
    wide[:, ::2, ::2] = CUBE
    for x in (wide[:, ::2, ::2], CUBE.astype(">f8"), CUBE.tolist(), np.asfortranarray(CUBE)):
        assert_array_equal(luce.sparsemax(x), expected)
        assert_array_equal(luce.sparsemax_vjp(x, x), luce.sparsemax_vjp(CUBE, CUBE))
    assert_array_equal(luce.sparsemax(CUBE[::-1])[::-1], expected)
    assert_array_equal(luce.sparsemax(np.broadcast_to(CUBE[0], (4, 5, 17)))[2], expected[0])


def test_out_receives_the_result():
    x = CUBE.copy()
    expected = luce.sparsemax(x)
    out = np.empty_like(x)
    assert luce.sparsemax(x, out=out) is out
    assert_array_equal(out, expected)
    assert luce.sparsemax(x, out=x) is x
    assert_array_equal(x, expected)


@given(reference.tables(size=9, largest=2), st.data())
def test_masked_classes_might_as_well_be_left_out(table, data):
    k = table.shape[1]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=k, max_size=k).filter(any)))
    rubbish = np.where(mask, table, np.nan)
    p = luce.sparsemax(rubbish, where=mask)
    assert_array_equal(p[:, mask], luce.sparsemax(table[:, mask]))
    assert_array_equal(p[:, ~mask], 0)
    g = luce.sparsemax_vjp(rubbish, rubbish, where=mask)
    assert_array_equal(g[:, ~mask], 0)
    assert_array_equal(g[:, mask], luce.sparsemax_vjp(table[:, mask], table[:, mask]))


# Edge values.


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_fill_their_row_and_no_other(bad, dtype):
    table = np.zeros((3, 5), dtype)
    table[1, 2] = bad
    for function in (luce.sparsemax, lambda x: luce.sparsemax_vjp(x, np.arange(5.0))):
        got = function(table)
        assert_array_equal(got[1], np.nan)
        assert_array_equal(got[[0, 2]], function(np.zeros((2, 5), dtype)))
    jacobian = luce.sparsemax_jacobian(table)
    assert_array_equal(jacobian[1], np.nan)
    assert_allclose(jacobian[0], np.eye(5) - 0.2, rtol=1e-6)


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_no_possible_class_has_no_distribution(dtype):
    assert_array_equal(luce.sparsemax(np.full((2, 3), -np.inf, dtype)), np.nan)
    x = np.zeros((2, 2), dtype)
    got = luce.sparsemax(x, where=[[False, False], [True, False]])
    assert_array_equal(got, [[np.nan, np.nan], [1, 0]])


def test_impossible_classes_get_nothing():
    assert_array_equal(luce.sparsemax([-np.inf, 3.0, 3.0]), [0, 0.5, 0.5])
    assert_array_equal(luce.sparsemax_vjp([-np.inf, 3.0, 3.0], [np.nan, 1.0, 0.0]), [0, 0.5, -0.5])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 4)])
@pytest.mark.parametrize("axis", [0, -1])
def test_empty_in_empty_out(shape, axis):
    x = np.empty(shape, np.float32)
    assert luce.sparsemax(x, axis).shape == shape
    assert luce.sparsemax_vjp(x, x, axis).shape == shape
    k, rest = shape[axis], np.empty(shape).sum(axis).shape
    assert luce.sparsemax_jacobian(x, axis).shape == (*rest, k, k)


def test_integers_do_not_wrap_and_the_ends_of_the_range_do_not_overflow():
    assert_array_equal(luce.sparsemax(np.array([-128, 127], np.int8)), [0, 1])
    big = float(np.finfo(np.float64).max)
    assert_array_equal(luce.sparsemax([big, -big]), [1, 0])
    assert_allclose(luce.sparsemax([big, -big, 0.0], temperature=big), [1, 0, 0], atol=1e-300)
    assert_allclose(luce.sparsemax([big, 0.5 * big], temperature=big), [0.75, 0.25])
    assert_array_equal(luce.sparsemax([0.0, -1.0, 5e-324], temperature=5e-324), [0, 0, 1])


def test_edge_values_are_no_reason_to_warn():
    values = np.array([np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for a in values:
            for b in values:
                for temperature in (1.0, 1e-300, 1e308):
                    luce.sparsemax([a, b], temperature=temperature)
                luce.sparsemax_vjp([a, b], [b, a]), luce.sparsemax_jacobian([a, b])


# Derivatives.


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", [0.3, 1.0, 7.0])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_products_keep_their_promise(dtype, temperature, offset):
    rng = np.random.default_rng(4)
    for n in (2, 9, 100, 1000):
        row = rng.normal(0, 1, n).astype(dtype)
        v = (offset + rng.normal(0, 3, n)).astype(dtype)
        exact, scale = reference.sparsemax_product(row, v, temperature)
        for function in (luce.sparsemax_vjp, luce.sparsemax_jvp):
            bound = reference.promised(function, dtype)
            got = function(row, v, temperature=temperature)
            assert got.dtype == dtype
            for one, value, size in zip(got.tolist(), exact, scale, strict=True):
                unit = reference.spacing(*decimal([size]), dtype) if size else 0
                assert abs(*decimal([Fraction(one) - value])) <= bound * unit


@example(row=np.array([5e-324, 1.0]), temperature=1.0)  # the probability rounds to 0
@given(reference.logits(size=8, largest=2), st.sampled_from([0.5, 1.0, 3.0]))
def test_the_jacobian_holds_the_products(row, temperature):
    matrix = luce.sparsemax_jacobian(row, temperature=temperature)
    for i, column in enumerate(np.eye(len(row))):
        product = luce.sparsemax_vjp(row, column, temperature=temperature)
        assert_allclose(matrix[i], product, atol=1e-15 / temperature)
    exact = [
        decimal(reference.sparsemax_product(row, column, temperature)[0])
        for column in np.eye(len(row))
    ]
    bound = reference.promised(luce.sparsemax_jacobian, "float64")
    reference.assert_within(bound, matrix, [one for line in exact for one in line], "float64")


def test_the_derivative_is_that_of_the_function():
    step, row = 1e-6, np.array([0.3, -0.2, 0.45, -2.0])
    nudged = np.eye(4) * step
    slope = (luce.sparsemax(row + nudged) - luce.sparsemax(row - nudged)) / (2 * step)
    assert_allclose(luce.sparsemax_jacobian(row), slope, atol=1e-9)


def test_the_jacobian_takes_one_axis():
    got = luce.sparsemax_jacobian(CUBE, axis=1)
    assert got.shape == (3, 17, 5, 5)
    assert_array_equal(got[1, 3], luce.sparsemax_jacobian(CUBE[1, :, 3]))
    with pytest.raises(ParameterError, match="one integer"):
        luce.sparsemax_jacobian(CUBE, axis=(0, 1))


def test_arguments_are_checked():
    with pytest.raises(ParameterError, match="temperature must be"):
        luce.sparsemax([1.0, 2.0], temperature=0)
    with pytest.raises(ShapeError, match=r"v must broadcast to .*\(3, 5, 17\), got shape \(4,\)"):
        luce.sparsemax_vjp(CUBE, np.ones(4))
    with pytest.raises(ShapeError, match="u must broadcast"):
        luce.sparsemax_jvp(CUBE, np.ones(4))
    assert_array_equal(luce.sparsemax_vjp(CUBE, 1.0), 0)


def test_the_entmax_package_agrees():
    torch, entmax = pytest.importorskip("torch"), pytest.importorskip("entmax")
    table = np.random.default_rng(3).normal(0, 2, (50, 30))
    assert_allclose(
        luce.sparsemax(table), entmax.sparsemax(torch.tensor(table)).numpy(), atol=1e-14
    )
