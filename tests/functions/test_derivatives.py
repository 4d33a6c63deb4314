import warnings

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from numpy.testing import assert_allclose, assert_array_equal
from reference import derivatives as exactly

import luce
from luce.errors import DtypeError, ParameterError, ShapeError

PRODUCTS = {
    luce.softmax_vjp: exactly.softmax_product,
    luce.softmax_jvp: exactly.softmax_product,
    luce.logsumexp_hvp: exactly.softmax_product,
    luce.log_softmax_vjp: exactly.log_softmax_vjp,
    luce.log_softmax_jvp: exactly.centred,
    luce.logsumexp_jvp: exactly.mean,
    luce.logmeanexp_jvp: exactly.mean,
}
FORMULAS = (luce.softmax_vjp, luce.log_softmax_vjp, luce.log_softmax_jvp, luce.logsumexp_jvp)
JACOBIANS = {
    luce.softmax_jacobian: exactly.softmax_jacobian,
    luce.log_softmax_jacobian: exactly.log_softmax_jacobian,
}
TOTALS = (luce.logsumexp_jvp, luce.logmeanexp_jvp)
OF_TOTALS = (luce.logsumexp_vjp, luce.logmeanexp_vjp)
FULL = [one for one in PRODUCTS if one not in TOTALS]
ALL = [*PRODUCTS, *OF_TOTALS, *JACOBIANS]


def direction(function, x):
    """Return arguments that fit the function: the second one, where there is one."""
    if function in JACOBIANS:
        return ()
    rng = np.random.default_rng(5)
    shape = np.shape(x) if function not in OF_TOTALS else (*np.shape(x)[:-1], 1)
    return (rng.normal(size=shape),)


def rows_with_normal_probabilities(dtype, longest):
    for name, row in reference.hard_rows(dtype).items():
        row = row[row > -np.inf]
        subnormal = name in ("subnormal results", "a sum of subnormal losers")
        if len(row) <= longest and not (subnormal and dtype == "float64"):
            yield row


