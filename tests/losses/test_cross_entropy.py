import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.losses import LossGrad, cross_entropy, cross_entropy_grad

NAMES = sorted(reference.hard_rows("float64"))
REDUCTIONS = ("none", "sum", "mean")
OPTIONS = [
    {},
    {"weight": True},
    {"label_smoothing": 0.1},
    {"ignore_index": 1},
    {"weight": True, "label_smoothing": 0.3},
    {"weight": True, "label_smoothing": 0.1, "ignore_index": 1},
]


def with_weight(options, weight):
    return {**options, "weight": weight if options.get("weight") else None}


# Accuracy: the bounds are read from the docstrings.


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradient_keep_their_promise(name, dtype):
    row = reference.hard_rows(dtype)[name]
    order = np.argsort(row)
    for label in {order[-1], order[0], *order[len(row) // 2 :][: len(row) < 300]}:
        if row[label] == -np.inf:
            continue
        loss, grad = cross_entropy_grad(row, label)
        assert_array_equal(grad[row == -np.inf], 0)
        t = [int(i == label) for i in np.flatnonzero(row > -np.inf)]
        possible = row[row > -np.inf]
        exact = reference.row_loss(possible, t)
        if exact <= np.finfo(dtype).max:
            bound = reference.promised(cross_entropy, dtype)
            reference.assert_within(bound, loss, [exact], dtype)
        bound = reference.promised(cross_entropy_grad, dtype, of="gradient")
        exact = reference.row_gradient(possible, t)
        reference.assert_within(bound, grad[row > -np.inf], exact, dtype)


@pytest.mark.parametrize(
    ("dtype", "n"),
    [
        ("float32", 100_000),
        ("float32", 1_000_000),
        pytest.param("float64", 1_000_000, marks=pytest.mark.slow),
        pytest.param("float32", 10_000_000, marks=pytest.mark.slow),
    ],
)
def test_long_rows_keep_their_promise(dtype, n):
    row, values, which = reference.long_row(dtype, n, levels=200)
    counts = np.bincount(which, minlength=len(values))
    first = np.unique(which, return_index=True)[1]  # where each level stands first
    p = reference.softmax(values, counts=counts)
    for label in (row.argmax(), row.argmin()):
        loss, grad = cross_entropy_grad(row, label)
        exact = [-reference.log_softmax(values, counts=counts)[which[label]]]
        reference.assert_within(reference.promised(cross_entropy, dtype), loss, exact, dtype)
        bound = reference.promised(cross_entropy_grad, dtype, of="gradient")
        reference.assert_within(bound, grad[label], [p[which[label]] - 1], dtype)
        places = [i for i in first if i != label]
        reference.assert_within(bound, grad[places], [p[which[i]] for i in places], dtype)


@pytest.mark.parametrize("k", [2, 10, 100])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_float32_gradient_keeps_its_promise_on_a_million_logits(reduction, k):
    """The exact values are float64 here: their own error is 1e-8 ULP of float32."""
    n = 1_000_000 // k
    rng = np.random.default_rng(k)
    z = (rng.normal(0, 1, (n, k)) * rng.choice([1, 5, 20], (n, 1))).astype(np.float32)
    y = z.argmin(axis=1)  # never the winner, whose 1 - p would cancel in float64
    odds = np.exp(z.astype(np.float64) - z.max(axis=1, keepdims=True))
    exact = odds / odds.sum(axis=1, keepdims=True) - np.eye(k)[y]
    exact /= n if reduction == "mean" else 1
    got = cross_entropy_grad(z, y, reduction=reduction).grad
    bound = reference.promised(cross_entropy_grad, "float32", of="gradient")
    assert reference.ulp_errors_float32(got, exact).max() <= bound


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", OPTIONS)
def test_options_keep_the_promise(options, reduction, dtype):
    z, y, _, w = reference.problem(dtype, n=60, k=11, spread=9)
    options = with_weight(options, w) | {"reduction": reduction}
    loss, grad = cross_entropy_grad(z, y, **options)
    assert_array_equal(cross_entropy(z, y, **options), loss)
    exact = reference.cross_entropy(z, y, **options)
    bound = reference.promised(cross_entropy, dtype)
    if reduction == "none":
        reference.assert_within(bound, loss, exact, dtype)
    else:
        reference.assert_within(2 * bound, loss, [exact], dtype)
    exact = reference.cross_entropy_grad(z, y, **options)
    bound = reference.promised(cross_entropy_grad, dtype, of="gradient")
    if options.get("label_smoothing"):
        assert_gradient(bound, grad, exact, z, y, options)
    else:
        reference.assert_within(bound, grad, [one for row in exact for one in row], dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", [o for o in OPTIONS if "ignore_index" not in o])
def test_distributions_keep_the_promise(options, reduction, dtype):
    z, _, q, w = reference.problem(dtype, n=60, k=11, spread=9)
    q[:5] = np.eye(11)[:5]
    options = with_weight(options, w) | {"reduction": reduction}
    loss, grad = cross_entropy_grad(z, q, **options)
    assert_array_equal(cross_entropy(z, q, **options), loss)
    exact = reference.cross_entropy(z, q, **options)
    bound = reference.promised(cross_entropy, dtype) * (1 if reduction == "none" else 2)
    reference.assert_within(bound, loss, exact if reduction == "none" else [exact], dtype)
    exact = reference.cross_entropy_grad(z, q, **options)
    bound = reference.promised(cross_entropy_grad, dtype, of="gradient")
    assert_gradient(bound, grad, exact, z, q, options)


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_smoothing_over_many_classes_keeps_the_promise(dtype):
    z, y, _, w = reference.problem(dtype, n=1, k=5_000)
    for weight in (None, w):
        options = {"label_smoothing": 0.1, "weight": weight, "reduction": "sum"}
        exact = reference.cross_entropy(z, y, **options)
        bound = reference.promised(cross_entropy, dtype)
        reference.assert_within(2 * bound, cross_entropy(z, y, **options), [exact], dtype)


def assert_gradient(bound, grad, exact, z, target, options):
    """Raise unless the error is within the bound in units of what may cancel."""
    scale = reference.gradient_scale(z, target, **options)
    for row, exact_row, scale_row in zip(grad, exact, scale, strict=True):
        for got, value, size in zip(row, exact_row, scale_row, strict=True):
            assert abs(float(got) - value) <= bound * reference.spacing(size, z.dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_the_confident_class_keeps_its_loss_and_its_gradient(dtype):
    loss, grad = cross_entropy_grad(np.array([0, -40], dtype), 0)
    assert loss == pytest.approx(4.248354255291589e-18, rel=1e-7)
    assert grad[0] == -grad[1] != 0


# What PyTorch 2.13 returns in float64: (target, weighted, smoothing, ignore_index, reduction,
# loss, gradient in the second logit of the fourth row).

Z = [[2, 1, 0.1, -1], [0.5, -0.25, 3, 0], [1, 1, 1, 1], [-4, 2.5, 0, 6], [10, -10, 0, 5]]
LABELS = [0, 2, 3, 1, 1]
DISTRIBUTIONS = [
    [1, 0, 0, 0],
    [0.1, 0.2, 0.3, 0.4],
    [0.25, 0.25, 0.25, 0.25],
    [0, 0.5, 0.5, 0],
    [0.7, 0.1, 0.1, 0.1],
]
WEIGHT = [0.5, 2.0, 1.0, 3.0]
TORCH = [
    ("labels", False, 0.0, None, "sum", 25.532121362140547, -0.9707594134687454),
    ("labels", False, 0.0, None, "mean", 5.106424272428109, -0.19415188269374908),
    ("labels", False, 0.0, 1, "sum", 1.9931633314528527, 0.0),
    ("labels", False, 0.0, 1, "mean", 0.6643877771509509, 0.0),
    ("labels", False, 0.1, None, "sum", 24.910871362140547, -0.8957594134687454),
    ("labels", False, 0.1, None, "mean", 4.982174272428109, -0.17915188269374907),
    ("labels", False, 0.1, 1, "sum", 2.3594133314528527, 0.0),
    ("labels", False, 0.1, 1, "mean", 0.7864711104842842, 0.0),
    ("labels", True, 0.0, None, "sum", 51.619011613877845, -1.9415188269374908),
    ("labels", True, 0.0, None, "mean", 6.072824895750335, -0.22841397963970478),
    ("labels", True, 0.0, 1, "sum", 4.541095552502457, 0.0),
    ("labels", True, 0.0, 1, "mean", 1.0091323450005458, 0.0),
    ("labels", True, 0.1, None, "sum", 49.603580173837905, -1.7926153489324128),
    ("labels", True, 0.1, None, "mean", 5.835715314569165, -0.21089592340381327),
    ("labels", True, 0.1, 1, "sum", 5.1521250386133, 0.0),
    ("labels", True, 0.1, 1, "mean", 1.1449166752474, 0.0),
    ("distributions", False, 0.0, None, "sum", 12.382121362140547, -0.4707594134687454),
    ("distributions", False, 0.0, None, "mean", 2.476424272428109, -0.09415188269374908),
    ("distributions", False, 0.1, None, "sum", 13.075871362140548, -0.44575941346874537),
    ("distributions", False, 0.1, None, "mean", 2.6151742724281095, -0.08915188269374909),
    ("distributions", True, 0.0, None, "sum", 20.86433777647221, -0.9561391202031181),
    ("distributions", True, 0.0, None, "mean", 4.1728675552944425, -0.1912278240406236),
    ("distributions", True, 0.1, None, "sum", 21.924373720172834, -0.9057736128714774),
    ("distributions", True, 0.1, None, "mean", 4.384874744034567, -0.1811547225742955),
]


@pytest.mark.parametrize(
    ("target", "weighted", "smoothing", "ignored", "reduction", "loss", "grad"), TORCH
)
def test_equals_pytorch(target, weighted, smoothing, ignored, reduction, loss, grad):
    got = cross_entropy_grad(
        Z,
        LABELS if target == "labels" else DISTRIBUTIONS,
        weight=WEIGHT if weighted else None,
        label_smoothing=smoothing,
        ignore_index=ignored,
        reduction=reduction,
    )
    assert_allclose(got.loss, loss, rtol=1e-14)
    assert_allclose(got.grad[3, 1], grad, rtol=1e-12)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_equals_the_installed_pytorch(options, reduction, soft, dtype):
    torch = pytest.importorskip("torch")
    if soft and "ignore_index" in options:
        return
    z, y, q, w = reference.problem(dtype, n=50, k=6)
    target = q.astype(dtype) if soft else y
    theirs = torch.tensor(z, requires_grad=True)
    weight = torch.tensor(w.astype(dtype)) if options.get("weight") else None
    torch_options = {**options, "weight": weight, "reduction": reduction}
    expected = torch.nn.functional.cross_entropy(theirs, torch.tensor(target), **torch_options)
    expected.sum().backward()
    loss, grad = cross_entropy_grad(z, target, **with_weight(options, w), reduction=reduction)
    rtol = 1e-5 if dtype == "float32" else 1e-13
    assert_allclose(loss, expected.detach().numpy(), rtol=rtol)
    assert_allclose(grad, theirs.grad.numpy(), rtol=100 * rtol, atol=rtol)


# Laws.


@given(reference.tables(), st.data())
def test_labels_one_hot_rows_and_distributions_agree(table, data):
    n, k = table.shape
    y = np.array(data.draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)))
    one_hot = np.eye(k)[y]
    for reduction in REDUCTIONS:
        labels = cross_entropy_grad(table, y, reduction=reduction)
        for target in (one_hot, one_hot.astype(int), one_hot.astype(bool), one_hot.tolist()):
            rows = cross_entropy_grad(table, target, reduction=reduction)
            assert_allclose(rows.loss, labels.loss, rtol=1e-14)
            assert_allclose(rows.grad, labels.grad, rtol=1e-14)


@given(reference.tables(), st.data())
def test_the_loss_is_minus_the_log_softmax_at_the_label(table, data):
    y = data.draw(st.integers(0, table.shape[1] - 1))
    got = cross_entropy(table, np.full(len(table), y), reduction="none")
    assert_allclose(got, -luce.log_softmax(table)[:, y], rtol=1e-14)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("soft", [False, True])
def test_the_gradient_is_that_of_finite_differences(options, reduction, soft):
    if soft and "ignore_index" in options:
        return
    z, y, q, w = reference.problem(n=4, k=3, spread=1.5)
    target, options = q if soft else y, with_weight(options, w) | {"reduction": reduction}
    grad, step = cross_entropy_grad(z, target, **options).grad, 1e-6
    for place in np.ndindex(z.shape):
        nudge = np.zeros_like(z)
        nudge[place] = step
        rise = np.subtract(
            cross_entropy(z + nudge, target, **options), cross_entropy(z - nudge, target, **options)
        )
        assert_allclose(rise.sum() / (2 * step), grad[place], atol=1e-8)


@given(reference.tables(), st.floats(0, 0.9), st.data())
def test_the_gradient_of_each_row_sums_to_zero(table, smoothing, data):
    y = np.array([data.draw(st.integers(0, table.shape[1] - 1)) for _ in table])
    grad = cross_entropy_grad(table, y, label_smoothing=smoothing, reduction="sum").grad
    assert_allclose(grad.sum(axis=1), 0, atol=1e-15 * table.shape[1])


@pytest.mark.parametrize("gap", [15, 17, 20, 40, 80])
def test_the_gradient_sums_to_zero_relative_to_its_size_for_a_confident_row(gap):
    row = np.array([0, -gap, -gap - 1, -np.inf], np.float32)
    grad = cross_entropy_grad(row, 0).grad.astype(np.float64)
    assert abs(grad.sum()) <= 4e-7 * -grad[0] != 0


@given(reference.tables(), st.integers(-(10**6), 10**6), st.data())
def test_adding_a_constant_to_a_row_changes_nothing(table, shift, data):
    table = table.round()
    y = np.array([data.draw(st.integers(0, table.shape[1] - 1)) for _ in table])
    moved, still = cross_entropy_grad(table + shift, y), cross_entropy_grad(table, y)
    assert_array_equal(moved.loss, still.loss)
    assert_array_equal(moved.grad, still.grad)


def test_smoothing_is_mixing_the_target_with_the_uniform_distribution():
    z, y, q, _ = reference.problem()
    for target, rows in ((y, np.eye(5)[y]), (q, q)):
        smooth = cross_entropy_grad(z, target, label_smoothing=0.2)
        mixed = cross_entropy_grad(z, 0.8 * rows + 0.2 / 5)
        assert_allclose(smooth.loss, mixed.loss, rtol=1e-14)
        assert_allclose(smooth.grad, mixed.grad, rtol=1e-12)


def test_the_mean_is_weighted_for_labels_and_plain_for_distributions():
    """The difference is PyTorch's: it divides by the weights of the labels, or by the rows."""
    z, y, _, w = reference.problem()
    total = cross_entropy(z, y, weight=w, reduction="sum")
    assert_allclose(cross_entropy(z, y, weight=w), total / w[y].sum(), rtol=1e-15)
    assert_allclose(cross_entropy(z, np.eye(5)[y], weight=w), total / len(y), rtol=1e-15)
    assert_allclose(cross_entropy(z, y, weight=7 * w), cross_entropy(z, y, weight=w), rtol=1e-14)


def test_ignored_rows_might_as_well_be_left_out():
    z, y, _, w = reference.problem()
    for options in ({}, {"weight": w}, {"label_smoothing": 0.1}):
        for reduction in ("sum", "mean"):
            options["reduction"] = reduction
            got = cross_entropy_grad(z, np.where(y == 2, -100, y), ignore_index=-100, **options)
            kept = cross_entropy_grad(z[y != 2], y[y != 2], **options)
            assert_allclose(got.loss, kept.loss, rtol=1e-15)
            assert_array_equal(got.grad[y != 2], kept.grad)
            assert_array_equal(got.grad[y == 2], 0)


@pytest.mark.parametrize("leading", [(), (1,), (6,), (2, 3), (2, 1, 3), (0,), (2, 0)])
@pytest.mark.parametrize("soft", [False, True])
def test_any_leading_axes(leading, soft):
    n = int(np.prod(leading))
    z, y, q, w = reference.problem(n=n)
    flat = q if soft else y
    shaped = q.reshape(*leading, 5) if soft else y.reshape(leading)
    for reduction in ("none", "sum"):
        options = {"weight": w, "label_smoothing": 0.1, "reduction": reduction}
        got = cross_entropy_grad(z.reshape(*leading, 5), shaped, **options)
        expected = cross_entropy_grad(z, flat, **options)
        assert np.shape(got.loss) == (leading if reduction == "none" else ())
        assert_array_equal(np.ravel(got.loss), np.ravel(expected.loss))
        assert_array_equal(got.grad, expected.grad.reshape(*leading, 5))


@given(reference.tables(rows=40, size=20), st.data())
def test_a_row_has_the_same_bits_alone_and_in_a_batch(table, data):
    y = np.array([data.draw(st.integers(0, table.shape[1] - 1)) for _ in table])
    batch = cross_entropy_grad(table, y, reduction="none")
    for i in range(len(table)):
        alone = cross_entropy_grad(table[i], y[i])
        assert alone.loss == batch.loss[i]
        assert_array_equal(alone.grad, batch.grad[i])


# Types.


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("soft", [False, True])
def test_the_loss_is_float64_and_the_gradient_has_the_dtype_of_the_logits(dtype, reduction, soft):
    z, y, q, _ = reference.problem(dtype)
    got = cross_entropy_grad(z, q if soft else y, reduction=reduction)
    assert isinstance(got, LossGrad)
    assert got.loss.dtype == np.float64
    assert isinstance(got.loss, np.ndarray if reduction == "none" else np.float64)
    assert got.grad.dtype == dtype


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", "f4"])
def test_labels_of_any_integer_type(dtype):
    z, y, _, _ = reference.problem()
    assert_array_equal(cross_entropy(z, y.astype(dtype)), cross_entropy(z, y))
    marked = np.where(y == 2, 100, y).astype(dtype)
    expected = cross_entropy(z[y != 2], y[y != 2])
    assert_allclose(cross_entropy(z, marked, ignore_index=100), expected, rtol=1e-15)


def test_other_label_types():
    z, y, _, _ = reference.problem(k=2)
    assert_array_equal(cross_entropy(z, y.astype(bool)), cross_entropy(z, y))
    assert_array_equal(cross_entropy(z, y.tolist()), cross_entropy(z, y))
    assert_array_equal(cross_entropy(z[0], np.int64(1)), cross_entropy(z[:1], [1]))
    marked = np.where(y == 1, 255, y).astype(np.uint8)
    assert cross_entropy(z, marked, ignore_index=-1 % 256) == cross_entropy(z[y == 0], y[y == 0])
    assert cross_entropy(z, y.astype(np.uint8), ignore_index=-100) == cross_entropy(z, y)


def test_integer_logits_do_not_wrap():
    got = cross_entropy_grad(np.array([[-128, 127]], np.int8), [0])
    assert got.loss == pytest.approx(255)
    assert got.grad.dtype == np.float64


def test_arguments_are_left_alone_and_may_have_any_layout():
    z, y, q, w = reference.problem()
    expected = cross_entropy_grad(z, y, weight=w), cross_entropy_grad(z, q, weight=w)
    wide = np.asfortranarray(np.repeat(z, 2, axis=0))[::2]
    frozen = [one.copy() for one in (wide, y, q, w)]
    for one in (wide, y, q, w):
        one.flags.writeable = False
    for got, target in zip(expected, (y, q), strict=True):
        again = cross_entropy_grad(wide, target, weight=w)
        assert_array_equal(again.loss, got.loss)
        assert_array_equal(again.grad, got.grad)
    for one, copy in zip((wide, y, q, w), frozen, strict=True):
        assert_array_equal(one, copy)
