"""The logarithm of the sum of exponentials of tensors."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import luce
from luce.nn.functional import logsumexp
from luce.nn.functional.logsumexp import _composite

pytestmark = pytest.mark.once

INF, NAN = torch.inf, torch.nan
BOTH_WAYS = pytest.mark.parametrize(
    "function", [logsumexp, lambda x: _composite(x, -1, 1.0)[..., 0]], ids=["kernels", "operations"]
)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_it_is_that_of_arrays_with_the_softmax_for_a_gradient(dim, dtype):
    x = torch.tensor(np.random.default_rng(5).normal(0, 10, (4, 6, 5)), dtype=dtype)
    x.requires_grad_()
    total, z = logsumexp(x, dim, temperature=0.7), x.detach().numpy()
    assert np.array_equal(total.detach(), luce.logsumexp(z, dim, temperature=0.7))
    assert logsumexp(x, dim, keepdim=True).shape[dim] == 1
    (slope,) = torch.autograd.grad(total.sum(), x)
    assert np.array_equal(slope, luce.softmax(z, dim, temperature=0.7))
    other = _composite(x.detach(), dim, 0.7).squeeze(dim)
    torch.testing.assert_close(other, total.detach())


@BOTH_WAYS
def test_it_keeps_its_digits_next_to_zero(function):
    x = torch.tensor([0.0, -40.0], requires_grad=True)
    total = function(x)
    assert_allclose(total.item(), np.exp(-40.0), rtol=1e-6)
    total.backward()
    assert_allclose(x.grad, [1.0, np.exp(-40.0)], rtol=1e-6)


@BOTH_WAYS
def test_edge_values(function):
    x = torch.tensor([[-INF, 0.0], [INF, 0.0], [-INF, -INF], [NAN, 0.0], [INF, -INF]])
    x.requires_grad_()
    total = function(x)
    expected = torch.tensor([0.0, INF, -INF, NAN, INF])
    torch.testing.assert_close(total.detach(), expected, equal_nan=True)
    total[0].backward()
    assert x.grad[0].tolist() == [0.0, 1.0]


def test_the_sum_of_nothing_has_no_gradient():
    x = torch.tensor([[-INF, -INF], [0.0, 0.0]], requires_grad=True)
    logsumexp(x, where=torch.tensor([True, False])).sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0], [1.0, 0.0]]
    assert logsumexp(torch.zeros(2, 0)).tolist() == [-INF, -INF]
    assert logsumexp(torch.tensor(3.0)).item() == 3.0