# Accuracy: the bounds are read from the docstrings.


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("function", FORMULAS)
@pytest.mark.parametrize(
    "longest", [120, pytest.param(1001, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_products_keep_their_promise(function, longest, dtype):
    bound = reference.promised(function, dtype)
    for row in rows_with_normal_probabilities(dtype, longest):
        for u in exactly.directions(row).values():
            exact = PRODUCTS[function](row, u)
            reference.assert_close(bound, function(row, u), *exact, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("function", FORMULAS)
@pytest.mark.parametrize("temperature", [1e-3, 0.7, 3.0, 1e3])
def test_products_keep_their_promise_at_any_temperature(function, temperature, dtype):
    row = np.random.default_rng(4).normal(0, 10 * min(temperature, 10), 33).astype(dtype)
    for u in exactly.directions(row).values():
        exact = PRODUCTS[function](row, u, temperature)
        got = function(row, u, temperature=temperature)
        reference.assert_close(reference.promised(function, dtype), got, *exact, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("function", FORMULAS)
def test_products_keep_their_promise_for_terms_that_all_round_up(function, dtype):
    row = reference.hard_rows(dtype)["two winners and many that round up"]
    for u in (np.ones_like(row), np.append([1, 0], np.full(999, 1.7)).astype(dtype)):
        exact = PRODUCTS[function](row, u)
        bound = reference.promised(function, dtype)
        reference.assert_close(bound, function(row, u), *exact, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", [0.7, 1.0])
@pytest.mark.parametrize("function", JACOBIANS)
def test_jacobians_keep_their_promise(function, temperature, dtype):
    bound = reference.promised(function, dtype)
    for row in rows_with_normal_probabilities(dtype, 65):
        got = function(row, temperature=temperature)
        assert got.dtype == dtype
        exact = JACOBIANS[function](row, temperature)
        reference.assert_within(bound, got, exact, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_the_gradient_of_logsumexp_keeps_its_promise(dtype):
    bound, v = reference.promised(luce.logsumexp_vjp, dtype), dtype_number(3.7, dtype)
    for row in rows_with_normal_probabilities(dtype, 300):
        p = reference.softmax(row)
        normal = [i for i, one in enumerate(p) if one >= np.finfo(np.float64).tiny]
        got, exact = luce.logsumexp_vjp(row, v)[normal], [mpf(float(v)) * p[i] for i in normal]
        reference.assert_within(bound, got, exact, dtype)


def dtype_number(value, dtype):
    return np.array(value, dtype)[()]


@given(reference.logits("float64", largest=300), st.data())
def test_float64_keeps_its_promise_on_any_row(row, data):
    numbers = st.floats(-1e6, 1e6).filter(lambda one: one == 0 or abs(one) > 1e-30)
    u = np.array(data.draw(st.lists(numbers, min_size=len(row), max_size=len(row))))
    for function in FORMULAS:
        exact = PRODUCTS[function](row, u)
        bound = reference.promised(function, "float64")
        reference.assert_close(bound, function(row, u), *exact, "float64")


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("gap", [17, 40, 80])
def test_the_confident_class_keeps_its_derivatives(gap, dtype):
    row, won, lost = np.array([0, -gap], dtype), [1.0, 0.0], [0.0, 1.0]
    loser = np.exp(-float(gap))  # the loser's probability, to 16 digits
    for function in (luce.softmax_vjp, luce.log_softmax_vjp):
        assert_allclose(function(row, won), [loser, -loser], rtol=2e-7)
    assert_allclose(luce.log_softmax_jvp(row, lost), [-loser, 1], rtol=2e-7)
    assert_allclose(luce.softmax_jacobian(row), loser * np.array([[1, -1], [-1, 1]]), rtol=2e-7)
    assert_allclose(luce.log_softmax_jacobian(row), [[loser, -loser], [-1, 1]], rtol=2e-7)


@pytest.mark.parametrize("function", ALL)
def test_float16_is_rounded_once(function):
    row = np.random.default_rng(1).normal(0, 3, (4, 9)).astype(np.float16)
    u = direction(function, row)
    got = function(row, *u)
    assert got.dtype == np.float16
    assert_array_equal(got, function(row.astype(np.float64), *u).astype(np.float16))


# Laws.


@given(reference.logits(size=6, largest=5), st.floats(0.3, 3))
def test_derivatives_are_those_of_the_functions(row, temperature):
    step, k, options = 1e-5, len(row), {"temperature": temperature}
    ahead, behind = row + step * np.eye(k), row - step * np.eye(k)
    for function, jacobian in (
        (luce.softmax, luce.softmax_jacobian),
        (luce.log_softmax, luce.log_softmax_jacobian),
    ):
        slope = (function(ahead, **options) - function(behind, **options)) / (2 * step)
        assert_allclose(jacobian(row, **options), slope.T, atol=3e-8)
    lse = temperature * luce.logsumexp(np.stack([ahead, behind]) / temperature)
    slope = (lse[0] - lse[1]) / (2 * step)
    assert_allclose(luce.logsumexp_vjp(row, 1.0, **options), slope, atol=1e-8)
    means = luce.logmeanexp(np.stack([ahead, behind]), **options)
    slope = (means[0] - means[1]) / (2 * step)
    assert_allclose(luce.logmeanexp_vjp(row, 1.0, **options), slope, atol=1e-8)


@given(reference.tables(), st.floats(0.2, 5), st.randoms())
def test_products_are_those_with_the_jacobian(table, temperature, random):
    rng = np.random.default_rng(random.getrandbits(32))
    u, options = rng.normal(size=table.shape), {"temperature": temperature}
    J = luce.softmax_jacobian(table, **options)
    for function in (luce.softmax_vjp, luce.softmax_jvp, luce.logsumexp_hvp):
        assert_allclose(function(table, u, **options), np.einsum("nij,nj->ni", J, u), atol=1e-14)
    J = luce.log_softmax_jacobian(table, **options)
    expected = np.einsum("nij,ni->nj", J, u)
    assert_allclose(luce.log_softmax_vjp(table, u, **options), expected, atol=1e-13)
    expected = np.einsum("nij,nj->ni", J, u)
    assert_allclose(luce.log_softmax_jvp(table, u, **options), expected, atol=1e-13)
    p = luce.softmax(table, **options)
    assert_allclose(luce.logsumexp_jvp(table, u, **options), (p * u).sum(axis=1), atol=1e-14)
    v = u[:, 0]
    assert_allclose(luce.logsumexp_vjp(table, v, **options), p * v[:, None], rtol=1e-15)


@given(reference.tables(largest=40), st.randoms())
def test_forward_and_backward_are_adjoint(table, random):
    rng = np.random.default_rng(random.getrandbits(32))
    u, v = rng.normal(size=(2, *table.shape))
    for forward, backward in (
        (luce.softmax_jvp, luce.softmax_vjp),
        (luce.log_softmax_jvp, luce.log_softmax_vjp),
    ):
        assert_allclose((v * forward(table, u)).sum(), (u * backward(table, v)).sum(), atol=1e-12)


@given(reference.logits(), st.randoms())
def test_derivatives_of_probabilities_sum_to_zero_and_the_hessian_is_convex(row, random):
    u = np.random.default_rng(random.getrandbits(32)).normal(size=row.shape)
    got = luce.softmax_jvp(row, u)
    assert abs(got.sum()) <= 1e-15 * np.abs(got).sum() + 1e-300
    assert (u * luce.logsumexp_hvp(row, u)).sum() >= -1e-15
    assert abs(luce.log_softmax_vjp(row, u).sum()) <= 1e-14


@given(reference.logits(), st.integers(-(2**40), 2**40))
def test_a_common_part_of_the_direction_changes_nothing(row, shift):
    u = np.arange(len(row)) % 3 - 1.0
    for function in (luce.softmax_jvp, luce.log_softmax_jvp):
        got, expected = function(row, u + shift), function(row, u)
        assert_allclose(got, expected, rtol=1e-14, atol=1e-16 * np.abs(expected).max())


@given(reference.tables(rows=40, size=40), st.integers(0, 39))
def test_a_row_has_the_same_bits_alone_and_in_a_batch(table, i):
    i %= len(table)
    for function in FORMULAS:
        (u,) = direction(function, table)
        assert_array_equal(function(table[i], u[i]), function(table, u)[i])
    for function in JACOBIANS:
        assert_array_equal(function(table[i]), function(table)[i])


@pytest.mark.parametrize("k", [2, 300, 70_000])
def test_many_rows_are_taken_tile_by_tile(k):
    z = np.random.default_rng(2).normal(0, 5, (200_000 // k, k))
    for function in FORMULAS:
        (u,) = direction(function, z)
        assert_array_equal(function(z[-1], u[-1]), function(z, u)[-1])
    if k == 300:
        assert_array_equal(luce.softmax_jacobian(z[:9])[8], luce.softmax_jacobian(z[8]))


# Axes, masks and layouts.


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 2), (2, 1), None])
@pytest.mark.parametrize("function", [*PRODUCTS, *OF_TOTALS])
def test_any_axis_or_axes(function, axis):
    rng = np.random.default_rng(7)
    x, u = rng.normal(0, 4, (2, 2, 3, 4))
    axes = tuple(range(3)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gains_rows = function in OF_TOTALS
    u = luce.logsumexp(u, axis) if gains_rows else u
    last = range(-len(axes), 0)
    kept = np.moveaxis(x, axes, last).shape[: 3 - len(axes)]
    rows = np.moveaxis(x, axes, last).reshape(*kept, -1)
    got = function(x, u, axis)
    flat = function(rows, u if gains_rows else np.moveaxis(u, axes, last).reshape(rows.shape))
    if function in TOTALS:
        assert_array_equal(got, flat)
        assert function(x, u, axis, keepdims=True).shape == x.sum(axes, keepdims=True).shape
    else:
        assert_array_equal(np.moveaxis(got, axes, last).reshape(rows.shape), flat)
    assert np.ndim(got) == 0 or got.flags.c_contiguous


@pytest.mark.parametrize("function", JACOBIANS)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_jacobians_have_the_classes_in_the_last_two_axes(function, axis):
    x = np.random.default_rng(7).normal(0, 4, (2, 3, 4))
    rows = np.moveaxis(x, axis, -1)
    got = function(x, axis)
    assert got.shape == (*rows.shape, rows.shape[-1])
    assert_array_equal(got, function(rows))
    assert_array_equal(got[1, 1], function(rows[1, 1]))


@pytest.mark.parametrize("function", FULL)
def test_masked_classes_might_as_well_be_left_out(function):
    x, u = np.random.default_rng(3).normal(0, 3, (2, 5, 6))
    mask = np.array([True, False, True, True, False, True])
    for bad in (np.nan, np.inf, 7.0):
        x[:, ~mask], u[:, ~mask] = bad, -bad
        got = function(x, u, where=mask, temperature=0.7)
        left = function(x[:, mask], u[:, mask], temperature=0.7)
        assert_allclose(got[:, mask], left, rtol=1e-14, atol=1e-15)
        assert_array_equal(got[:, ~mask], 0)


def test_masked_classes_do_not_move_logsumexp_and_have_no_row_in_a_jacobian():
    x, u = np.random.default_rng(3).normal(0, 3, (2, 6))
    mask = np.array([True, False, True, True, False, True])
    x[~mask] = u[~mask] = np.nan
    assert luce.logsumexp_jvp(x, u, where=mask) == luce.logsumexp_jvp(x[mask], u[mask])
    for function in JACOBIANS:
        got = function(x, where=mask)
        assert_array_equal(got[np.ix_(mask, mask)], function(x[mask]))
        assert_array_equal(got[~mask], 0)
        assert_array_equal(got[:, ~mask], 0)
    got = luce.logsumexp_vjp(x, np.inf, where=mask)
    assert_array_equal(got, np.where(mask, np.inf, 0))


def test_directions_broadcast_to_the_logits():
    x = np.random.default_rng(3).normal(0, 3, (5, 6))
    for function in PRODUCTS:
        u = np.arange(6.0)
        assert_array_equal(function(x, u), function(x, np.tile(u, (5, 1))))
    assert_array_equal(luce.softmax_vjp(x, 1.0), 0)


@pytest.mark.parametrize("function", ALL)
def test_any_layout_type_and_owner(function):
    x = np.random.default_rng(3).normal(0, 3, (5, 6))
    u = direction(function, x)
    expected = function(x, *u)
    read_only = x.copy()
    read_only.flags.writeable = False
    bytes_off = np.empty(x.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(x.shape)
    bytes_off[...] = x
    others = [
        np.asfortranarray(x),
        x[::-1][::-1],
        np.repeat(x, 2, axis=1)[:, ::2],
        read_only,
        bytes_off,
        x.astype(">f8"),
        x.view(type("Sub", (np.ndarray,), {})),
        x.tolist(),
    ]
    for other in others:
        got = function(other, *u)
        assert_array_equal(got, expected)
        assert type(got) is np.ndarray
        assert got.dtype == np.float64
    whole = np.array([[-128, 127], [3, 4]], np.int8)
    args = direction(function, whole)
    assert_array_equal(function(whole, *args), function(whole.astype(float), *args))
    single = function(x.astype(np.float32), *u)
    assert single.dtype == np.float32
    assert_array_equal(single, function(x.astype(np.float32).astype(float), *u).astype("f4"))


# Edge values.


@pytest.mark.parametrize("function", ALL)
def test_a_row_without_a_softmax_holds_nan_and_no_other_does(function):
    for bad in ([-np.inf, -np.inf], [np.inf, 0], [np.nan, 0], [np.inf, np.inf]):
        x = np.array([[0.0, 1.0], bad, [2.0, 0.0]])
        u = direction(function, x)
        got = function(x, *u)
        assert_array_equal(got[1], np.nan)
        assert_array_equal(got[[0, 2]], function(x[[0, 2]], *(one[[0, 2]] for one in u)))
    assert_array_equal(function(x, *u, where=[[True], [False], [True]])[1], np.nan)


def test_impossible_classes_take_no_part_in_probabilities():
    x, u = np.array([1.0, -np.inf, 2.0]), [3.0, np.nan, 4.0]
    kept = np.array([True, False, True])
    for function in (luce.softmax_vjp, luce.softmax_jvp, luce.logsumexp_hvp):
        assert_array_equal(function(x, u), function(x, u, where=kept))
    assert luce.logsumexp_jvp(x, u) == luce.logsumexp_jvp([1.0, 2.0], [3.0, 4.0])
    assert_array_equal(luce.softmax_jacobian(x), luce.softmax_jacobian(x, where=kept))
    assert_array_equal(luce.logsumexp_vjp(x, np.inf), [np.inf, 0, np.inf])


def test_the_log_probability_of_an_impossible_class_has_the_limit_as_its_derivative():
    x, u = np.array([1.0, -np.inf, 2.0]), np.array([3.0, 5.0, 4.0])
    near = np.array([1.0, -700.0, 2.0])
    for function in (luce.log_softmax_vjp, luce.log_softmax_jvp):
        assert_allclose(function(x, u), function(near, u), rtol=1e-15)
    assert_allclose(luce.log_softmax_jacobian(x), luce.log_softmax_jacobian(near), atol=1e-300)
    assert luce.log_softmax_vjp(x, u)[1] == 5
    assert_array_equal(np.isnan(luce.log_softmax_jvp(x, [3.0, np.nan, 4.0])), [False, True, False])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("function", PRODUCTS)
def test_a_direction_that_is_not_finite_fills_its_row_and_no_other(function, bad):
    x, u = np.random.default_rng(3).normal(0, 3, (2, 3, 4))
    expected = function(x, u)
    u[1, 2] = bad
    got = function(x, u)
    assert not np.isfinite(got[1]).any()
    assert_array_equal(got[[0, 2]], expected[[0, 2]])


@pytest.mark.parametrize("function", FULL)
def test_directions_up_to_the_largest_number_do_not_overflow_on_the_way(function):
    x = np.random.default_rng(3).normal(0, 3, 5)
    u = np.array([1, -1, 1, 1, -1]) * 2.0**10
    huge = 2.0**1013
    assert_allclose(function(x, u * huge) / huge, function(x, u), rtol=1e-14)
    got = function(x * 1e-200, u * 2.0**700, temperature=1e-200)
    assert_array_equal(got, np.sign(function(x, u)) * np.inf)


def test_a_small_temperature_does_not_underflow_on_the_way():
    x, t = np.array([0.0, -400.0, -401.0]), 2.0**-600
    expected = luce.softmax_jacobian(x) * np.eye(3)
    got = luce.softmax_jacobian(x * t, temperature=t) * np.eye(3)
    assert_allclose(np.ldexp(got, -600), expected, rtol=1e-15)
    assert luce.softmax_jacobian(x * t, temperature=t)[1, 2] == pytest.approx(
        -float(np.exp(-801.0 + 600 * np.log(2))), rel=1e-12
    )


@pytest.mark.parametrize("function", [*PRODUCTS, *OF_TOTALS])
def test_no_rows_and_no_classes(function):
    row_wise = function in OF_TOTALS
    for shape in ((0, 3), (2, 0), (0, 0)):
        x = np.empty(shape, np.float32)
        got = function(x, np.empty(shape[0]) if row_wise else x)
        assert got.dtype == np.float32
        assert got.shape == (shape[:1] if function in TOTALS else shape)
    assert np.isnan(luce.logsumexp_jvp(np.empty((2, 0)), 0.0)).all()


@pytest.mark.parametrize("function", JACOBIANS)
def test_jacobians_of_no_rows_no_classes_and_one_class(function):
    assert function(np.empty((0, 3))).shape == (0, 3, 3)
    assert function(np.empty((2, 0))).shape == (2, 0, 0)
    assert_array_equal(function([[3.0], [4.0]]), np.zeros((2, 1, 1)))
    assert function([[3.0, 1.0]], 0).shape == (2, 1, 1)


def test_edge_values_are_no_reason_to_warn():
    values = np.array([np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 0])
    table = np.array([[a, b] for a in values for b in values])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for t in (1.0, 1e-300, 1e300):
            for function in PRODUCTS:
                for u in (1.0, table[::-1]):
                    function(table, u, temperature=t)
            for function in JACOBIANS:
                function(table, temperature=t)
            luce.logsumexp_vjp(table, table[:, 1], temperature=t)


def test_results_beyond_float16_are_infinite_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = luce.log_softmax_jvp(np.zeros(2, np.float16), [1e6, -1e6])
    assert_array_equal(got, [np.inf, -np.inf])


# Bad arguments: one error that names the argument, the place and the cure.

BAD = [
    ({"v": [1.0, 2.0]}, ShapeError, "v must broadcast to the shape of x, (2, 3), got shape (2,)."),
    ({"v": [True, False, True]}, DtypeError, "v must be float32, float64"),
    ({"v": [1j, 0, 0]}, DtypeError, "Pass v.real"),
    ({"temperature": 0}, ParameterError, "temperature must be above 0"),
    ({"where": [1, 0, 1]}, DtypeError, "where must be boolean"),
    ({"axis": 2}, ShapeError, "axis must lie in -2..1"),
    ({"x": np.ones((2, 3), bool)}, DtypeError, "x must be float32"),
    ({"x": 1.0, "v": 1.0}, ShapeError, "x must have an axis"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD)
@pytest.mark.parametrize("function", PRODUCTS)
def test_bad_arguments(function, change, error, message):
    options = {"x": np.ones((2, 3)), "v": 1.0} | change
    name = "v" if function in (luce.softmax_vjp, luce.log_softmax_vjp) else "u"
    x, v = options.pop("x"), options.pop("v")
    with pytest.raises(error) as raised:
        function(x, v, **options)
    assert message.replace("v must", f"{name} must").replace("v.real", f"{name}.real") in str(
        raised.value
    )


@pytest.mark.parametrize("axis", [(0, 1), None, (0,), "1", True])
@pytest.mark.parametrize("function", JACOBIANS)
def test_a_jacobian_takes_one_axis(function, axis):
    with pytest.raises(ParameterError, match="axis must be one integer"):
        function(np.ones((2, 3)), axis)


@pytest.mark.parametrize(
    ("v", "message"),
    [
        ([1.0, 2.0, 3.0], "v must have the shape of the result, (2,) or (2, 1), got shape (3,)"),
        ([[1.0, 2.0]], "got shape (1, 2). Pass v.reshape((2,))."),
        (1.0, "got shape (). Pass one number of v for each row of x."),
    ],
)
def test_logsumexp_takes_one_number_for_each_row(v, message):
    with pytest.raises(ShapeError) as raised:
        luce.logsumexp_vjp(np.ones((2, 3)), v)
    assert message in str(raised.value)
