import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from reference import row_losses

import luce
from luce.errors import DataError, LabelError, ParameterError, ShapeError
from luce.losses import (
    cross_entropy,
    cross_entropy_grad,
    distillation,
    distillation_grad,
    kl_divergence,
    kl_divergence_grad,
)

TEMPERATURES = (1.0, 3.7, 0.07)
DISTANCES = (1e-12, 1e-6, 1e-3, 0.1, 1.0, 10.0)
HARD = ("N(0,1) around 1e8", "introduction", "neighbours of 1", "subnormal logits", "two at 1000",
        "confident by 40", "N(0,30) of 1000", "results below the subnormal", "falling",
        "two winners and many that round up")  # fmt: skip


def close_pairs(dtype):
    """Students and teachers at all distances, with a common offset or without."""
    rng = np.random.default_rng(6)
    for distance in DISTANCES:
        for k, offset in ((2, 0.0), (10, 1e6), (40, 3.3)):
            z = rng.normal(0, 5, k)
            v = z + rng.normal(0, distance, k) + offset
            yield z.astype(dtype), v.astype(dtype)


# Accuracy: the bounds are read from the docstrings.


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_distillation_keeps_its_promise(temperature, dtype):
    for student, teacher in close_pairs(dtype):
        assert_distillation(student, teacher, temperature, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", HARD)
def test_distillation_keeps_its_promise_on_hard_rows(name, dtype):
    row = reference.hard_rows(dtype)[name][:100]
    nudged = np.nextafter(row, np.array(np.inf, dtype))
    nudged[1::2] = row[1::2]
    for student, teacher in ((row, nudged), (row, row[::-1]), (row, 0 * row), (0 * row, row)):
        assert_distillation(student, teacher, 1.0, dtype)


@pytest.mark.parametrize("temperature", [1e-200, 1e9, 1e40, 1e160, 1.7e308])
def test_distillation_keeps_its_promise_at_any_temperature(temperature):
    rng = np.random.default_rng(7)
    for k in (2, 9):
        for distance in (1.0, 1e-6):
            student = rng.normal(0, 1, k)
            teacher = student + rng.normal(0, distance, k)
            assert_distillation(student, teacher, temperature, "float64")


def assert_distillation(student, teacher, temperature, dtype):
    exact = row_losses.distillation(student, teacher, temperature)
    loss, grad = distillation_grad(student, teacher, temperature=temperature)
    assert loss == distillation(student, teacher, temperature=temperature)
    bound = reference.promised(distillation, dtype)
    reference.assert_close(bound, loss, [exact.loss], [exact.loss], dtype)
    bound = reference.promised(distillation_grad, dtype, of="gradient")
    reference.assert_close(bound, grad, exact.grad, exact.grad_unit, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_mixing_with_labels_keeps_the_promise(reduction, dtype):
    z, y, _, _ = reference.problem(dtype, n=12, k=6)
    v = reference.problem(dtype, n=24, k=6)[0][12:]
    y[::5] = -100
    alpha, T = 0.25, 2.0
    options = {"alpha": alpha, "temperature": T, "ignore_index": -100, "reduction": reduction}
    loss, grad = distillation_grad(z, v, y, **options)
    assert_array_equal(loss, distillation(z, v, y, **options))
    soft = [row_losses.distillation(a, b, T) for a, b in zip(z, v, strict=True)]
    plain = {"ignore_index": -100, "reduction": reduction}
    hard = reference.cross_entropy(z, y, **plain)
    hard_grad = reference.cross_entropy_grad(z, y, **plain)
    n = len(z) if reduction == "mean" else 1
    bound = reference.promised(distillation, dtype)
    with row_losses.mp.workdps(1000):
        exact = [alpha * one.loss / n for one in soft]
        if reduction == "none":
            exact = [a + (1 - alpha) * b for a, b in zip(exact, hard, strict=True)]
        else:
            exact, bound = [sum(exact) + (1 - alpha) * hard], 2 * bound
        pairs = [
            (alpha * a / n, (1 - alpha) * b, alpha * unit / n)
            for one, row in zip(soft, hard_grad, strict=True)
            for a, b, unit in zip(one.grad, row, one.grad_unit, strict=True)
        ]
        exact_grad = [a + b for a, b, _ in pairs]
        units = [unit + abs(b) for _, b, unit in pairs]
    reference.assert_within(bound, loss, exact, dtype)
    bound = reference.promised(distillation_grad, dtype, of="gradient")
    reference.assert_close(bound, grad, exact_grad, units, dtype)


def targets_near(p, dtype):
    rng = np.random.default_rng(2)
    for distance in (0.0, 1e-15, 1e-9, 1e-4, 0.1, 0.9):
        q = p * (1 + distance * rng.uniform(-1, 1, len(p)))
        yield (q / q.sum()).astype(dtype)
    yield rng.dirichlet(np.full(len(p), 0.1)).astype(dtype)
    yield np.eye(len(p), dtype=dtype)[len(p) // 2]
    yield np.full(len(p), 1 / len(p), dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_kl_divergence_keeps_its_promise(temperature, dtype):
    rng = np.random.default_rng(3)
    for k in (2, 40):
        z = rng.normal(0, 3, k).astype(dtype)
        for q in targets_near(luce.softmax(z.astype(np.float64), temperature=temperature), dtype):
            exact = row_losses.kl_divergence(z, q, temperature)
            loss, grad = kl_divergence_grad(z, q, temperature=temperature)
            assert loss == kl_divergence(z, q, temperature=temperature) >= 0
            unit = exact.unit if dtype == "float64" else max(exact.loss, 1e-7 * exact.unit)
            bound = reference.promised(kl_divergence, dtype)
            reference.assert_close(bound, loss, [exact.loss], [unit], dtype)
            bound = reference.promised(kl_divergence_grad, dtype, of="gradient")
            reference.assert_close(bound, grad, exact.grad, exact.grad_unit, dtype)


def test_a_one_hot_target_gives_the_cross_entropy():
    for row in ([0.0, -40.0], [3.0, 1.0, 2.0], [-700.0, 0.0], [0.0, -np.inf]):
        got, expected = kl_divergence_grad(row, np.eye(len(row))[0]), cross_entropy_grad(row, 0)
        assert_allclose(got.loss, expected.loss, rtol=1e-15)
        assert_allclose(got.grad, expected.grad, rtol=1e-15)


# What others return.


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_kl_divergence_equals_torch(reduction):
    torch = pytest.importorskip("torch")
    z, _, q, _ = reference.problem(n=20, k=6)
    theirs = torch.tensor(z, requires_grad=True)
    log_p = torch.log_softmax(theirs / 1.7, dim=1)
    terms = torch.nn.functional.kl_div(log_p, torch.tensor(q), reduction="none").sum(1)
    expected = {"none": terms, "sum": terms.sum(), "mean": terms.mean()}[reduction]
    expected.sum().backward()
    loss, grad = kl_divergence_grad(z, q, temperature=1.7, reduction=reduction)
    assert_allclose(loss, expected.detach().numpy(), rtol=1e-12)
    assert_allclose(grad, theirs.grad.numpy(), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("weight", [None, [0.0, 0.5, 1.0, 2.0, 3.0, 1.0]], ids=["equal", "weighed"])
def test_distillation_equals_torch(ignored, weight):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    z, y, _, _ = reference.problem(n=20, k=6)
    v = z[::-1].copy()
    if ignored:
        y[::3] = -100
    theirs, T, alpha = torch.tensor(z, requires_grad=True), 4.0, 0.7
    soft = functional.kl_div(
        torch.log_softmax(theirs / T, 1), torch.softmax(torch.tensor(v) / T, 1),
        reduction="batchmean",
    )  # fmt: skip
    w = None if weight is None else torch.tensor(weight, dtype=torch.float64)
    hard = functional.cross_entropy(theirs, torch.tensor(y), weight=w, ignore_index=-100)
    expected = alpha * T**2 * soft + (1 - alpha) * hard
    expected.backward()
    loss, grad = distillation_grad(
        z, v, y, temperature=T, alpha=alpha, weight=weight, ignore_index=-100
    )
    assert_allclose(loss, expected.item(), rtol=1e-12)
    assert_allclose(grad, theirs.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_equals_scipys_relative_entropy():
    from scipy.special import rel_entr

    z, _, q, _ = reference.problem(n=20, k=6)
    assert_allclose(
        kl_divergence(z, q, reduction="none"), rel_entr(q, luce.softmax(z)).sum(1), rtol=1e-12
    )


# Laws.


@given(reference.tables(), st.floats(0.05, 20))
def test_the_divergence_from_itself_is_zero(table, temperature):
    loss, grad = distillation_grad(table, table, temperature=temperature, reduction="sum")
    assert loss == 0
    assert_array_equal(grad, 0)
    q = luce.softmax(table, temperature=temperature)
    got = kl_divergence(table, q, temperature=temperature, reduction="none")
    assert ((got >= 0) & (got <= 1e-30)).all()


@given(reference.tables(), reference.tables(), st.floats(0.1, 10))
def test_no_divergence_is_negative_and_a_teacher_is_its_softmax(one, other, temperature):
    k = min(one.shape[1], other.shape[1])
    z, v = one[:1, :k], other[:1, :k]
    taught = distillation_grad(z, v, temperature=temperature)
    assert taught.loss >= 0
    q = luce.softmax(v, temperature=temperature)
    kl = kl_divergence_grad(z, q, temperature=temperature)
    assert_allclose(taught.loss, temperature**2 * kl.loss, rtol=1e-9, atol=1e-12)
    assert_allclose(taught.grad, temperature**2 * kl.grad, rtol=1e-9, atol=1e-12)
    assert_allclose(taught.grad.sum(axis=1), 0, atol=1e-13 * temperature)


def test_a_constant_added_to_either_changes_nothing():
    z = np.random.default_rng(0).integers(-8, 8, (9, 5)) / 4
    still = distillation_grad(z, z[::-1], temperature=3.0, reduction="none")
    moved = distillation_grad(z + 2.0**40, z[::-1] - 2.0**41, temperature=3.0, reduction="none")
    assert_allclose(moved.loss, still.loss, rtol=1e-15)
    assert_allclose(moved.grad, still.grad, rtol=1e-13, atol=1e-17)


def test_the_divergence_is_the_cross_entropy_less_the_entropy():
    z, _, q, _ = reference.problem(n=9)
    entropy = -(q * np.log(q)).sum(axis=1)
    expected = cross_entropy(z, q, reduction="none") - entropy
    assert_allclose(kl_divergence(z, q, reduction="none"), expected, rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_gradients_are_those_of_finite_differences(alpha):
    z, y, q, _ = reference.problem(n=3, k=3, spread=1.5)
    v = z[::-1]
    taught = {"alpha": alpha, "temperature": 2.5}
    grad = distillation_grad(z, v, y, **taught).grad
    grad_kl, step = kl_divergence_grad(z, q, temperature=2.5).grad, 1e-6
    for place in np.ndindex(z.shape):
        nudge = np.zeros_like(z)
        nudge[place] = step
        rise = distillation(z + nudge, v, y, **taught) - distillation(z - nudge, v, y, **taught)
        assert_allclose(rise / (2 * step), grad[place], atol=1e-8)
        up, down = (kl_divergence(z + s * nudge, q, temperature=2.5) for s in (1, -1))
        assert_allclose((up - down) / (2 * step), grad_kl[place], atol=1e-8)


def test_without_the_teacher_it_is_the_cross_entropy():
    z, y, _, _ = reference.problem()
    got = distillation_grad(z, np.full_like(z, np.nan), y, alpha=0.0, temperature=3.0)
    expected = cross_entropy_grad(z, y)
    assert got.loss == expected.loss
    assert_array_equal(got.grad, expected.grad)


def test_a_row_has_the_same_bits_alone_in_a_batch_and_along_any_axis():
    z, y, q, _ = reference.problem(n=300, k=500)
    v = z[::-1].copy()
    calls = (
        (lambda s, **o: distillation_grad(z[s], v[s], y[s], alpha=0.5, temperature=2.0, **o)),
        (lambda s, **o: kl_divergence_grad(z[s], q[s], temperature=2.0, **o)),
    )
    for call in calls:
        batch = call(slice(None), reduction="none")
        for i in range(0, 300, 59):
            alone = call(i)
            assert alone.loss == batch.loss[i]
            assert_array_equal(alone.grad, batch.grad[i])
    turned = kl_divergence_grad(z.T, q.T, axis=0, temperature=2.0, reduction="none")
    assert_array_equal(turned.loss, batch.loss)
    assert_array_equal(turned.grad.T, batch.grad)


# Edge values.


def test_a_target_of_zero_counts_nothing_whatever_the_logit():
    for bad in (-np.inf, -1e300, 5.0):
        got = kl_divergence_grad([0.0, bad, 0.0], [0.5, 0.0, 0.5])
        assert np.isfinite(got.loss)
    got = kl_divergence_grad([0.0, -np.inf, 0.0], [0.5, 0.0, 0.5])
    assert got.loss == 0
    assert_array_equal(got.grad, 0)


def test_an_impossible_class_that_is_asked_for_costs_infinitely_much():
    for got in (
        kl_divergence_grad([0.0, -np.inf], [0.5, 0.5]),
        distillation_grad([0.0, -np.inf], [0.0, 0.0]),
        distillation_grad([0.0, -np.inf], [0.0, -800.0]),
    ):
        assert got.loss == np.inf
        assert np.isfinite(got.grad).all()
        assert abs(got.grad.sum()) < 1e-15


def test_impossible_classes_of_teacher_and_student():
    expected = distillation_grad([0.3, 0.1], [1.0, 0.0], temperature=2.0)
    got = distillation_grad([0.3, -np.inf, 0.1], [1.0, -np.inf, 0.0], temperature=2.0)
    assert_allclose(got.loss, expected.loss, rtol=1e-14)
    assert_allclose(got.grad[[0, 2]], expected.grad, rtol=1e-14)
    assert got.grad[1] == 0
    got = distillation_grad([0.0, 0.0], [0.0, -np.inf])
    assert_allclose(got.loss, np.log(2), rtol=1e-15)
    assert_allclose(got.grad, [-0.5, 0.5], rtol=1e-15)


@pytest.mark.parametrize("bad", [[np.nan, 0.0], [np.inf, 0.0], [-np.inf, -np.inf]])
def test_nan_and_infinity_stay_in_their_row(bad):
    good = [0.5, 1.0]
    for z, v in (([good, bad], [good, good]), ([good, good], [good, bad]), ([good, bad],) * 2):
        loss, grad = distillation_grad(z, v, reduction="none")
        assert_array_equal(loss, [0, np.nan])
        assert_array_equal(grad, [[0, 0], [np.nan, np.nan]])
    loss, grad = kl_divergence_grad([good, bad], [[0.5, 0.5]] * 2, reduction="none")
    assert_array_equal(np.isnan(loss), [False, True])
    assert_array_equal(np.isnan(grad).all(axis=1), [False, True])


def test_nothing_to_average():
    z, y = np.zeros((2, 3)), [-1, -1]
    none = np.empty((0, 3))
    assert np.isnan(kl_divergence(none, none))
    assert kl_divergence(none, none, empty="zero") == 0
    assert np.isnan(distillation(none, none))
    assert distillation_grad(none, none, reduction="none").grad.shape == (0, 3)
    options = {"alpha": 0.5, "ignore_index": -1}
    assert np.isnan(distillation(z, z, y, **options))
    assert distillation(z, z, y, **options, empty="zero") == 0
    assert distillation(z, z, y, **options, reduction="sum") == 0
    assert_array_equal(distillation_grad(z, z, y, **options).grad, 0)
    with pytest.raises(DataError, match="a mean needs at least one row"):
        distillation(z, z, y, **options, empty="raise")
    v = np.array([[0, 1, 2], [3, 0, 0]])
    total = distillation(z, v, reduction="sum")
    assert_allclose(distillation(z, v, normalizer=8), total / 8, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, ">f4"])
def test_types(dtype):
    z = np.array([[-128, 127], [3, 1]]).astype(dtype)
    loss, grad = distillation_grad(z, z[:, ::-1].astype(np.float64), reduction="none")
    assert_allclose(loss, [255, 2 * np.tanh(1)], rtol=1e-14)
    expected = np.float64 if dtype == np.int8 else np.dtype(dtype).newbyteorder("=")
    assert grad.dtype == expected
    assert kl_divergence_grad(z, [[0, 1], [0.5, 0.5]]).grad.dtype == expected


ONE = [[1.0, 2.0]]
BAD = [
    (distillation, (ONE, ONE), {"alpha": 0.5}, ParameterError, "alpha must be 1 without labels"),
    (distillation, (ONE, ONE, [0]), {"alpha": 1.5}, ParameterError, "alpha must be finite and at"),
    (distillation, (ONE, ONE, [0]), {"alpha": np.nan}, ParameterError, "at most 1, got nan"),
    (distillation, (ONE, [1.0, 2.0]), {}, ShapeError, "teacher_logits must have the shape of the"),
    (distillation, (ONE, ONE, [2]), {}, LabelError, "got 2 at row 0"),
    (distillation, (ONE, ONE), {"temperature": 0}, ParameterError, "temperature must be above 0"),
    (distillation, (ONE, ONE), {"ignore_index": 0.5}, ParameterError, "ignore_index must be an"),
    (kl_divergence, (ONE, [[0.5, 0.4]]), {}, LabelError, "must sum to 1 in each row"),
    (kl_divergence, (ONE, [0]), {}, ShapeError, "target must hold"),
    (kl_divergence, (ONE, [[0, 1]]), {"normalizer": -1}, ParameterError, "normalizer must be"),
    (kl_divergence, (ONE, [[0, 1]]), {"axis": None}, ParameterError, "axis must be one integer"),
]
GRADIENTS = {distillation: distillation_grad, kl_divergence: kl_divergence_grad}


@pytest.mark.parametrize(("function", "arguments", "options", "error", "message"), BAD)
def test_bad_arguments(function, arguments, options, error, message):
    for one in (function, GRADIENTS[function]):
        with pytest.raises(error) as raised:
            one(*arguments, **options)
        assert message in str(raised.value)
