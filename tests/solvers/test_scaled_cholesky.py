"""A Cholesky factor that does not care about units, and tells what is dependent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luce.solvers.scaled_cholesky import ScaledCholesky

pytestmark = pytest.mark.once


def some_matrix(seed, m):
    random = np.random.default_rng(seed)
    root = random.normal(size=(m, m + 2))
    units = 10.0 ** random.uniform(-30, 30, m)
    return root @ root.T, units


@given(st.integers(0, 999), st.integers(1, 8))
def test_solves_and_inverts_in_any_units(seed, m):
    matrix, units = some_matrix(seed, m)
    factor = ScaledCholesky(matrix * units[:, None] * units)
    assert factor.dependent is None
    inverse = np.linalg.inv(matrix)
    bound = 1e-12 * np.linalg.cond(matrix) * np.abs(inverse).max()
    np.testing.assert_allclose(factor.inverse() * units[:, None] * units, inverse, atol=bound)
    np.testing.assert_array_equal(factor.inverse(), factor.inverse().T)
    right = np.random.default_rng(seed).normal(size=(m, 3))
    for part in (right, right[:, 0]):
        found = (factor.solve((part.T * units).T).T * units).T
        np.testing.assert_allclose(found, np.linalg.solve(matrix, part), atol=10 * bound)


@pytest.mark.parametrize("unit", [1e-20, 1.0, 1e20])
@pytest.mark.parametrize("combination", [[1, 0, 0], [1, -2, 3], [0, 0, 0]])
def test_the_first_dependent_row_is_told(unit, combination):
    rows = np.random.default_rng(0).normal(size=(9, 3))
    full = np.column_stack([rows, unit * rows @ combination, rows @ [1, 1, 1]])
    assert ScaledCholesky(full.T @ full).dependent == 3
