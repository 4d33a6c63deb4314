import warnings

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import DataError, ParameterError

NAMES = sorted(reference.hard_rows("float64"))
TEMPERATURES = (1e-3, 0.1, 0.7, 3.0, 1e3)
shifts = st.floats(-20, 20)


def split_overflow(got, exact, dtype):
    """Return the results whose exact value is in range; the others must be -inf."""
    limit = float(np.finfo(dtype).max)
    inside = np.array([abs(one) <= limit for one in exact])
    assert_array_equal(got[~inside], -np.inf)
    return got[inside], [one for one, fits in zip(exact, inside, strict=True) if fits]


# Accuracy: the bounds are read from the docstrings.


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_softmax_keeps_its_promise(name, dtype):
    row = reference.hard_rows(dtype)[name]
    got, possible = luce.softmax(row), row > -np.inf
    assert got.dtype == dtype
    assert_array_equal(got[~possible], 0)
    bound = reference.promised(luce.softmax, dtype)
    reference.assert_within(bound, got[possible], reference.softmax(row[possible]), dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_log_softmax_keeps_its_promise(name, dtype):
    row = reference.hard_rows(dtype)[name]
    got, possible = luce.log_softmax(row), row > -np.inf
    assert got.dtype == dtype
    assert_array_equal(got[~possible], -np.inf)
    exact = reference.log_softmax(row[possible])
    got, exact = split_overflow(got[possible], exact, dtype)
    reference.assert_within(reference.promised(luce.log_softmax, dtype), got, exact, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_logsumexp_keeps_its_promise(name, dtype):
    row = reference.hard_rows(dtype)[name]
    got, possible = luce.logsumexp(row), row[row > -np.inf]
    assert got.dtype == dtype
    exact = reference.logsumexp(possible)
    unit = reference.spacing(max(abs(exact), -2 * float(possible.max())), dtype)
    assert abs(float(got) - exact) <= reference.promised(luce.logsumexp, dtype) * unit


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
def test_the_promise_holds_at_any_temperature(function, temperature, dtype):
    row = reference.hard_rows(dtype)["N(0,10) of 100"]
    got = getattr(luce, function)(row, temperature=temperature)
    exact = getattr(reference, function)(row, temperature)
    reference.assert_within(reference.promised(getattr(luce, function), dtype), got, exact, dtype)


@pytest.mark.parametrize(
    ("dtype", "n"),
    [
        ("float32", 100_000),
        ("float32", 1_000_000),
        ("float64", 131_072),
        pytest.param("float64", 1_000_000, marks=pytest.mark.slow),
        pytest.param("float32", 10_000_000, marks=pytest.mark.slow),
        pytest.param("float64", 10_000_000, marks=pytest.mark.slow),
    ],
)
def test_the_promise_holds_for_long_rows(dtype, n):
    row, values, which = reference.long_row(dtype, n, levels=200)
    counts = np.bincount(which, minlength=len(values))
    first = np.unique(which, return_index=True)[1]  # where each level stands first
    for name in ("softmax", "log_softmax"):
        function = getattr(luce, name)
        got = function(row)
        exact = getattr(reference, name)(values, counts=counts)
        reference.assert_within(reference.promised(function, dtype), got[first], exact, dtype)
        assert_array_equal(got, got[first][which])  # the same logit, the same bits
    total = reference.logsumexp(values, counts=counts)
    bound = reference.promised(luce.logsumexp, dtype)
    reference.assert_within(bound, luce.logsumexp(row), [total], dtype)


@pytest.mark.parametrize("n", [1_000_000, pytest.param(10_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("spread", [0, 3])
def test_long_rows_of_probabilities_sum_to_one(n, spread):
    row = np.random.default_rng(n).normal(0, spread, n).astype(np.float32)
    assert abs(luce.softmax(row).sum(dtype=np.float64) - 1) <= 2.5e-7


def test_small_probabilities_of_a_long_row_are_rounded_once():
    """A part of the product that is itself subnormal cost half a unit here."""
    total = 188613569.67095661
    high = np.float32(np.log(total) - 1e-6)
    low = np.float32(np.log(total - np.exp(np.float64(high))))
    values = np.array([high, low, -67.6131897], np.float32)
    row = np.repeat(values, [1, 1, 4998])
    exact = reference.softmax(values, counts=[1, 1, 4998])
    assert np.finfo(np.float32).tiny < exact[2] < 2 * np.finfo(np.float32).tiny
    reference.assert_within(1.83, luce.softmax(row)[:3], exact, "float32")


@pytest.mark.parametrize("exponent", [-28, -31])
def test_a_sum_in_which_all_additions_round_alike_costs_an_eighth_of_a_unit(exponent):
    """Beside the winner just over 2^-16 is left, and 2048 additions to 1 err by half a unit.

    With less left, it would be more: then the winner does not take part in the sum.
    """
    logits = np.log(np.linspace(1.001, 1.05, 2000) * 2.0**exponent).astype(np.float32)
    steps = np.exp(logits.astype(np.float64)) * 2.0**52
    for loser in np.unique(logits[np.abs(steps % 1 - 0.5) < 0.01]):
        values = np.array([0, loser], np.float32)
        got = luce.log_softmax(np.repeat(values, [1, 4095]))[:2]
        exact = reference.log_softmax(values, counts=[1, 4095])
        reference.assert_within(0.63, got, exact, "float32")


@pytest.mark.parametrize("k", [2, 3, 4, 10, 32, 33, 100, 1000, 4096])
def test_short_float32_rows_are_all_but_correctly_rounded(k):
    """The exact values are float64 here: their own error is 1e-7 ULP of float32."""
    bound = reference.promised(luce.softmax, "float32", "short")
    rng = np.random.default_rng(k)
    z = rng.normal(0, 1, (200_000 // k, k)) * rng.choice([1, 5, 20, 60], (200_000 // k, 1))
    for shift, temperature in ((0, 1.0), (0, 0.7), (500, 1.0), (-3000, 1.0)):
        logits = (z + shift).astype(np.float32)
        exact = luce.softmax(logits.astype(np.float64), temperature=temperature)
        for axis in (0, 1):
            got = luce.softmax(logits if axis else logits.T, axis, temperature=temperature)
            errors = reference.ulp_errors_float32(got if axis else got.T, exact)
            assert errors.max() <= bound


@pytest.mark.parametrize("k", [2, 3, 5, 10, 16, 33, 100, 1000])
def test_float32_keeps_its_promise_on_a_million_logits(k):
    """The exact values are float64 here: their own error is 1e-8 ULP of float32."""
    rng = np.random.default_rng(k)
    z = rng.normal(0, 1, (1_000_000 // k, k)) * rng.choice([1, 5, 20, 30, 60], (1_000_000 // k, 1))
    z = z.astype(np.float32)
    gap = z.astype(np.float64) - z.max(axis=1, keepdims=True)
    total = np.exp(gap).sum(axis=1, keepdims=True)
    errors = reference.ulp_errors_float32(luce.softmax(z), np.exp(gap) / total)
    assert errors.max() <= reference.promised(luce.softmax, "float32")
    losers = gap < 0  # the winner's logarithm would cancel in float64
    errors = reference.ulp_errors_float32(luce.log_softmax(z), gap - np.log(total))[losers]
    assert errors.max() <= reference.promised(luce.log_softmax, "float32")


@given(reference.logits("float32", largest=100, size=20))
def test_float32_keeps_its_promise_on_any_row(row):
    for name in ("softmax", "log_softmax"):
        function = getattr(luce, name)
        bound = reference.promised(function, "float32")
        reference.assert_within(bound, function(row), getattr(reference, name)(row), "float32")


@given(reference.logits("float64", largest=700, size=20))
def test_float64_keeps_its_promise_on_any_row(row):
    for name in ("softmax", "log_softmax"):
        function = getattr(luce, name)
        bound = reference.promised(function, "float64")
        reference.assert_within(bound, function(row), getattr(reference, name)(row), "float64")


@pytest.mark.parametrize("k", [2, 1000, 65536, 100_000])
def test_float16_is_rounded_once_and_does_not_saturate(k):
    row = np.zeros(k, np.float16)
    for function in (luce.softmax, luce.log_softmax, luce.logsumexp):
        got = function(row)
        assert got.dtype == np.float16
        assert_array_equal(got, function(row.astype(np.float32)).astype(np.float16))
    assert luce.softmax(row).min() > 0


# The examples from the introduction to the field.


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([-3, 2, -1, 0], [0.0057, 0.8390, 0.0418, 0.1135]),
        ([3, 1, 2, 4], [0.2369, 0.0321, 0.0871, 0.6439]),
        ([2.0, 1.0, 0.1], [0.6590, 0.2424, 0.0986]),
        ([1000, 1000], [0.5, 0.5]),
    ],
)
def test_examples_from_the_introduction(row, expected):
    assert_array_equal(luce.softmax(row).round(4), expected)


def test_example_with_a_clear_winner():
    p = luce.softmax([0.6, -3.6, 18.9])
    assert_allclose(p, [1.1282646e-08, 1.6918979e-10, 0.9999999885], rtol=1e-7)
    assert luce.log_softmax([0.6, -3.6, 18.9])[2] == pytest.approx(-1.14518362e-08)


@given(st.floats(-40, 40), st.floats(-40, 40))
def test_two_classes_are_the_sigmoid_of_the_difference(a, b):
    assert_allclose(luce.softmax([a, b])[0], luce.sigmoid(np.subtract(a, b)), rtol=1e-13)


@given(reference.logits(largest=5, size=6))
def test_derivatives_from_the_definition(row):
    """dp_i/dz_i = p_i (1 - p_i) and dp_i/dz_j = -p_i p_j."""
    step = 1e-5
    p, n = luce.softmax(row), len(row)
    nudged = row + step * np.eye(n)
    slope = (luce.softmax(nudged) - luce.softmax(row - step * np.eye(n))) / (2 * step)
    assert_allclose(slope, np.diag(p) - np.outer(p, p), atol=1e-9)


# Laws.


@given(reference.logits())
def test_probabilities_sum_to_one(row):
    p = luce.softmax(row)
    assert (p >= 0).all()
    assert abs(p.sum() - 1) <= 1e-15 * (2 + len(p))


@given(reference.logits(), shifts)
def test_adding_a_constant_changes_nothing(row, shift):
    moved = row + shift
    back = moved - shift == row  # else rounding the sum has changed the logits
    if back.all():
        assert_allclose(luce.softmax(moved), luce.softmax(row), rtol=1e-12)
        assert_allclose(luce.logsumexp(moved), luce.logsumexp(row) + shift, atol=1e-12)


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=12), st.integers(-(10**6), 10**6))
def test_adding_a_whole_number_to_whole_numbers_changes_no_bit(row, shift):
    row = np.array(row, np.float64)
    assert_array_equal(luce.softmax(row + shift), luce.softmax(row))
    assert_array_equal(luce.log_softmax(row + shift), luce.log_softmax(row))


@given(reference.logits(size=40), st.randoms())
def test_order_does_not_matter(row, random):
    order = random.sample(range(len(row)), len(row))
    assert_allclose(luce.softmax(row[order]), luce.softmax(row)[order], rtol=1e-14)


@given(reference.logits(), st.floats(0.05, 20))
def test_temperature_divides_the_logits(row, temperature):
    divided = row / temperature
    assert_allclose(luce.softmax(row, temperature=temperature), luce.softmax(divided), rtol=1e-12)
    got = luce.log_softmax(row, temperature=temperature)
    assert_allclose(got, luce.log_softmax(divided), rtol=1e-12, atol=1e-300)


@given(reference.logits())
def test_larger_logits_get_larger_probabilities(row):
    order = np.argsort(row, kind="stable")
    assert (np.diff(luce.softmax(row)[order]) >= 0).all()


@given(reference.logits())
def test_log_softmax_is_the_logarithm_of_softmax(row):
    assert_allclose(luce.log_softmax(row), np.log(luce.softmax(row)), rtol=1e-13, atol=1e-15)
    assert_allclose(np.exp(luce.log_softmax(row)), luce.softmax(row), rtol=1e-13)


@given(reference.logits())
def test_logsumexp_is_what_log_softmax_subtracts(row):
    assert_allclose(row - luce.logsumexp(row), luce.log_softmax(row), atol=1e-13)
    assert luce.logsumexp(row) >= row.max()


@given(reference.logits(), reference.logits())
def test_logsumexp_of_parts(left, right):
    parts = [luce.logsumexp(left), luce.logsumexp(right)]
    assert_allclose(luce.logsumexp(np.append(left, right)), luce.logsumexp(parts), atol=1e-13)


@given(reference.tables(rows=40, size=40), st.integers(0, 39))
def test_a_row_has_the_same_bits_alone_and_in_a_batch(table, i):
    i %= len(table)
    for function in (luce.softmax, luce.log_softmax, luce.logsumexp):
        assert_array_equal(function(table[i]), function(table)[i])


# Edge values: each was seen to go wrong somewhere else.


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_no_possible_class_has_no_distribution(dtype):
    row = np.full(3, -np.inf, dtype)
    assert_array_equal(luce.softmax(row), np.nan)
    assert_array_equal(luce.log_softmax(row), np.nan)
    assert luce.logsumexp(row) == -np.inf


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 7, 16])
@pytest.mark.parametrize("k", [17, 300])
def test_nan_and_infinity_fill_their_row_and_no_other(bad, place, k, dtype):
    table = np.zeros((3, k), dtype)
    table[1, place] = bad
    for function in (luce.softmax, luce.log_softmax):
        got = function(table)
        assert_array_equal(got[1], np.nan)
        assert_array_equal(got[[0, 2]], function(np.zeros((2, k), dtype)))
    assert_array_equal(luce.logsumexp(table)[1], bad)


def test_nan_beside_infinity_is_nan():
    for row in ([np.nan, np.inf], [np.inf, np.nan], [np.nan, -np.inf], [np.inf, -np.inf, np.nan]):
        assert np.isnan(luce.logsumexp(row))
        assert_array_equal(luce.softmax(row), np.nan)


def test_impossible_classes_get_nothing():
    assert_array_equal(luce.softmax([-np.inf, 3.0, 3.0]), [0, 0.5, 0.5])
    assert_array_equal(luce.log_softmax([3.0, -np.inf]), [0, -np.inf])


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_subnormal_results_are_kept(dtype):
    limit = np.finfo(dtype).smallest_normal
    row = np.array([0, np.log(limit) - 3], dtype)
    assert 0 < luce.softmax(row)[1] < limit
    assert -limit < luce.log_softmax(row)[0] < 0


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64])
def test_integers_do_not_wrap(dtype):
    info = np.iinfo(dtype)
    got = luce.softmax(np.array([info.min, info.max], dtype))
    assert got.dtype == np.float64
    assert got[1] > 1 - 1e-15
    assert_allclose(luce.softmax(np.array([1, 0, 1], dtype)), luce.softmax([1.0, 0.0, 1.0]))


def test_edge_values_are_no_reason_to_warn():
    row = np.array([np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(len(row)):
            for j in range(len(row)):
                pair = row[[i, j]]
                luce.softmax(pair), luce.log_softmax(pair), luce.logsumexp(pair)
                luce.softmax(pair, temperature=1e-300), luce.log_softmax(pair, temperature=1e-3)


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf, "1", None, True])
def test_a_temperature_must_be_positive_and_finite(temperature):
    for function in (luce.softmax, luce.log_softmax):
        with pytest.raises(ParameterError, match="temperature must be"):
            function([1.0, 2.0], temperature=temperature)


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e300, 1.7e308])
def test_extreme_temperatures_tend_to_the_winner_and_to_uniform(temperature):
    got = luce.softmax([1.0, 2.0, -1e3], temperature=temperature)
    assert_allclose(got, [0, 1, 0] if temperature < 1 else [1 / 3] * 3)
    assert_array_equal(luce.softmax([2.0, 2.0], temperature=temperature), [0.5, 0.5])
    assert_allclose(luce.softmax([1.7e308, -1.7e308], temperature=1.7e308)[1], 0.11920292202211755)


