"""The self-concordance bound, against quadrature, mpmath and random problems."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.softmax_problems import softmax_problems, some_theta, spelled_out
from scipy.integrate import quad

from luce.solvers.certificate import self_concordant_gap

pytestmark = pytest.mark.once


def exact_gap(decrement, reach):
    with mp.workdps(60):
        nu, m = mp.mpf(decrement), mp.mpf(reach)
        u = nu * m
        return (u + (1 - u) * mp.log(1 - u)) / m**2


@given(st.floats(1e-8, 10), st.floats(1e-9, 0.999999))
@settings(deadline=None)
def test_closed_form(decrement, u):
    reach = u / decrement
    if decrement * reach < 1:
        bound, exact = self_concordant_gap(decrement, reach), exact_gap(decrement, reach)
        assert bound == pytest.approx(float(exact), rel=2e-8 if u < 2e-3 else 1e-10)
        assert bound >= exact * (1 - mp.mpf("1e-9"))


def test_the_series_joins_the_closed_form_and_stays_above_it():
    for u in (1e-12, 1e-6, 9.99e-4, 1e-3 * (1 - 1e-12)):
        bound, exact = self_concordant_gap(1.0, u), exact_gap(1.0, u)
        assert exact <= bound * (1 + 1e-15)
        assert bound <= float(exact) * (1 + 2 * u**3 + 1e-15)


def test_limits():
    assert self_concordant_gap(0.3, 0.0) == pytest.approx(0.045)  # a quadratic: half the square
    assert self_concordant_gap(0.0, 5.0) == 0
    assert self_concordant_gap(1.0, 1.0) == np.inf
    assert self_concordant_gap(2.0, 3.0) == np.inf
    assert self_concordant_gap(np.nan, 1.0) == np.inf
    assert self_concordant_gap(1.0, np.nan) == np.inf


def test_bound_is_the_lowest_point_of_the_model_of_f():
    """Along |s| = a the model is -nu a + (e^-Ma + Ma - 1) / M^2."""
    decrement, reach = 0.7, 1.1
    a = np.linspace(0, 20, 200_001)
    model = -decrement * a + (np.expm1(-reach * a) + reach * a) / reach**2
    assert self_concordant_gap(decrement, reach) == pytest.approx(-model.min(), rel=1e-8)


@pytest.mark.parametrize("r", [1e-3, 0.5, 3.0, 30.0])
def test_integral_of_the_taylor_remainder(r):
    remainder, _ = quad(lambda t: (1 - t) * np.exp(-r * t), 0, 1)
    assert (np.exp(-r) + r - 1) / r**2 == pytest.approx(remainder, rel=1e-7)


@given(softmax_problems(), st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([0.1, 2]))
@settings(max_examples=60, deadline=None)
def test_curvature_falls_by_at_most_the_exponential_of_the_spread(f, seed, other, size):
    theta, step = some_theta(f, seed, 0.5), some_theta(f, other, size)
    exact = spelled_out(f)
    spread = np.ptp(f.design.rows[f.weights > 0] @ step.T, axis=1).max()
    difference = exact.hessian(theta + step) - np.exp(-spread) * exact.hessian(theta)
    scale = 1 + np.square(f.design.rows).max()
    assert np.linalg.eigvalsh(difference).min() >= -1e-12 * scale


@given(softmax_problems(), st.integers(0, 10**6), st.sampled_from([1e-4, 1e-2, 0.1, 0.3, 1.0]))
@settings(max_examples=80, deadline=None)
def test_bounds_the_distance_from_the_minimum(f, seed, size):
    exact = spelled_out(f)
    best, smallest = exact.minimum()
    theta = best + some_theta(f, seed, size)
    k, d = f.shape
    gauge = np.kron(np.ones((k, k)), np.eye(d))  # acts only where nothing is felt
    inverse = np.linalg.inv(exact.hessian(theta) + gauge)
    gradient = exact.gradient(theta).ravel()
    bound = self_concordant_gap(np.sqrt(gradient @ inverse @ gradient), f.reach(inverse))
    assert exact.value(theta) - smallest <= bound * (1 + 1e-6) + 1e-12


def test_it_is_more_than_half_the_square_of_the_decrement_and_not_too_much_more():
    for u in (0.1, 0.5, 0.9):
        half = 0.5
        assert half < self_concordant_gap(1.0, u) < half * (1 + u)
