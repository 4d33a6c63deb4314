"""Entmax and sparsemax of tensors, their gradient in the logits and in alpha."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import luce
from luce.errors import ParameterError
from luce.nn.functional import entmax, softmax, sparsemax
from luce.nn.functional.thresholds import probabilities

pytestmark = pytest.mark.once

INF, NAN = torch.inf, torch.nan
RNG = np.random.default_rng(3)
X = RNG.normal(0, 2, (6, 40))
ALPHAS = [1.05, 1.3, 1.5, 1.9, 2.0, 2.5, 4.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("dim", [0, -1])
def test_it_is_that_of_arrays_with_its_gradient(dim, alpha, dtype):
    x = torch.tensor(X, dtype=dtype, requires_grad=True)
    v = torch.tensor(RNG.normal(size=X.shape), dtype=dtype)
    p, z = entmax(x, alpha, dim, temperature=0.7), x.detach().numpy()
    assert np.array_equal(p.detach(), luce.entmax(z, alpha, dim, temperature=0.7))
    (slope,) = torch.autograd.grad(p, x, v)
    assert np.array_equal(slope, luce.entmax_vjp(z, v.numpy(), alpha, dim, temperature=0.7))
    one = torch.tensor(alpha, dtype=torch.float64)
    assert torch.equal(entmax(x, one, dim, temperature=0.7), p)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("dim", [0, -1])
@pytest.mark.parametrize("known", [True, False])
def test_operations_give_what_the_arrays_give(alpha, dim, known):
    x = torch.tensor(X)
    x[2, 5:] = -INF
    one = torch.tensor(alpha, dtype=torch.float64)
    p = probabilities(x, one, dim, 0.7, alpha if known else None)
    exact = luce.entmax(x.numpy(), alpha, dim, temperature=0.7)
    assert_allclose(p, exact, atol=1e-12)
    assert_allclose(p.sum(dim), 1.0, rtol=1e-13)


def test_one_alpha_for_each_row():
    alphas = torch.tensor(ALPHAS[:6])[:, None]
    exact = [luce.entmax(x, float(alpha)) for x, alpha in zip(X, alphas, strict=True)]
    assert_allclose(entmax(torch.tensor(X), alphas.double()), exact, atol=1e-7)


def test_the_gradient_in_alpha_is_that_of_differences():
    step = 1e-6
    for alpha in (1.0 + 1e-3, 1.4, 2.0, 3.0):
        given = torch.tensor(alpha, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(entmax(torch.tensor(X), given)[:, 7].sum(), given)
        above, below = (luce.entmax(X, alpha + by)[:, 7].sum() for by in (step, -step))
        assert_allclose(slope.item(), (above - below) / (2 * step), rtol=1e-4, atol=1e-6)


def test_alpha_one_is_the_softmax():
    x = torch.tensor(X)
    assert torch.equal(entmax(x, 1.0, temperature=0.5), softmax(x, temperature=0.5))


def test_sparsemax_is_entmax_with_alpha_two():
    x, mask = torch.tensor(X), torch.tensor(X[0] > 0)
    assert torch.equal(sparsemax(x, 0), entmax(x, 2.0, 0))
    expected = luce.sparsemax(X, temperature=2.0, where=X[0] > 0)
    assert np.array_equal(sparsemax(x, temperature=2.0, where=mask), expected)


@pytest.mark.parametrize("alpha", [1.3, 1.5, 2.0])
@pytest.mark.parametrize("transform", [lambda f: f, torch.func.vmap], ids=["kernels", "vmap"])
def test_edge_values(alpha, transform):
    x = torch.tensor([[-INF, 0.0], [INF, 0.0], [-INF, -INF], [NAN, 0.0], [1e30, 0.0]])
    p = transform(lambda x: entmax(x, alpha))(x)
    expected = torch.tensor([[0.0, 1.0], *[[NAN, NAN]] * 3, [1.0, 0.0]])
    torch.testing.assert_close(p, expected, equal_nan=True)


def test_empty_tensors_and_options():
    assert entmax(torch.zeros(2, 0)).shape == (2, 0)
    assert entmax(torch.tensor(3.0)).item() == 1.0
    with pytest.raises(ParameterError, match="alpha"):
        entmax(torch.zeros(2), 0.5)
    with pytest.raises(ParameterError, match="temperature"):
        sparsemax(torch.zeros(2), temperature=0.0)