# What nothing defines is decided by an argument.


@pytest.mark.parametrize("dtype", ["float16", *reference.DTYPES])
@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_rows_without_a_possible_class(axis, dtype):
    x = np.array([[1, -np.inf, 2], [np.nan, -np.inf, 3]], dtype)
    mask = np.array([[True, True, False], [False, True, False]])
    if isinstance(axis, tuple):
        mask = mask & (x < 0)
    none = ~((x > -np.inf) & mask).any(axis, keepdims=True) & np.ones(x.shape, bool)
    for function, nothing in ((luce.softmax, 0), (luce.log_softmax, -np.inf)):
        plain = function(x, axis, where=mask)
        got = function(x, axis, where=mask, empty="zero")
        assert got.dtype == dtype
        assert_array_equal(plain[none], np.nan)
        assert_array_equal(got[none], nothing)
        assert_array_equal(got[~none], plain[~none])
        with pytest.raises(DataError, match=r"only -inf or masked classes at .*row"):
            function(x, axis, where=mask, empty="raise")


def test_the_row_without_a_possible_class_is_named_before_out_is_written():
    x = np.zeros((2, 3, 4))
    x[1, 2] = -np.inf
    out = np.full(x.shape, 7.0)
    with pytest.raises(DataError, match=r"row \(1, 2\) \(rows at fault: 1\)"):
        luce.softmax(x, empty="raise", out=out)
    with pytest.raises(DataError, match=r"row \(1, 2\)"):
        luce.log_softmax(x.transpose(2, 0, 1), axis=0, empty="raise", out=out.transpose(2, 0, 1))
    assert_array_equal(out, 7)
    with pytest.raises(DataError, match="the only row"):
        luce.softmax([], empty="raise")
    assert luce.softmax(np.empty((0, 3)), empty="raise").shape == (0, 3)


