"""The logarithm of the softmax of tensors: accuracy, dtypes, derivatives of any order."""

import numpy as np
import pytest
import reference
import torch
from reference import backward

from luce.errors import ParameterError
from luce.nn.functional import log_softmax
from luce.nn.functional.log_softmax import log_softmax_of_last

pytestmark = pytest.mark.once

BOTH_WAYS = pytest.mark.parametrize("function", [log_softmax, log_softmax_of_last])


@BOTH_WAYS
def test_the_likeliest_class_keeps_its_digits(function):
    z = torch.tensor([20.0, 0.0], requires_grad=True)
    result = function(z)
    np.testing.assert_allclose(result.detach(), [-np.log1p(np.exp(-20)), -20], rtol=1e-6)
    result[0].backward()
    tail = np.exp(-20) / (1 + np.exp(-20))
    np.testing.assert_allclose(z.grad, [tail, -tail], rtol=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("n", [10, 100, 5000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_keeps_its_promise(dtype, n, temperature):
    rng = np.random.default_rng(n)
    z, v = (rng.normal(0, 5, (6, n)).astype(dtype) for _ in range(2))
    z[0, 3] += 60  # a clear winner
    z[1, ::2] = -np.inf
    z[2] += 3000
    x = torch.tensor(z, requires_grad=True)
    (slope,) = torch.autograd.grad(log_softmax(x, temperature=temperature), x, torch.tensor(v))
    exact, unit = backward.log_softmax_vjp(z, v, temperature)
    bound = reference.promised(log_softmax, dtype, of="gradient") * np.finfo(dtype).eps * unit
    assert (np.abs(slope.numpy() - exact) <= bound + np.finfo(dtype).smallest_normal).all()


@BOTH_WAYS
def test_edge_values(function):
    inf, nan = torch.inf, torch.nan
    z = torch.tensor([[-inf, 0.0], [inf, 0.0], [-inf, -inf], [nan, 0.0]])
    expected = torch.tensor([[-inf, 0.0], [nan, nan], [nan, nan], [nan, nan]])
    torch.testing.assert_close(function(z), expected, equal_nan=True)


@BOTH_WAYS
def test_derivatives_are_those_of_differences(function):
    z = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, z)
    assert torch.autograd.gradgradcheck(function, z)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bits_are_computed_in_float32(dtype):
    z = torch.randn(4, 9).to(dtype)
    assert torch.equal(log_softmax(z), log_softmax(z.float()).to(dtype))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
@pytest.mark.parametrize("dim", [0, 1])
def test_transforms(dim):
    z = torch.randn(3, 4, dtype=torch.float64)
    expected = torch.log_softmax(z / 0.7, dim)
    torch.testing.assert_close(log_softmax(z, dim, temperature=0.7), expected)
    both = torch.stack([z, 2 * z])
    torch.testing.assert_close(
        torch.func.vmap(lambda z: log_softmax(z, dim))(both),
        torch.stack([log_softmax(z, dim), log_softmax(2 * z, dim)]),
    )
    jacobians = [
        way(lambda z: log_softmax(z, dim, temperature=0.7))(z)
        for way in (torch.func.jacrev, torch.func.jacfwd)
    ]
    torch.testing.assert_close(*jacobians)


def test_a_temperature_is_positive():
    with pytest.raises(ParameterError, match="temperature"):
        log_softmax(torch.zeros(2), temperature=-1.0)
