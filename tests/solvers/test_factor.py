"""The factored Hessian divides as NumPy's solver does, and knows when it should not be trusted."""

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, some_theta

from luce.solvers.factor import Factor, with_gauge

pytestmark = pytest.mark.once


def hessian(f, theta):
    return f.hessian(f.probabilities(f.logits(theta)))


def test_divides_steps_that_sum_to_zero_as_the_pseudoinverse_does():
    f = softmax_problem(0, penalty=0.0, intercept=False)
    theta = some_theta(f, 1, 0.5)
    right = some_theta(f, 2, 1.0)
    matrix = hessian(f, theta)
    step = Factor(with_gauge(matrix.copy(), f.classes)).solve(right.ravel())
    np.testing.assert_allclose(step, np.linalg.pinv(matrix, rcond=1e-10) @ right.ravel())


def test_a_singular_matrix_is_divided_by_but_not_trusted():
    matrix = np.diag([1.0, 4.0, 0.0])
    matrix[0, 1] = matrix[1, 0] = 2.0
    factor = Factor(matrix)
    assert not factor.trusted
    assert np.isfinite(factor.solve(np.ones(3))).all()
    assert Factor(np.diag([1e-20, 1.0])).trusted  # units are no singularity
