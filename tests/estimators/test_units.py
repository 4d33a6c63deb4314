"""Features in whatever units they come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.softmax_regression import of_estimator, with_targets
from sklearn.datasets import load_iris

from luce import SoftmaxRegression
from luce.estimators.standardised import units

pytestmark = pytest.mark.once

X, Y = load_iris(return_X_y=True)
MIXED = np.append(Y[75:], Y[:75])  # labels that the features do not separate


def fitted(features, labels=Y, **options):
    return SoftmaxRegression(**{"tol": 1e-9, **options}).fit(features, labels)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_units_do_not_matter_without_a_penalty(seed):
    scales = 10.0 ** np.random.default_rng(seed).uniform(-8, 8, 4)
    plain, scaled = (fitted(x, MIXED, C=np.inf) for x in (X, X * scales))
    assert scaled.converged_
    np.testing.assert_allclose(scaled.predict_proba(X * scales), plain.predict_proba(X), atol=1e-6)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_units_change_the_penalty_alone(seed):
    # A column in units s times smaller has values s times larger: its penalty is s^2 times less.
    scales = 10.0 ** np.random.default_rng(seed).uniform(-4, 4, 4)
    model = fitted(X * scales)
    strength = np.append(1 / 150 / scales**2, 0)
    exact = with_targets(np.column_stack([X, np.ones(150)]), Y, 3, penalty=strength)
    theta = np.column_stack([model.coef_ * scales, model.intercept_])
    assert model.objective_ == pytest.approx(exact.value(theta), rel=1e-9)
    slope = exact.gradient(theta)
    np.testing.assert_allclose(slope, 0, atol=1e-4 * model.objective_)
    assert model.converged_


ENDS = [-307, -300, -200, -160, -157, -154, -100, 100, 150, 155, 300]  # powers of ten
SHIFTED = X - X[0]  # a row of zeros: nothing can be learnt of the size from it


@pytest.mark.parametrize("power", ENDS)
def test_sizes_at_the_ends_of_float64_make_no_difference_without_a_penalty(power):
    # No RuntimeWarning (an error here), no NaN, and the same model as for features near 1.
    features = SHIFTED * 10.0**power
    options = {"C": np.inf, "label_smoothing": 0.1}
    model = fitted(features, **options)
    assert model.converged_
    assert np.isfinite(model.coef_).all()
    expected = fitted(X, **options).predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(features), expected, atol=1e-4)


@pytest.mark.parametrize("power", [power for power in ENDS if power < 0])
@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("intercept", [True, False])
def test_tiny_features_with_a_penalty_say_nothing(power, solver, intercept):
    features = X * 10.0**power
    model = fitted(features, solver=solver, fit_intercept=intercept)
    assert model.converged_
    np.testing.assert_allclose(model.predict_proba(features), 1 / 3, atol=1e-9)
    assert np.abs(model.coef_).max() <= 1000 * 10.0**power  # w = C sum (t - p) x: as small as x


@pytest.mark.parametrize("power", [power for power in ENDS if power > 0])
def test_huge_features_hardly_feel_a_penalty(power):
    features = SHIFTED * 10.0**power
    model = fitted(features, label_smoothing=0.1)
    assert model.converged_
    expected = fitted(X, C=np.inf, label_smoothing=0.1).predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(features), expected, atol=1e-4)


@pytest.mark.parametrize("C", [1e-320, 1e-300, 1e-100, 1e100, 1e300])
def test_penalties_at_the_ends_of_float64(C):
    model = fitted(X, C=C, label_smoothing=0.1)
    assert model.converged_
    assert np.isfinite(model.objective_)
    expected = np.full((150, 3), 1 / 3) if C < 1 else fitted(X, C=np.inf, label_smoothing=0.1)
    expected = expected if C < 1 else expected.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-4)


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e8, 1e300, 1e-300])
def test_constant_columns_change_nothing(value, solver):
    plain = fitted(X, solver=solver)
    wide = fitted(np.column_stack([np.full(150, value), X]), solver=solver)
    assert wide.coef_[:, 0] == pytest.approx(0, abs=1e-12 / max(value, 1))
    np.testing.assert_allclose(wide.coef_[:, 1:], plain.coef_, atol=1e-4)


@pytest.mark.parametrize("value", [0.1, 1e8, 1e300])
def test_columns_that_differ_in_the_last_digit_alone_do_no_harm(value):
    column = np.where(np.arange(150) % 2 == 1, value, np.nextafter(value, np.inf))
    model = fitted(np.column_stack([column, X]), label_smoothing=0.1)
    assert model.converged_
    assert model.objective_ <= fitted(X, label_smoothing=0.1).objective_ * (1 + 1e-8)


def test_constant_columns_stay_out_of_a_model_without_a_penalty():
    wide = np.column_stack([np.full(150, 0.1), X])  # 0.1 is no sum of halves: its mean is rounded
    model = fitted(wide, C=np.inf, label_smoothing=0.1)
    np.testing.assert_array_equal(model.coef_[:, 0], 0)


def test_a_large_offset_costs_no_digits():
    shifted = fitted(X + 1e6)
    np.testing.assert_allclose(shifted.coef_, fitted(X).coef_, atol=1e-4)


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
def test_more_columns_than_rows(solver):
    random = np.random.default_rng(0)
    wide, labels = random.normal(size=(20, 30)), np.arange(20) % 3
    model = fitted(wide, labels, solver=solver)
    assert model.objective_ == pytest.approx(of_estimator(wide, labels).minimum()[1], rel=1e-8)


# The translation itself


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_are_centred_and_scaled_and_the_way_back_is_exact(intercept, dtype):
    random = np.random.default_rng(1)
    x = (random.normal(size=(9000, 3)) * [1, 100, 0.01] + [0, 5, 1]).astype(dtype)
    weights = random.uniform(size=9000)
    weights[:5000] *= random.random() < 2
    weights /= weights.sum()
    measured = units(x, weights, intercept=intercept, strength=0.5)
    rows = measured.rows(x, np.float64)
    centre = weights @ x.astype(float) if intercept else 0.0
    spread = np.sqrt(weights @ (x.astype(float) - centre) ** 2)
    np.testing.assert_allclose(measured.scale, spread, rtol=1e-9)
    np.testing.assert_allclose(rows[:, :3], (x.astype(float) - centre) / spread, atol=1e-9)
    assert rows.shape[1] == 3 + intercept
    np.testing.assert_allclose(measured.penalty[:3], 0.5 / spread**2, rtol=1e-9)
    theta = random.normal(size=(2, 3 + intercept))
    coef, shift = measured.to_raw(theta)
    np.testing.assert_allclose(x.astype(float) @ coef.T + shift, rows @ theta.T, atol=1e-7)
    np.testing.assert_allclose(measured.from_raw(coef, shift), theta, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "sgd"])
def test_rows_without_weight_are_not_measured(solver):
    outlier, labels = np.vstack([X, np.full((1, 4), 1e300)]), np.append(Y, 0)
    weights = np.append(np.ones(150), 0.0)
    options = {"solver": solver, "random_state": 0, "epochs": 3}
    with_it = SoftmaxRegression(**options).fit(outlier, labels, weights)
    np.testing.assert_array_equal(with_it.coef_, SoftmaxRegression(**options).fit(X, Y).coef_)
