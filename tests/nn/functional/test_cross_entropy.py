"""Accuracy, edge values, dtypes, derivatives and errors of the cross-entropy of tensors."""

import numpy as np
import pytest
import torch

from luce.errors import DataError, LabelError, ParameterError, ShapeError
from luce.nn.functional import cross_entropy
from luce.nn.functional.cross_entropy import composed_cross_entropy
from luce.nn.options import checked

pytestmark = pytest.mark.once

EVERYTHING = {
    "label_smoothing": 0.1,
    "temperature": 1.3,
    "softcap": 8.0,
    "z_loss": 0.01,
    "focal_gamma": 1.5,
}


def composed(z, target, weight=None, dim=-1, **options):
    return composed_cross_entropy(z, target, weight, dim, checked(**options)[1])


BOTH_WAYS = pytest.mark.parametrize("loss_of", [cross_entropy, composed])


def batch(n=6, k=5, dtype=torch.float64, seed=0):
    source = torch.Generator().manual_seed(seed)
    z = torch.randn(n, k, generator=source, dtype=torch.float64).mul(2).to(dtype)
    return z.requires_grad_(), torch.randint(k, (n,), generator=source)


@BOTH_WAYS
@pytest.mark.parametrize("gap", [10.0, 17.0, 40.0, 80.0])
def test_a_confident_row_keeps_its_loss_and_gradient(loss_of, gap):
    z = torch.tensor([[gap, 0.0]], requires_grad=True)
    loss = loss_of(z, torch.tensor([0]))
    loss.backward()
    exact = np.log1p(np.exp(-gap))
    np.testing.assert_allclose(loss.item(), exact, rtol=1e-6)
    tail = np.exp(-gap) / (1 + np.exp(-gap))
    np.testing.assert_allclose(z.grad[0], [-tail, tail], rtol=1e-6)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.2}, {"reduction": "none"}], ids=str)
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_torch(options, soft, weighted):
    z, y = batch()
    target = torch.randn(6, 5, dtype=torch.float64).softmax(-1) if soft else y
    weight = torch.tensor([0.5, 1, 2, 3, 1], dtype=torch.float64) if weighted else None
    loss = cross_entropy(z, target, weight=weight, **options)
    expected = torch.nn.functional.cross_entropy(z, target, weight=weight, **options)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(
        torch.autograd.grad(loss.sum(), z), torch.autograd.grad(expected.sum(), z)
    )


@BOTH_WAYS
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bits_are_computed_in_float32(loss_of, dtype):
    z, y = batch(dtype=dtype)
    wide = z.detach().float().requires_grad_()
    z32 = z.float() if loss_of is composed else z
    loss, expected = (
        loss_of(z32, y, label_smoothing=0.1),
        cross_entropy(wide, y, label_smoothing=0.1),
    )
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(z.grad, wide.grad.to(dtype))


@BOTH_WAYS
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_classes_lie_along_any_dimension(loss_of, dim):
    z = torch.randn(3, 4, 5, dtype=torch.float64)
    moved = z.movedim(dim, -1)
    y = torch.randint(moved.shape[-1], moved.shape[:-1])
    torch.testing.assert_close(loss_of(z, y, dim=dim), loss_of(moved, y))
    q = torch.randn(3, 4, 5, dtype=torch.float64).softmax(dim)
    torch.testing.assert_close(loss_of(z, q, dim=dim), loss_of(moved, q.movedim(dim, -1)))


@BOTH_WAYS
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_gradients_are_those_of_differences(loss_of, reduction):
    z, y = batch()
    y[2] = -1
    options = EVERYTHING | {"ignore_index": -1, "reduction": reduction}
    assert torch.autograd.gradcheck(lambda z: loss_of(z, y, **options), z)
    assert torch.autograd.gradgradcheck(lambda z: loss_of(z, y, **options), z)


def test_distributions_may_need_a_gradient():
    z, _ = batch()
    a = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z, a: cross_entropy(z, a.softmax(-1)), (z, a))


def test_a_retained_graph_gives_the_same_gradient_again():
    z, y = batch()
    loss = 3 * cross_entropy(z, y)
    (first,) = torch.autograd.grad(loss, z, retain_graph=True)
    kept = first.clone()
    (second,) = torch.autograd.grad(loss, z)
    assert torch.equal(first, kept)
    assert torch.equal(first, second)


