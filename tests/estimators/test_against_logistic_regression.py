"""The same optimum as scikit-learn's LogisticRegression, and as SciPy's where that has none."""

from itertools import product

import numpy as np
import pytest
from reference.softmax_regression import of_estimator, proba
from reference.versions import since_scikit_learn
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from luce import SoftmaxRegression

TOL = 1e-11
GRID = list(product([2, 3], [0.01, 1.0, 100.0], [None, "balanced", "dict"], [True, False]))


def sample(k, seed=0, n=90, d=4):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, d)) * [1, 3, 0.3, 1] + [0, 1, 0, -2]
    labels = (X @ random.normal(size=(d, k)) + random.gumbel(size=(n, k))).argmax(axis=1)
    labels[:k] = np.arange(k)
    return X, labels, random.uniform(0, 2, n)


def peer(**options):
    return LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=1000, **options)


def assert_same_model(ours, theirs, X, rtol=1e-5):
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=rtol)
    atol = rtol * np.abs(theirs.coef_).max()
    coef = theirs.coef_ - (theirs.coef_.mean(axis=0) if len(theirs.coef_) > 1 else 0)
    np.testing.assert_allclose(ours.coef_, coef, rtol=rtol, atol=atol)
    shift = theirs.intercept_.mean() if len(theirs.coef_) > 1 else 0.0  # no probability feels it
    np.testing.assert_allclose(
        ours.intercept_, theirs.intercept_ - shift, rtol=rtol, atol=10 * atol
    )


# "balanced" did not heed the weights of the rows before.
WEIGHTED = pytest.param(True, marks=since_scikit_learn("1.7", "balanced classes of weighted rows"))


@pytest.mark.parametrize(("k", "C", "class_weight", "intercept"), GRID)
@pytest.mark.parametrize("weighted", [False, WEIGHTED])
def test_the_same_coefficients(k, C, class_weight, intercept, weighted):
    X, y, weights = sample(k)
    chosen = {0: 2.0, 1: 0.5} if class_weight == "dict" else class_weight
    options = {"C": C, "class_weight": chosen, "fit_intercept": intercept}
    weights = weights if weighted else None
    ours = SoftmaxRegression(tol=TOL, **options).fit(X, y, weights)
    theirs = peer(**options).fit(X, y, weights)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == theirs.intercept_.shape
    assert_same_model(ours, theirs, X)


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
@pytest.mark.parametrize("load", [load_breast_cancer, load_digits, load_iris, load_wine])
def test_the_same_model_of_real_data_in_raw_units(load, solver):
    X, y = load(return_X_y=True)
    X, y = X[::2], y[::2]
    ours = SoftmaxRegression(solver=solver, tol=1e-9).fit(X, y)
    exact = of_estimator(X, y)
    centred = ours.coef_ if len(ours.coef_) > 1 else np.vstack([-ours.coef_, ours.coef_]) / 2
    shift = (
        ours.intercept_ if len(ours.coef_) > 1 else np.append(-ours.intercept_, ours.intercept_) / 2
    )
    theta = np.column_stack([centred, shift])
    assert ours.objective_ == pytest.approx(exact.value(theta), rel=1e-10)
    units = np.append(X.std(axis=0) + (X.std(axis=0) == 0), 1.0)
    slope = exact.gradient(theta) / units
    assert np.abs(slope).max() < 1e-5 * ours.objective_
    # Scaled for it, LogisticRegression finds the same optimum of the equivalent problem.
    theirs = peer().fit(X, y)
    assert ours.objective_ <= of_estimator(X, y).value(_theta(theirs)) * (1 + 1e-9)


def _theta(model):
    coef, shift = model.coef_, model.intercept_
    if len(coef) == 1:
        coef, shift = np.vstack([-coef, coef]) / 2, np.append(-shift, shift) / 2
    return np.column_stack([coef - coef.mean(axis=0), shift])


def test_no_penalty_is_the_plain_likelihood():
    X, y, weights = sample(3)
    ours = SoftmaxRegression(C=np.inf, tol=TOL).fit(X, y, weights)
    assert ours.converged_
    assert_same_model(ours, peer(C=np.inf).fit(X, y, weights), X)


def test_float32_features():
    X, y, _ = sample(3)
    single = X.astype(np.float32)
    ours = SoftmaxRegression(tol=1e-9).fit(single, y)
    assert ours.coef_.dtype == ours.predict_proba(single).dtype == np.float32
    assert_same_model(ours, peer().fit(single.astype(float), y), single, rtol=2e-4)


def test_large_float32_features_are_computed_in_float32(monkeypatch):
    X, y = load_digits(return_X_y=True)
    single = X.astype(np.float32)
    plain = SoftmaxRegression(solver="lbfgs").fit(single, y)
    monkeypatch.setattr("luce.estimators.problem._LARGE", 1000)
    fast = SoftmaxRegression(solver="lbfgs").fit(single, y)
    assert fast.objective_ == pytest.approx(plain.objective_, rel=2e-4)
    assert fast.objective_ != plain.objective_
    assert fast.converged_


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("smoothing", [0.05, 0.5])
def test_label_smoothing_spreads_the_targets(k, smoothing):
    X, y, weights = sample(k)
    model = SoftmaxRegression(label_smoothing=smoothing, tol=TOL, C=2.0).fit(X, y, weights)
    theta, smallest = of_estimator(X, y, C=2.0, weights=weights, smoothing=smoothing).minimum()
    assert model.objective_ == pytest.approx(smallest, rel=1e-10)
    np.testing.assert_allclose(
        model.predict_proba(X), proba(theta[:, :-1], theta[:, -1], X), atol=1e-6
    )


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
def test_a_weight_is_a_repeated_row(solver):
    X, y, _ = sample(3)
    times = np.random.default_rng(0).integers(0, 4, len(X))
    model = SoftmaxRegression(solver=solver, tol=TOL)
    weighted = clone_fit(model, X, y, times)
    repeated = clone_fit(model, X.repeat(times, axis=0), y.repeat(times))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-5)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, atol=1e-5)


def clone_fit(model, *data):
    return type(model)(**model.get_params()).fit(*data)


def test_twice_the_weights_are_twice_the_c():
    X, y, weights = sample(3)
    heavy = SoftmaxRegression(tol=TOL).fit(X, y, 2 * weights)
    strong = SoftmaxRegression(C=2.0, tol=TOL).fit(X, y, weights)
    np.testing.assert_allclose(heavy.coef_, strong.coef_, atol=1e-7)


def test_scaled_features_and_raw_ones_give_the_same_model_without_a_penalty():
    X, y, _ = sample(3)
    raw = SoftmaxRegression(C=np.inf, tol=TOL).fit(X, y)
    scaled = SoftmaxRegression(C=np.inf, tol=TOL).fit(scale(X), y)
    np.testing.assert_allclose(raw.predict_proba(X), scaled.predict_proba(scale(X)), atol=1e-7)
