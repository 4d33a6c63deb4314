import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from reference import row_losses

from luce.errors import DataError, DtypeError, LabelError, ParameterError, ShapeError
from luce.losses import contrastive, contrastive_grad, info_nce, info_nce_grad

# Contrastive.


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0, 7.5])
def test_contrastive_keeps_its_promise(margin, dtype):
    rng = np.random.default_rng(1)
    eps = np.finfo(dtype).eps
    d = np.concatenate([rng.exponential(1, 60), 10.0 ** rng.uniform(-15, 6, 60), [0, 1, 1 - eps]])
    d, same = d.astype(dtype), rng.random(len(d)) < 0.5
    pairs = [row_losses.contrastive(*one, margin) for one in zip(d, same, strict=True)]
    for reduction, divisor in (("none", 1), ("sum", 1), ("mean", len(d))):
        loss, grad = contrastive_grad(d, same, margin=margin, reduction=reduction)
        assert_array_equal(loss, contrastive(d, same, margin=margin, reduction=reduction))
        bound = reference.promised(contrastive, dtype)
        exact = [one.loss / divisor for one in pairs]
        if reduction != "none":
            exact, bound = [sum(exact)], 2 * bound
        reference.assert_within(bound, loss, exact, dtype)
        bound = reference.promised(contrastive_grad, dtype, of="gradient")
        reference.assert_within(bound, grad, [one.grad[0] / divisor for one in pairs], dtype)


@given(st.lists(st.floats(0, 9), min_size=1, max_size=9), st.floats(0, 5))
def test_the_gradient_of_contrastive_is_that_of_finite_differences(distances, margin):
    d = np.array(distances) + 1e-3
    for same in (True, False):
        grad = contrastive_grad(d, np.full(d.shape, same), margin=margin, reduction="sum").grad
        up, down = (
            contrastive(d + h, np.full(d.shape, same), margin=margin, reduction="sum")
            for h in (1e-5, -1e-5)
        )
        assert_allclose(grad.sum(), (up - down) / 2e-5, atol=1e-4)


def test_any_shape_and_type_of_distances():
    d = np.array([[0.5, 0.25, 2.0], [0.0, 1.0, 3.0]])
    same = np.array([[1, 0, 0], [1, 1, 0]])
    expected = [[0.125, 0.28125, 0], [0, 0.5, 0]]
    for dtype in (np.float16, np.float32, ">f4"):
        loss, grad = contrastive_grad(d.astype(dtype), same, reduction="none")
        assert_array_equal(loss, expected)
        assert_array_equal(grad, [[0.5, -0.75, 0], [0, 1, 0]])
        assert grad.dtype == np.dtype(dtype).newbyteorder("=")
        assert not np.signbit(grad[0, 2])
    assert contrastive_grad(0.5, True).grad.shape == ()
    assert contrastive(0.5, True) == 0.125
    assert contrastive([1, 2], [False, True]) == 1.0
    turned = contrastive_grad(d.T, same.T, reduction="sum")
    assert_array_equal(turned.grad.T, contrastive_grad(d, same, reduction="sum").grad)


def test_infinite_distances_and_none():
    loss, grad = contrastive_grad([np.inf, np.inf, np.nan], [1, 0, 0], reduction="none")
    assert_array_equal(loss, [np.inf, 0, np.nan])
    assert_array_equal(grad, [np.inf, 0, np.nan])
    assert np.isnan(contrastive([], []))
    assert contrastive([], [], empty="zero") == 0
    assert contrastive_grad([], [], reduction="none").grad.shape == (0,)


# InfoNCE.


