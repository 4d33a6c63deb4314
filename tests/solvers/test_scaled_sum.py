"""A multiple is added in place, in every order of memory and dtype."""

from itertools import product

import numpy as np
import pytest

from luce.solvers.scaled_sum import add_multiple

pytestmark = pytest.mark.once


@pytest.mark.parametrize("kinds", [*product([np.float32, np.float64], repeat=2)])
@pytest.mark.parametrize("shape", [(5, 7), (1, 3), (4, 0)])
def test_a_multiple_is_added_in_place(kinds, shape):
    random = np.random.default_rng(0)
    for layouts in product([np.ascontiguousarray, np.asfortranarray], repeat=2):
        y, x = (
            lay(random.normal(size=shape).astype(kind))
            for lay, kind in zip(layouts, kinds, strict=True)
        )
        expected = y + 0.3 * x.astype(np.float64)
        add_multiple(y, 0.3, x)
        assert y.dtype == kinds[0]
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)


def test_parts_of_a_larger_array_are_added_to():
    y, x = np.zeros((4, 6)), np.ones((4, 3))
    add_multiple(y[:, ::2], 2.0, x)
    np.testing.assert_array_equal(y[:, ::2], 2)
    assert not y[:, 1::2].any()
