import numpy as np
import pytest
import torch

from luce.errors import ParameterError, ShapeError
from luce.nn import PHMLinear, hamilton_rule

pytestmark = pytest.mark.once


def made(*sizes, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PHMLinear(*sizes, dtype=torch.float64, **options)


def kronecker(layer):
    """The matrix by NumPy's Kronecker product."""
    rule, blocks = layer.rule.detach().numpy(), layer.blocks.detach().numpy()
    return sum(np.kron(a, s) for a, s in zip(rule, blocks, strict=True))


def quaternion_product(a, b):
    """Hamilton's formula, part by part."""
    (r, x, y, z), (s, u, v, w) = a, b
    return np.array([
        r * s - x * u - y * v - z * w,
        r * u + x * s + y * w - z * v,
        r * v - x * w + y * s + z * u,
        r * w + x * v - y * u + z * s,
    ])  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_equals_the_sum_of_kronecker_products(n):
    layer = made(12, 18, n)
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    matrix = kronecker(layer)
    np.testing.assert_allclose(layer.dense().detach(), matrix, atol=1e-14)
    expected = x.numpy() @ matrix.T + layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(x).detach(), expected, atol=1e-13)


def test_gradients_are_those_of_the_dense_layer():
    layer = made(12, 18, 3)
    x = torch.randn(5, 12, dtype=torch.float64, requires_grad=True)
    seen = torch.randn(5, 18, dtype=torch.float64)
    inputs = [x, *layer.parameters()]
    got = torch.autograd.grad((layer(x) * seen).sum(), inputs)
    dense = torch.nn.functional.linear(x, layer.dense(), layer.bias)
    for one, other in zip(got, torch.autograd.grad((dense * seen).sum(), inputs), strict=True):
        torch.testing.assert_close(one, other)


def test_with_four_parts_and_the_hamilton_rule_it_multiplies_quaternions():
    layer = made(4, 4, 4, bias=False, rule="hamilton")
    q, v = layer.blocks.detach().numpy().ravel(), np.array([0.5, -1.0, 2.0, 0.25])
    np.testing.assert_allclose(layer(torch.tensor(v)).detach(), quaternion_product(q, v))
    units = np.eye(4)
    for i in range(4):
        for b in range(4):
            got = np.einsum("i,iab,b->a", units[i], hamilton_rule().numpy(), units[b])
            np.testing.assert_array_equal(got, quaternion_product(units[i], units[b]))


def test_a_fixed_rule_is_no_parameter_but_is_saved():
    layer = made(8, 8, 2, rule=torch.ones(2, 2, 2))
    assert [name for name, _ in layer.named_parameters()] == ["blocks", "bias"]
    assert "rule" in layer.state_dict()
    assert layer.rule.dtype == torch.float64


@pytest.mark.parametrize("n", [2, 4, 8])
def test_has_an_nth_of_the_weights(n):
    layer = PHMLinear(64, 32, n, bias=False)
    assert sum(p.numel() for p in layer.parameters()) == 64 * 32 // n + n**3


def test_entries_start_with_the_variance_of_a_plain_layer():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for rule, n in (("learned", 8), ("hamilton", 4)):
            h = PHMLinear(256, 256, n, rule=rule).dense()
            assert h.var().item() == pytest.approx(1 / (3 * 256), rel=0.15)


def test_says_what_is_wrong():
    with pytest.raises(ParameterError, match="n must divide in_features and out_features"):
        PHMLinear(8, 9, 2)
    with pytest.raises(ParameterError, match="n must be 4 for rule='hamilton'"):
        PHMLinear(8, 8, 2, rule="hamilton")
    with pytest.raises(ParameterError, match="rule must be 'learned', 'hamilton' or a tensor"):
        PHMLinear(8, 8, 4, rule="octonion")
    with pytest.raises(ShapeError, match=r"rule must have shape \(2, 2, 2\)"):
        PHMLinear(8, 8, 2, rule=torch.ones(2, 2))
