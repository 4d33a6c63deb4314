"""Laws, edge values and errors of the options of cross-entropy; their accuracy is tested apart."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import DataError, LabelError, LuceError, ParameterError, ShapeError
from luce.losses import cross_entropy, cross_entropy_grad, cross_entropy_hvp

EVERYTHING = {
    "weighting": "row",
    "label_smoothing": 0.1,
    "temperature": 1.3,
    "softcap": 8.0,
    "z_loss": 0.01,
    "focal_gamma": 1.5,
}
SOME = [
    {},
    {"label_smoothing": 0.1},
    {"weighting": "row", "label_smoothing": 0.1},
    {"temperature": 0.7},
    {"softcap": 5.0},
    {"z_loss": 0.01},
    {"focal_gamma": 0.5},
    EVERYTHING,
]
PARTS = ("loss", "grad", "product")


def all_of(z, target, vector=None, **options):
    """Return loss, gradient and the product with a vector."""
    vector = np.ones(np.shape(z)) if vector is None else vector
    loss, grad = cross_entropy_grad(z, target, **options)
    assert_array_equal(cross_entropy(z, target, **options), loss)
    return loss, grad, cross_entropy_hvp(z, target, vector, **options)


def problem(**sizes):
    z, y, q, w = reference.problem(**sizes)
    return z, y, q, w, np.random.default_rng(5).normal(size=z.shape)


# Laws.


@pytest.mark.parametrize("options", SOME, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_labels_and_their_one_hot_rows_agree(options, weighted):
    z, y, _, w, v = problem()
    options = options | {"weight": w if weighted else None, "reduction": "sum"}
    for got, expected in zip(
        all_of(z, np.eye(5)[y], v, **options), all_of(z, y, v, **options), strict=True
    ):
        assert_allclose(got, expected, rtol=1e-13, atol=1e-15)


def test_row_weighting_has_one_mean_for_labels_and_one_hot_rows():
    z, y, _, w, v = problem()
    options = EVERYTHING | {"weight": w}
    for got, expected in zip(
        all_of(z, np.eye(5)[y], v, **options), all_of(z, y, v, **options), strict=True
    ):
        assert_allclose(got, expected, rtol=1e-13, atol=1e-15)
    total = cross_entropy(z, y, **options, reduction="sum")
    assert_allclose(cross_entropy(z, y, **options), total / w[y].sum(), rtol=1e-15)


@pytest.mark.parametrize("options", SOME, ids=str)
@pytest.mark.parametrize("soft", [False, True])
def test_row_weighting_weighs_whole_rows(options, soft):
    z, y, q, w, _ = problem()
    options = options | {"weighting": "row", "reduction": "none"}
    share = q @ w if soft else w[y]
    plain = cross_entropy(z, q if soft else y, **options)
    assert_allclose(cross_entropy(z, q if soft else y, **options, weight=w), share * plain)


@pytest.mark.parametrize("options", SOME, ids=str)
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("weighting", ["class", "row"])
def test_no_weights_are_equal_weights(options, soft, weighting):
    z, y, q, _, v = problem()
    options, target = options | {"weighting": weighting}, q if soft else y
    equal = all_of(z, target, v, **options, weight=np.ones(5))
    for got, expected in zip(all_of(z, target, v, **options), equal, strict=True):
        assert_allclose(got, expected, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("soft", [False, True])
def test_a_temperature_divides_the_logits(soft, dtype):
    z, y, q, _, v = problem(dtype=dtype)
    loss, grad, product = all_of(z, q if soft else y, v, temperature=4.0)
    expected = all_of(z / 4, q if soft else y, v)
    rtol = 3e-7 if dtype == "float32" else 1e-15
    assert_allclose(loss, expected[0], rtol=rtol)
    assert_allclose(4 * grad, expected[1], rtol=10 * rtol)
    assert_allclose(16 * product, expected[2], rtol=10 * rtol, atol=rtol)


@pytest.mark.parametrize("size", [1, 1e-8])
@pytest.mark.parametrize("c", [1e12, 1e300, 1.7e308])
def test_a_high_softcap_is_none(c, size):
    z, y, _, _, v = problem()
    options = {"z_loss": 0.1, "temperature": size}
    expected = all_of(size * z, y, size * v, **options)
    for got, same in zip(
        all_of(size * z, y, size * v, softcap=c, **options), expected, strict=True
    ):
        assert_allclose(got, same, rtol=1e-12, atol=1e-14 * np.abs(same).max())


def test_a_temperature_keeps_float32_rows_apart_from_their_common_offset():
    z, y, _, _, _ = problem(dtype="float32")
    z, far = z.round(), (z.round() + 2.0**22).astype(np.float32)
    near = cross_entropy(z, y, temperature=0.7)
    assert_allclose(cross_entropy(far, y, temperature=0.7), near, rtol=1e-9)


def test_a_softcap_is_taken_before_the_temperature():
    z, y, _, _, _ = problem()
    squeezed = 3 * np.tanh(z / 3)
    got = cross_entropy(z, y, softcap=3.0, temperature=0.5)
    assert_allclose(got, cross_entropy(squeezed / 0.5, y), rtol=1e-14)


def test_the_z_loss_is_the_square_of_the_normaliser():
    z, y, _, w, _ = problem()
    more = cross_entropy(z, y, weight=w, z_loss=0.1, reduction="none") - cross_entropy(
        z, y, weight=w, reduction="none"
    )
    assert_allclose(more, 0.1 * w[y] * luce.logsumexp(z) ** 2, rtol=1e-12)


def test_focal_is_the_loss_times_a_power_of_the_others():
    z, y, _, _, _ = problem()
    p = luce.softmax(z)[np.arange(7), y]
    plain = cross_entropy(z, y, reduction="none")
    got = cross_entropy(z, y, focal_gamma=2, reduction="none")
    assert_allclose(got, (1 - p) ** 2 * plain, rtol=1e-12)


@pytest.mark.parametrize("options", SOME, ids=str)
def test_the_mean_and_the_sum_are_those_of_the_rows(options):
    z, y, q, w, v = problem()
    for target in (y, q):
        rows = all_of(z, target, v, weight=w, **options, reduction="none")
        total = all_of(z, target, v, weight=w, **options, reduction="sum")
        scaled = all_of(z, target, v, weight=w, **options, normalizer=8)
        assert_allclose(total[0], rows[0].sum(), rtol=1e-15)
        for one, whole, eighth in zip(rows[1:], total[1:], scaled[1:], strict=True):
            assert_array_equal(one, whole)
            assert_array_equal(eighth, whole / 8)


@given(reference.tables(), st.data())
def test_the_hessian_is_symmetric_and_not_negative(table, data):
    y = np.array([data.draw(st.integers(0, table.shape[1] - 1)) for _ in table])
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    one, other = rng.normal(size=(2, *table.shape))
    for options in ({}, {"label_smoothing": 0.2, "temperature": 2.0}, EVERYTHING):
        first = cross_entropy_hvp(table, y, one, **options)
        second = cross_entropy_hvp(table, y, other, **options)
        assert_allclose((other * first).sum(), (one * second).sum(), rtol=1e-10, atol=1e-13)
        if options is not EVERYTHING:
            assert (one * first).sum() >= -1e-15
            assert_array_equal(cross_entropy_hvp(table, y, np.ones_like(table), **options), 0)


@pytest.mark.parametrize("options", SOME, ids=str)
@pytest.mark.parametrize("soft", [False, True])
def test_the_product_is_that_of_differences_of_gradients(options, soft):
    z, y, q, w, v = problem(n=4, k=3, spread=1.5)
    target, step = q if soft else y, 1e-6
    options = options | {"weight": w}
    ahead, behind = (cross_entropy_grad(z + s * v, target, **options).grad for s in (step, -step))
    got = cross_entropy_hvp(z, target, v, **options)
    assert_allclose((ahead - behind) / (2 * step), got, atol=1e-8)


# Bits.


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("k", [3, 37, 1000])
@pytest.mark.parametrize("options", SOME, ids=str)
def test_a_row_gives_the_same_bits_whatever_stands_beside_it(options, k, dtype):
    z, y, q, w, v = problem(dtype=dtype, n=250, k=k)
    options = options | {"weight": w, "reduction": "none"}
    for target in (y, q):
        whole = all_of(z, target, v, **options)
        for rows in (slice(7, 8), slice(3, 250, 9), [200, 2, 2]):
            part = all_of(z[rows], target[rows], v[rows], **options)
            for one, all_rows in zip(part, whole, strict=True):
                assert_array_equal(one, all_rows[rows])


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, EVERYTHING], ids=str)
def test_the_bits_do_not_depend_on_threads_axis_or_layout(options):
    z, y, q, w, v = problem(dtype="float32", n=6000, k=101)
    before = luce.get_num_threads()
    options = options | {"weight": w}
    for target in (y, q):
        expected = all_of(z, target, v, **options)
        try:
            luce.set_num_threads(1)
            alone = all_of(z, target, v, **options)
        finally:
            luce.set_num_threads(before)
        turned_target = target if target.ndim == 1 else target.T
        turned = all_of(z.T, turned_target, v.T, axis=0, **options)
        fortran = [np.asfortranarray(one) for one in (z, target, v)]
        for one, other, third, exact in zip(
            alone, turned, all_of(*fortran, **options), expected, strict=True
        ):
            assert_array_equal(one, exact)
            assert_array_equal(other.T, exact)
            assert_array_equal(third, exact)


@pytest.mark.parametrize("axis", [0, 1, -2, 2])
@pytest.mark.parametrize("soft", [False, True])
def test_any_axis(axis, soft):
    rng = np.random.default_rng(3)
    z, v = rng.normal(size=(2, 2, 4, 3, 5))
    moved, direction = np.moveaxis(z, axis, -1), np.moveaxis(v, axis, -1)
    k = moved.shape[-1]
    if soft:
        q = rng.dirichlet(np.ones(k), moved.shape[:-1])
        target = np.moveaxis(q, -1, axis)
    else:
        target = q = rng.integers(0, k, moved.shape[:-1])
    for reduction in ("none", "mean"):
        got = all_of(z, target, v, axis=axis, reduction=reduction)
        expected = all_of(moved, q, direction, reduction=reduction)
        assert_array_equal(got[0], expected[0])
        for one, exact in zip(got[1:], expected[1:], strict=True):
            assert_array_equal(one, np.moveaxis(exact, -1, axis))
            assert one.flags.c_contiguous


# Edge values.


@pytest.mark.parametrize("gamma", [0.25, 0.5, 1.0, 2.0, 7.5])
@pytest.mark.parametrize("gap", [0.0, 5.0, 40.0, 300.0, 800.0])
def test_focal_losses_of_confident_rows(gap, gamma):
    z, v = np.array([0.0, -gap, -gap - 1]), np.array([1.0, -2.0, 0.5])
    for label in (0, 1):
        loss, grad, product = all_of(z, label, v, focal_gamma=gamma)
        assert np.isfinite([loss, *grad, *product]).all()
        assert abs(grad.sum()) <= 1e-15 * np.abs(grad).sum()
        if gap == 40 and gamma <= 2:
            assert loss != 0
            assert (grad != 0).all()
            assert (product != 0).all()


@pytest.mark.parametrize("options", SOME, ids=str)
@pytest.mark.parametrize("target", [[0], [[1.0]]])
def test_a_single_class(options, target):
    loss, grad, product = all_of([[3.0]], target, [[2.0]], **options)
    u = 3.0 if "softcap" not in options else 8 * np.tanh(3 / 8) / 1.3
    z_loss = options.get("z_loss", 0)
    if "softcap" not in options:
        u /= options.get("temperature", 1)
    assert loss == pytest.approx(z_loss * u**2)
    if not z_loss:
        assert_array_equal([grad, product], 0)
    else:
        assert grad[0, 0] > 0


@pytest.mark.parametrize("options", SOME, ids=str)
def test_an_impossible_class_takes_no_part(options):
    z, v = np.array([0.5, -np.inf, 0.0, 1.0]), np.array([1.0, np.nan, -1.0, 0.3])
    if "softcap" in options:
        assert np.isfinite(cross_entropy(z, 0, weight=[1, 0, 1, 1], softcap=3.0))
    options = options | {"label_smoothing": 0.0}
    kept = [0, 2, 3]
    for target, rest in ((0, 0), ([0.5, 0, 0.5, 0], [0.5, 0.5, 0])):
        got = all_of(z, target, v, **options)
        expected = all_of(z[kept], rest, v[kept], **options)
        assert_allclose(got[0], expected[0], rtol=1e-14)
        for one, exact in zip(got[1:], expected[1:], strict=True):
            assert_allclose(one[kept], exact, rtol=1e-13)
            assert one[1] == 0


@pytest.mark.parametrize("options", SOME, ids=str)
def test_an_impossible_class_that_is_asked_for_costs_infinitely_much(options):
    for target in (1, [0.5, 0.5, 0]):
        loss, grad, _ = all_of([0.0, -np.inf, 0.0], target, **options)
        assert loss == np.inf
        assert np.isfinite(grad).all()


@pytest.mark.parametrize("options", SOME, ids=str)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_stay_in_their_row(options, bad):
    z = np.array([[1.0, 2.0, 3.0], [1.0, bad, 3.0], [-np.inf] * 3])
    for target in ([0, 0, 0], np.eye(3)[[0, 0, 0]]):
        for got in all_of(z, target, reduction="none", **options):
            assert np.isfinite(got[0]).all()
            assert np.isnan(got[1:]).all()


@pytest.mark.parametrize("options", SOME, ids=str)
def test_ignored_and_weightless_rows_may_hold_anything(options):
    z = np.array([[1.0, 2.0, 0.5], [np.nan, np.inf, 0]])
    options = options | {"weight": [1, 2, 0], "label_smoothing": 0.0}
    alone = all_of(z[:1], [1], **options)
    for target, more in (([1, -5], {"ignore_index": -5}), ([1, 2], {})):
        got = all_of(z, target, **options, **more)
        assert_array_equal(got[0], alone[0])
        for one, exact in zip(got[1:], alone[1:], strict=True):
            assert_array_equal(one, [exact[0], [0, 0, 0]])


@pytest.mark.parametrize("options", SOME, ids=str)
def test_nothing_to_average(options):
    cases = [
        ({"ignore_index": 7}, np.array([[1.0, np.nan]]), [7]),
        ({}, np.empty((0, 2)), np.empty(0, int)),
        ({"weight": [0, 1]}, np.array([[1.0, 2.0]]), [0]),
    ]
    for more, z, target in cases:
        more = options | more
        for empty, expected in (("nan", np.nan), ("zero", 0.0)):
            loss, grad, product = all_of(z, target, **more, empty=empty)
            assert_array_equal(loss, expected)
            assert_array_equal(grad, np.zeros_like(z))
            assert_array_equal(product, np.zeros_like(z))
        for function in (cross_entropy, cross_entropy_grad):
            with pytest.raises(DataError, match="a mean needs at least one row that counts"):
                function(z, target, **more, empty="raise")
    assert cross_entropy(np.empty((0, 2)), np.empty(0, int), normalizer=3, **options) == 0


def test_distributions_of_weightless_classes_have_an_empty_mean_in_row_weighting():
    z, q = [[1.0, 2.0, 3.0]], [[0.5, 0.5, 0.0]]
    assert np.isnan(cross_entropy(z, q, weight=[0, 0, 1], weighting="row"))
    assert cross_entropy(z, q, weight=[0, 0, 1]) == 0


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_extreme_temperatures(dtype):
    z = np.array([[1.0, 2.0, 3.0]], dtype)
    hot, grad = cross_entropy_grad(z, [0], temperature=1e30)
    assert hot == pytest.approx(np.log(3))
    assert_allclose(grad[0], np.array([-2, 1, 1]) / 3e30, rtol=1e-6)
    assert cross_entropy(z, [0], temperature=1e-3) == pytest.approx(2000)


# Errors.

BAD = [
    ({"axis": None}, ParameterError, "axis must be one integer, got None. Pass the axis"),
    ({"axis": (0, 1)}, ParameterError, "axis must be one integer, got (0, 1)"),
    ({"axis": 2}, ShapeError, "axis must lie in -2..1 (logits has 2 axes), got 2"),
    ({"axis": 0.5}, ParameterError, "axis must be an integer"),
    ({"weighting": "rows"}, ParameterError, "weighting must be one of 'class', 'row', got 'rows'."),
    ({"temperature": 0}, ParameterError, "temperature must be above 0 and finite, got 0."),
    ({"temperature": [1.0]}, ParameterError, "temperature must be a number, got [1.0]."),
    ({"softcap": 0}, ParameterError, "softcap must be above 0 and finite, got 0. Usual values"),
    ({"softcap": np.inf}, ParameterError, "softcap must be above 0 and finite, got inf."),
    ({"softcap": "30"}, ParameterError, "softcap must be a number, got '30'."),
    ({"z_loss": -1e-4}, ParameterError, "z_loss must be 0 or more, and finite, got -0.0001."),
    ({"z_loss": np.nan}, ParameterError, "z_loss must be 0 or more, and finite, got nan."),
    ({"focal_gamma": -1}, ParameterError, "focal_gamma must be 0 or more, and finite, got -1."),
    ({"focal_gamma": None}, ParameterError, "focal_gamma must be a number, got None."),
    ({"normalizer": 0.0}, ParameterError, "normalizer must be above 0 and finite, got 0.0."),
    ({"normalizer": 2, "reduction": "sum"}, ParameterError, "normalizer must be None for"),
    ({"empty": "keep"}, ParameterError, "empty must be one of 'nan', 'zero', 'raise', got 'keep'."),
    ({"ignore_index": [0]}, ParameterError, "ignore_index must be an integer or None, got [0]."),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD, ids=str)
@pytest.mark.parametrize("of", [cross_entropy, cross_entropy_grad, cross_entropy_hvp])
def test_impossible_options_are_told(of, options, error, message):
    arguments = [np.eye(2), [0, 1], np.eye(2)][: 3 if of is cross_entropy_hvp else 2]
    with pytest.raises(error) as raised:
        of(*arguments, **options)
    assert message in str(raised.value)
    assert isinstance(raised.value, LuceError)


def test_the_shapes_told_are_those_along_the_axis():
    with pytest.raises(ShapeError) as raised:
        cross_entropy(np.zeros((3, 4, 5)), np.zeros((3, 5, 4)), axis=1)
    assert "shape (3, 5), or a distribution for each row, shape (3, 4, 5)" in str(raised.value)
    assert "with the classes along axis 1" in str(raised.value)
    with pytest.raises(LabelError, match=r"labels must lie in 0\.\.3 .* got 4 at row \(2, 1\)"):
        cross_entropy(np.zeros((3, 4, 2)), [[0, 1], [2, 3], [0, 4]], axis=1)
    with pytest.raises(ShapeError, match=r"shape \(3, 0, 2\), with none along axis 1"):
        cross_entropy(np.zeros((3, 0, 2)), np.zeros((3, 2), int), axis=1)


def test_a_vector_has_the_shape_of_the_logits():
    with pytest.raises(ShapeError, match=r"shape of the logits, \(2, 3\), got \(3,\)"):
        cross_entropy_hvp(np.zeros((2, 3)), [0, 1], np.zeros(3))


def test_equals_the_formula_in_torch():
    torch = pytest.importorskip("torch")
    z, y, q, w, v = problem(n=9, k=6)
    theirs, weight = torch.tensor(z, requires_grad=True), torch.tensor(w)
    for target, hot in ((y, np.eye(6)[y]), (q, q)):
        capped = 8 * torch.tanh(theirs / 8) / 1.3
        log_p = torch.log_softmax(capped, -1)
        share = torch.tensor(hot) @ weight
        t = share[:, None] * (0.9 * torch.tensor(hot) + 0.1 / 6)
        loss = -(t * (1 - log_p.exp()) ** 1.5 * log_p).sum()
        loss = (loss + 0.01 * (share * torch.logsumexp(capped, -1) ** 2).sum()) / share.sum()
        (grad,) = torch.autograd.grad(loss, theirs, create_graph=True)
        (product,) = torch.autograd.grad((grad * torch.tensor(v)).sum(), theirs)
        got = all_of(z, target, v, weight=w, **EVERYTHING)
        for one, expected in zip(got, (loss, grad, product), strict=True):
            assert_allclose(one, expected.detach().numpy(), rtol=1e-11, atol=1e-14)
