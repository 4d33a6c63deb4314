"""The softmax of tensors: that of arrays, by both ways, with gradients that do not vanish."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import luce
from luce.errors import ParameterError
from luce.nn.functional import softmax
from luce.nn.functional.softmax import _composite

pytestmark = pytest.mark.once

INF, NAN = torch.inf, torch.nan
BOTH_WAYS = pytest.mark.parametrize(
    "function", [softmax, lambda x: _composite(x, -1, 1.0)], ids=["kernels", "operations"]
)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_it_is_that_of_arrays_with_its_gradient(dim, dtype):
    rng = np.random.default_rng(5)
    x = torch.tensor(rng.normal(0, 10, (4, 6, 5)), dtype=dtype, requires_grad=True)
    v = torch.tensor(rng.normal(0, 1, x.shape), dtype=dtype)
    p = softmax(x, dim, temperature=0.7)
    assert np.array_equal(p.detach(), luce.softmax(x.detach().numpy(), dim, temperature=0.7))
    (slope,) = torch.autograd.grad(p, x, v)
    exact = luce.softmax_vjp(x.detach().numpy(), v.numpy(), dim, temperature=0.7)
    unit = np.abs(exact).max()
    eps = torch.finfo(dtype).eps
    assert_allclose(slope, exact, rtol=8 * eps, atol=eps * unit)
    with torch.no_grad():
        assert torch.equal(softmax(x, dim, temperature=0.7), p)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_operations_give_what_the_kernels_give(dim):
    x = torch.tensor(np.random.default_rng(5).normal(0, 10, (4, 6, 5)))
    assert_allclose(_composite(x, dim, 0.7), softmax(x, dim, temperature=0.7), rtol=1e-13)


@BOTH_WAYS
@pytest.mark.parametrize("common", [0.0, 1e3])
def test_the_gradient_of_a_clear_winner_is_minus_that_of_the_others(function, common):
    x = torch.tensor([0.0, -20.0, -21.0], requires_grad=True)
    v = torch.tensor([1.0, 0.0, 0.5]) + common  # a common part of v has no influence
    function(x).backward(v)
    exact = luce.softmax_vjp(x.detach().double().numpy(), v.double().numpy())
    assert_allclose(x.grad, exact, rtol=1e-6 if common == 0 else 2e-5)


def test_so_does_the_gradient_of_the_gradient():
    x = torch.tensor([0.0, -20.0], requires_grad=True)
    (slope,) = torch.autograd.grad(softmax(x)[0], x, create_graph=True)
    assert_allclose(slope.detach(), [2.0611537e-09, -2.0611537e-09], rtol=1e-6)
    slope[0].backward()
    assert_allclose(x.grad, [-2.0611537e-09, 2.0611537e-09], rtol=1e-6)


@BOTH_WAYS
def test_edge_values(function):
    x = torch.tensor([[-INF, 0.0], [INF, 0.0], [-INF, -INF], [NAN, 0.0], [INF, -INF]])
    expected = torch.tensor([[0.0, 1.0]] + [[NAN, NAN]] * 4)
    torch.testing.assert_close(function(x), expected, equal_nan=True)


@pytest.mark.parametrize("shape", [(), (0, 3), (3, 0)])
def test_empty_tensors_and_single_numbers(shape):
    x = torch.zeros(shape)
    assert torch.equal(softmax(x), torch.ones(shape))


def test_masked_classes_get_nothing_whatever_they_hold():
    x = torch.tensor([[1.0, NAN, 2.0], [INF, 1.0, 1.0]], requires_grad=True)
    mask = torch.tensor([[True, False, True], [False, True, True]])
    p = softmax(x, where=mask)
    assert_allclose(p.detach(), [[0.26894143, 0.0, 0.7310586], [0.0, 0.5, 0.5]], rtol=1e-6)
    p[:, 2].sum().backward()
    assert_allclose(x.grad, [[-0.19661193, 0, 0.19661193], [0, -0.25, 0.25]], rtol=1e-6)


@pytest.mark.parametrize("transform", [lambda f: f, torch.func.vmap])
def test_a_row_without_a_possible_class_may_be_zeros_with_a_gradient_of_zero(transform):
    x = torch.tensor([[-INF, -INF], [0.0, 0.0]], requires_grad=True)
    assert softmax(x)[0].isnan().all()
    p = transform(lambda x: softmax(x, empty="zero"))(x)
    assert p.tolist() == [[0.0, 0.0], [0.5, 0.5]]
    p[:, 0].sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0], [0.25, -0.25]]


def test_tensors_of_any_layout():
    x = torch.randn(4, 6, 5)
    for one in (x.permute(2, 0, 1), x[:, ::2], x.expand(2, 4, 6, 5), torch.nn.Parameter(x)):
        assert torch.equal(softmax(one).detach(), softmax(one.detach().contiguous()))


def test_options_are_checked():
    with pytest.raises(ParameterError, match="temperature"):
        softmax(torch.zeros(2), temperature=-1.0)
    with pytest.raises(ParameterError, match="empty"):
        softmax(torch.zeros(2), empty="none")