@BOTH_WAYS
def test_each_row_may_have_its_own_factor(loss_of):
    z, y = batch()
    factors = torch.arange(6.0, dtype=torch.float64)
    (slope,) = torch.autograd.grad(loss_of(z, y, reduction="none"), z, factors)
    for i in range(6):
        one = z[i : i + 1].detach().requires_grad_()
        (expected,) = torch.autograd.grad(factors[i] * loss_of(one, y[i : i + 1]), one)
        torch.testing.assert_close(slope[i : i + 1], expected)


@BOTH_WAYS
def test_rows_that_do_not_count_may_hold_anything(loss_of):
    z, y = batch()
    with torch.no_grad():
        z[1], z[3], y[1], y[3] = torch.nan, torch.inf, -100, 2
    weight = torch.tensor([1.0, 1, 0, 1, 1], dtype=torch.float64)
    y[[0, 2, 4, 5]] = torch.tensor([0, 1, 3, 4])
    loss = loss_of(z, y, weight=weight, ignore_index=-100)
    loss.backward()
    rows = [0, 2, 4, 5]
    torch.testing.assert_close(loss, cross_entropy(z[rows], y[rows]))
    assert not z.grad[[1, 3]].any()


@BOTH_WAYS
def test_impossible_classes(loss_of):
    z = torch.tensor([[0.0, -torch.inf, 1.0]], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([[0.5, 0.0, 0.5]], dtype=torch.float64)
    for gamma in (0.0, 2.0):
        loss = loss_of(z, q, focal_gamma=gamma, z_loss=0.1)
        assert loss.isfinite()
        assert torch.autograd.grad(loss, z)[0].isfinite().all()
        loss = loss_of(z, torch.tensor([1]), focal_gamma=gamma)
        assert loss == torch.inf
        assert torch.autograd.grad(loss, z)[0].isfinite().all()


@BOTH_WAYS
def test_one_class_and_no_rows(loss_of):
    z = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    loss = loss_of(z, torch.zeros(3, dtype=torch.long), focal_gamma=0.5, label_smoothing=0.1)
    loss.backward()
    assert loss == 0
    assert not z.grad.any()
    none, y = torch.zeros(0, 4), torch.zeros(0, dtype=torch.long)
    assert loss_of(none, y).isnan()
    assert loss_of(none, y, empty="zero") == 0
    assert loss_of(none, y, reduction="none").shape == (0,)
    with pytest.raises(DataError, match="at least one row"):
        loss_of(none, y, empty="raise")


@BOTH_WAYS
@pytest.mark.parametrize(
    ("target", "options", "error", "words"),
    [
        ([0, 7], {}, LabelError, "0..4"),
        ([0, -100], {}, LabelError, "pass ignore_index=-100"),
        ([0], {}, ShapeError, "a label for each row"),
        ([[0.5] * 5] * 2, {}, LabelError, "sum to 1"),
        ([[1.0, 0, 0, 0, 0]] * 2, {"ignore_index": 3}, ParameterError, "ignore_index"),
        ([0, 1], {"temperature": 0.0}, ParameterError, "temperature"),
        ([0, 1], {"reduction": "men"}, ParameterError, "Did you mean"),
        ([0, 1], {"weight": torch.ones(4)}, ShapeError, "each of the 5 classes"),
        ([0, 1], {"weight": -torch.ones(5)}, ParameterError, "weight must lie"),
    ],
    ids=str,
)
def test_mistakes_are_told(loss_of, target, options, error, words):
    with pytest.raises(error, match=words):
        loss_of(torch.zeros(2, 5), torch.tensor(target), **options)


def test_a_single_number_has_no_classes():
    with pytest.raises(ShapeError, match="dimension of classes"):
        cross_entropy(torch.tensor(1.0), torch.tensor(0))


def test_vmap_gives_each_row_its_loss():
    z, y = batch()
    z = z.detach()
    each = torch.func.vmap(lambda z, y: cross_entropy(z, y, **EVERYTHING))(z, y)
    torch.testing.assert_close(each, cross_entropy(z, y, **EVERYTHING, reduction="none"))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_forward_mode():
    z, y = batch()
    z, v = z.detach(), torch.ones_like(z)
    _, slope = torch.func.jvp(lambda z: cross_entropy(z, y, **EVERYTHING), (z,), (v,))
    grad = torch.func.grad(lambda z: cross_entropy(z, y, **EVERYTHING))(z)
    torch.testing.assert_close(slope, (grad * v).sum())