@pytest.mark.parametrize("function", [luce.softmax, luce.log_softmax])
def test_nan_is_never_hidden(function):
    x = [[np.nan, -np.inf], [np.nan, np.inf], [np.inf, np.nan]]
    assert_array_equal(function(x, empty="zero", infinity="limit"), np.full((3, 2), np.nan))
    assert_array_equal(function(x, empty="raise"), np.full((3, 2), np.nan))


@pytest.mark.parametrize("dtype", ["float16", *reference.DTYPES])
def test_infinity_takes_the_whole_probability(dtype):
    inf = np.inf
    x = np.array([[inf, 1, -inf], [inf, inf, inf], [inf, 0, inf], [1, 1, -inf]], dtype)
    third = np.dtype(dtype).type(1) / np.dtype(dtype).type(3)
    expected = [[1, 0, 0], [third] * 3, [0.5, 0, 0.5], [0.5, 0.5, 0]]
    for t in (1.0, 1e-300, 1e300):
        assert_array_equal(luce.softmax(x, infinity="limit", temperature=t), expected)
        log_p = luce.log_softmax(x.T, axis=0, infinity="limit", temperature=t).T
        with np.errstate(divide="ignore"):
            assert_allclose(log_p, np.log(expected), rtol=np.finfo(dtype).eps)
        assert_array_equal(np.signbit(log_p[0]), [False, True, True])
    assert_array_equal(luce.softmax(x, where=x < inf, infinity="limit")[2], [0, 1, 0])
    got = luce.softmax(x, infinity="limit", out=x)
    assert got is x
    assert_array_equal(x, expected)


def test_whole_arrays_share_the_limit():
    x = [[np.inf, 0.0], [1.0, np.inf]]
    assert_array_equal(luce.softmax(x, axis=None, infinity="limit"), [[0.5, 0], [0, 0.5]])


@given(reference.tables(), st.sampled_from(["nan", "zero", "raise"]))
def test_ordinary_rows_do_not_notice(table, empty):
    for function in (luce.softmax, luce.log_softmax):
        assert_array_equal(function(table, empty=empty, infinity="limit"), function(table))


def test_the_policies_are_checked():
    for function in (luce.softmax, luce.log_softmax):
        with pytest.raises(ParameterError, match=r"empty must be one of .* Did you mean 'zero'"):
            function([1.0], empty="zeros")
        with pytest.raises(ParameterError, match="infinity must be one of"):
            function([1.0], infinity=1)
