"""C, coefficients and theta are translated by one formula each."""

import numpy as np
import pytest

from luce.errors import ParameterError
from luce.estimators.problem import check_total, coefficients, parameters, square_penalty
from luce.estimators.standardised import units

pytestmark = pytest.mark.once


@pytest.mark.parametrize("k", [2, 3])
def test_the_penalty_of_theta_is_that_of_the_coefficients(k):
    rng = np.random.default_rng(k)
    X, weights = rng.normal(3.0, 2.0, (20, 4)), np.full(20, 1 / 20)
    measured = units(X, weights, intercept=True, strength=square_penalty(0.5, 20.0, k))
    theta = rng.normal(size=(k, 5))
    theta -= theta.mean(axis=0)
    coef, intercept = coefficients(measured, theta, 0.0)
    assert coef.shape == (1 if k == 2 else k, 4)
    assert (measured.penalty * theta**2).sum() == pytest.approx((coef**2).sum() / (0.5 * 20))
    np.testing.assert_allclose(parameters(measured, coef, intercept), theta, atol=1e-12)


def test_a_shift_is_taken_off_the_logits():
    measured = units(np.eye(3), np.full(3, 1 / 3), intercept=True, strength=1.0)
    theta, shift = np.arange(8.0).reshape(2, 4), np.array([0.5, 2.0])
    _, plain = coefficients(measured, theta, 0.0)
    _, shifted = coefficients(measured, theta, shift)
    np.testing.assert_allclose(plain - shifted, [1.5])


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1e308, 1e308]])
def test_weights_that_leave_nothing_or_overflow_are_refused(weights):
    with pytest.raises(ParameterError, match="positive finite sum"), np.errstate(over="ignore"):
        check_total(np.array(weights))
