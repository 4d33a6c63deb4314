"""The norms, their duals and conjugates, against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from luce.solvers import GroupLasso, Lasso

pytestmark = pytest.mark.once


def some(seed, r=3, d=4):
    random = np.random.default_rng(seed)
    W = random.normal(size=(r, d)) * (random.uniform(size=(r, d)) < 0.6)
    W[:, 0] = 0
    return random, random.uniform(0.1, 2, d), W


@given(st.integers(0, 2**32 - 1), st.sampled_from([Lasso, GroupLasso]))
def test_the_dual_norm_is_the_largest_product_in_the_unit_ball(seed, kind):
    random, weight, R = some(seed)
    penalty = kind(weight)
    dual = penalty.dual_norms(R)
    W = random.normal(size=(200, *R.shape))
    for w in W / np.stack([penalty.norms(w) for w in W])[:, None]:
        assert ((w * R).sum(axis=0) <= dual + 1e-12).all()
    best = np.where(np.abs(R) == np.abs(R).max(axis=0), np.sign(R), 0.0)
    best = best if kind is Lasso else R / np.maximum(np.linalg.norm(R, axis=0), 1e-300)
    np.testing.assert_allclose((best * R).sum(axis=0), dual, atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.sampled_from([Lasso, GroupLasso]))
@settings(max_examples=10)
def test_the_conjugate_is_the_largest_value(seed, kind):
    random, weight, R = some(seed, 2, 3)
    R = 2 * R
    ridge = random.uniform(0.1, 1, R.shape[1])
    penalty = kind(weight)

    def minus(flat):
        W = flat.reshape(R.shape)
        return -(np.vdot(R, W) - penalty.value(W) - 0.5 * (ridge * W**2).sum())

    found = minimize(minus, R.ravel() + 0.1, method="Powell", options={"xtol": 1e-9, "ftol": 1e-12})
    assert penalty.conjugate(R, ridge) == pytest.approx(-found.fun, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("kind", [Lasso, GroupLasso])
def test_without_a_ridge_the_conjugate_is_zero_or_infinite(kind):
    penalty, none = kind(np.array([1.0])), np.zeros(1)
    assert penalty.conjugate(np.array([[0.6], [0.7]]), none) == 0
    assert penalty.conjugate(np.array([[1.1], [0.0]]), none) == np.inf


@given(st.integers(0, 2**32 - 1), st.sampled_from([Lasso, GroupLasso]))
def test_no_violation_means_that_no_direction_falls(seed, kind):
    random, weight, W = some(seed)
    penalty = kind(weight)
    size = np.linalg.norm(W, axis=0)
    if kind is Lasso:
        inner = np.where(W == 0, random.uniform(-1, 1, W.shape), np.sign(W))
    else:
        ball = random.normal(size=W.shape)
        ball /= 1.1 * np.linalg.norm(ball, axis=0)
        inner = np.where(size > 0, W / np.where(size > 0, size, 1), ball)
    gradient = -weight * inner
    assert penalty.violations(gradient, W).max() < 1e-12
    for _ in range(20):
        step = 1e-3 * random.normal(size=W.shape)
        assert np.vdot(gradient, step) + penalty.value(W + step) >= penalty.value(W) - 1e-12
    more = penalty.violations(gradient + 0.3 * weight, W)
    assert more.max() > 0


def test_times_multiplies_every_weight():
    penalty = GroupLasso(np.array([1.0, 2.0])).times(3.0)
    assert isinstance(penalty, GroupLasso)
    np.testing.assert_array_equal(penalty.weight, [3, 6])
    assert penalty.group(4) == 4
    assert Lasso(penalty.weight).group(4) == 1
