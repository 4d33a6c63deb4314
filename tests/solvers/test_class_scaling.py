"""Scaling class by class: derivatives, optimum and proof against SciPy."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from luce.solvers import ClassScaling


def problem(seed=0, n=80, k=4, penalty=1e-2):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, k)) * 2
    weights = rng.uniform(0.1, 1, n)
    labels = rng.integers(k - 1, size=n)  # the last class has no row
    return ClassScaling(z, 0.7 * z, labels, weights / weights.sum(), penalty)


def value(delta, problem):
    k = problem.start.shape[1]
    z = problem.start + delta[:k] * problem.columns + delta[k:]
    own = log_softmax(z, axis=1)[np.arange(len(z)), problem.labels]
    return -problem.weights @ own + 0.5 * problem.penalty * delta @ delta


def test_gradient_and_hessian_are_those_of_the_value():
    one = problem()
    delta = np.random.default_rng(1).normal(size=8)
    at = one._at(delta)
    assert at.value == pytest.approx(value(delta, one), rel=1e-14)
    step = 1e-6 * np.eye(8)
    slopes = [(value(delta + e, one) - value(delta - e, one)) / 2e-6 for e in step]
    np.testing.assert_allclose(at.gradient, slopes, atol=1e-8)
    bends = [(one._at(delta + e).gradient - one._at(delta - e).gradient) / 2e-6 for e in step]
    np.testing.assert_allclose(at.hessian, bends, atol=1e-8)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("penalty", [1e-5, 1e-2, 10.0])
def test_the_optimum_is_scipys_and_the_gap_holds_it(seed, penalty):
    one = problem(seed, penalty=penalty)
    found = one.minimise(tol=1e-6, max_iter=100)
    best = minimize(value, np.zeros(8), (one,), method="BFGS", options={"gtol": 1e-9}).fun
    assert found.converged
    assert found.gap <= 1e-6
    assert found.value == pytest.approx(best, rel=1e-7)
    early = one.minimise(tol=0.5, max_iter=100)
    assert early.value - best <= early.gap * best + 1e-12


def test_too_few_steps_prove_nothing():
    found = problem(penalty=1e-6).minimise(tol=1e-12, max_iter=1)
    assert not found.converged
    assert found.n_iter == 1
