"""The twin: what only it decides. Its accuracy is tested with the functions (LUCE_SIMD=numpy)."""

import numpy as np
import pytest
from reference.kernel_cases import apply, logits


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("shape", [(3, 70_000), (70_000, 3), (2, 40_000, 2)])
def test_tiles_do_not_show(twin, name, shape):
    z = np.random.default_rng(0).standard_normal(shape)
    whole = apply(twin, name, z, 1)
    part = apply(twin, name, np.ascontiguousarray(z[-2:]), 1)
    assert whole[-2:].tobytes() == part.tobytes()


@pytest.mark.parametrize("temperature", [0.3, 1.0, 7.0])
def test_the_twin_is_the_formula(twin, temperature):
    z = logits(20, 30, np.float64)
    scaled = np.exp(z / temperature)
    expected = scaled / scaled.sum(axis=1, keepdims=True)
    got = apply(twin, "softmax", z, temperature=temperature)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_the_twin_leaves_products_with_a_jacobian_to_the_caller(twin):
    z = np.zeros(3)
    out = np.empty_like(z)
    assert not twin.softmax_product(z, z, out)
    assert np.isnan(out).all()