def similarities(dtype="float64", *, n=6, m=None):
    return np.random.default_rng(9).uniform(-1, 1, (n, m or n)).astype(dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", [0.07, 0.5, 1 / 128, 3.0])
def test_info_nce_keeps_its_promise(temperature, dtype):
    table, y = similarities(dtype, n=12, m=17), np.arange(12)
    labels = (3 * y) % 17
    bound = reference.promised(info_nce, dtype)
    bound_grad = reference.promised(info_nce_grad, dtype, of="gradient")
    for given_labels, used in ((None, y), (labels, labels)):
        losses, grads = row_losses.info_nce(table, used, temperature)
        for reduction, divisor in (("none", 1), ("sum", 1), ("mean", 12)):
            options = {"temperature": temperature, "reduction": reduction}
            loss, grad = info_nce_grad(table, given_labels, **options)
            assert_array_equal(loss, info_nce(table, given_labels, **options))
            many = 1 if reduction == "none" else 2
            exact = losses if reduction == "none" else [sum(losses) / divisor]
            reference.assert_within(many * bound, loss, exact, dtype)
            exact = [g / divisor for row in grads for g in row]
            reference.assert_within(bound_grad, grad, exact, dtype)


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_symmetric_info_nce_keeps_its_promise(temperature, dtype):
    table, y = similarities(dtype, n=9), np.arange(9)
    losses, grads = row_losses.info_nce(table, y, temperature)
    turned, turned_grads = row_losses.info_nce(table.T, y, temperature)
    options = {"temperature": temperature, "symmetric": True, "reduction": "none"}
    loss, grad = info_nce_grad(table, **options)
    assert_array_equal(loss, info_nce(table, **options))
    exact = [(a + b) / 2 for a, b in zip(losses, turned, strict=True)]
    reference.assert_within(reference.promised(info_nce, dtype), loss, exact, dtype)
    exact = [(grads[i][j] + turned_grads[j][i]) / 2 for i in range(9) for j in range(9)]
    bound = reference.promised(info_nce_grad, dtype, of="gradient")
    reference.assert_within(bound, grad, exact, dtype)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_info_nce_equals_torch(symmetric, reduction):
    torch = pytest.importorskip("torch")
    table = similarities(n=8)
    theirs = torch.tensor(table, requires_grad=True)
    y, entropy = torch.arange(8), torch.nn.functional.cross_entropy
    expected = entropy(theirs / 0.07, y, reduction=reduction)
    if symmetric:
        expected = (expected + entropy(theirs.T / 0.07, y, reduction=reduction)) / 2
    expected.backward()
    loss, grad = info_nce_grad(table, symmetric=symmetric, reduction=reduction)
    assert_allclose(loss, expected.item(), rtol=1e-13)
    assert_allclose(grad, theirs.grad.numpy(), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("symmetric", [False, True])
def test_the_gradient_of_info_nce_is_that_of_finite_differences(symmetric):
    table, step = similarities(n=3), 1e-6
    options = {"temperature": 0.5, "symmetric": symmetric}
    grad = info_nce_grad(table, **options).grad
    for place in np.ndindex(table.shape):
        nudge = np.zeros_like(table)
        nudge[place] = step
        rise = info_nce(table + nudge, **options) - info_nce(table - nudge, **options)
        assert_allclose(rise / (2 * step), grad[place], atol=1e-8)


def test_symmetric_means_that_the_transpose_has_the_same_loss():
    table = similarities()
    once = info_nce_grad(table, symmetric=True)
    turned = info_nce_grad(table.T, symmetric=True)
    assert once.loss == turned.loss
    assert_array_equal(once.grad, turned.grad.T)


def test_ignored_queries_and_impossible_candidates():
    table = similarities()
    loss, grad = info_nce_grad(table, [0, 1, -1, 3, 4, 5], ignore_index=-1)
    assert_allclose(loss, np.delete(info_nce(table, reduction="none"), 2).mean(), rtol=1e-14)
    assert_array_equal(grad[2], 0)
    table[0, 3] = -np.inf
    kept = np.delete(table[:1], 3, axis=1)
    assert_allclose(info_nce(table[:1], [0]), info_nce(kept, [0]), rtol=1e-14)
    assert info_nce(table, [3, 1, 2, 3, 4, 5]) == np.inf
    assert np.isnan(info_nce(table, np.full(6, -1), ignore_index=-1))
    assert info_nce(table, np.full(6, -1), ignore_index=-1, empty="zero") == 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
@pytest.mark.parametrize("symmetric", [False, True])
def test_types_of_info_nce(dtype, symmetric):
    loss, grad = info_nce_grad(np.eye(3).astype(dtype), symmetric=symmetric)
    assert loss.dtype == np.float64
    assert grad.dtype == (np.float64 if dtype == np.int8 else dtype)


# Bad arguments.

GRADIENTS = {info_nce: info_nce_grad, contrastive: contrastive_grad}
TWO = np.eye(2)
BAD = [
    (contrastive, ([1.0, -1.0], [1, 0]), {}, DataError, "distances must be 0 or more, got -1.0 at"),
    (contrastive, ([1.0, 2.0], [1]), {}, ShapeError, "same must have one flag for each number"),
    (contrastive, ([1.0], [1]), {"margin": -1}, ParameterError, "margin must be finite and at"),
    (contrastive, ([1j], [1]), {}, DtypeError, "distances must be float32"),
    (contrastive, ([1.0], [3]), {}, LabelError, "same must hold booleans, or 0 and 1, got 3.0 at"),
    (info_nce, ([1.0, 2.0],), {}, ShapeError, "similarities must be a table (queries, candidates)"),
    (info_nce, (np.ones((3, 2)),), {}, ShapeError, "must have a candidate for each query"),
    (
        info_nce,
        (np.ones((2, 3)),),
        {"symmetric": True},
        ShapeError,
        "as many candidates as queries",
    ),
    (info_nce, (TWO, [0, 1]), {"symmetric": True}, ParameterError, "symmetric must be False with"),
    (info_nce, (TWO, [0, 2]), {}, LabelError, "got 2 at row 1"),
    (info_nce, (TWO,), {"temperature": 0}, ParameterError, "temperature must be above 0"),
    (info_nce, (TWO,), {"reduction": "men"}, ParameterError, "Did you mean 'mean'?"),
]


@pytest.mark.parametrize(("function", "arguments", "options", "error", "message"), BAD)
def test_bad_arguments(function, arguments, options, error, message):
    for one in (function, GRADIENTS[function]):
        with pytest.raises(error) as raised:
            one(*arguments, **options)
        assert message in str(raised.value)
