"""Lasso, elastic net and group lasso: scikit-learn's optimum, exact zeros, the user's units."""

import numpy as np
import pytest
from reference.kinked import Kinked
from reference.softmax_regression import of_estimator
from reference.versions import since_scikit_learn
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from luce import SoftmaxRegression
from luce.errors import ParameterError

pytestmark = pytest.mark.once


def exact_problem(X, y, *, C=1.0, l1_ratio=1.0, grouped=False, weights=None, intercept=True):
    """Return what is minimised, divided by ``C * sum(weights)``."""
    total = C * (len(X) if weights is None else weights.sum())
    part = of_estimator(X, y, C=C, weights=weights, intercept=intercept)
    smooth = part._replace(penalty=(1 - l1_ratio) * part.penalty)
    weight = np.full(smooth.shape[1], l1_ratio / total)
    weight[X.shape[1] :] = 0
    return Kinked(smooth, weight, grouped)


def coefficients(model, intercept=True):
    W = model.coef_
    return np.column_stack([W, model.intercept_]) if intercept else W


@since_scikit_learn("1.8", "l1_ratio alone chooses the penalty")
@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_wine])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.3])
def test_the_optimum_is_that_of_saga_on_scaled_features(load, l1_ratio):
    X, y = load(return_X_y=True)
    X = scale(X)
    ours = SoftmaxRegression(C=0.3, l1_ratio=l1_ratio, tol=1e-10).fit(X, y)
    theirs = LogisticRegression(C=0.3, l1_ratio=l1_ratio, solver="saga", tol=1e-9, max_iter=20000)
    theirs.fit(X, y)
    exact = exact_problem(X, y, C=0.3, l1_ratio=l1_ratio)
    value = exact.value(coefficients(ours))
    assert ours.objective_ == pytest.approx(value, rel=1e-12)
    assert value <= exact.value(coefficients(theirs)) * (1 + 1e-12)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_array_equal(ours.coef_ == 0, theirs.coef_ == 0)
    assert (ours.coef_ == 0).any()


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_raw_units_meet_the_conditions_of_the_optimum(load, l1_ratio, grouped):
    X, y = load(return_X_y=True)
    model = SoftmaxRegression(
        l1_ratio=l1_ratio, tol=1e-9, penalty_groups="feature" if grouped else None
    ).fit(X, y)
    assert model.converged_
    exact = exact_problem(X, y, l1_ratio=l1_ratio, grouped=grouped)
    W = coefficients(model)
    assert model.objective_ == pytest.approx(exact.value(W), rel=1e-10)
    units = np.append(X.std(axis=0), 1.0)
    # The conditions in columns of one size, where a gradient means the same for each.
    in_units = exact._replace(
        smooth=exact.smooth._replace(
            rows=exact.smooth.rows / units, penalty=exact.smooth.penalty / units**2
        ),
        weight=exact.weight / units,
    )
    assert in_units.value(W * units) == pytest.approx(exact.value(W), rel=1e-9)
    assert in_units.violation(W * units) < 1e-5
    zero = model.coef_ == 0
    assert zero.any()
    if grouped:
        assert (zero.all(axis=0) | (~zero).all(axis=0)).all()


def test_wine_in_other_units_is_another_penalty_but_the_same_function():
    X, y = load_wine(return_X_y=True)
    factor = 10.0 ** np.linspace(-3, 3, X.shape[1])
    model = SoftmaxRegression(l1_ratio=1.0, tol=1e-8).fit(X * factor, y)
    exact = exact_problem(X * factor, y)
    assert model.objective_ == pytest.approx(exact.value(coefficients(model)), rel=1e-9)
    assert model.gap_ <= 1e-8


def test_digits_end_with_a_proof_whatever_c():
    X, y = load_digits(return_X_y=True)
    counts = []
    for C in (1e-3, 1e-2, 1.0, 100.0):
        model = SoftmaxRegression(C=C, l1_ratio=1.0).fit(X, y)
        assert model.converged_
        assert model.history_[-1]["nonzero"] >= np.count_nonzero(model.coef_)
        counts.append(np.count_nonzero(model.coef_))
    assert counts[:3] == sorted(counts[:3])
    assert counts[2] < model.coef_.size / 2


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("intercept", [True, False])
def test_sparse_tables_have_the_coefficients_of_dense_ones(k, l1_ratio, intercept):
    random = np.random.default_rng(k)
    X = random.poisson(0.4, (150, 12)).astype(float)
    y = (X[:, :k] + random.gumbel(size=(150, k))).argmax(axis=1)
    options = {"l1_ratio": l1_ratio, "C": 0.3, "tol": 1e-9, "fit_intercept": intercept}
    dense = SoftmaxRegression(**options).fit(X, y)
    thin = SoftmaxRegression(**options).fit(sparse.csr_array(X), y)
    assert thin.objective_ == pytest.approx(dense.objective_, rel=1e-8)
    np.testing.assert_allclose(thin.coef_, dense.coef_, atol=2e-4)
    np.testing.assert_array_equal(thin.coef_ == 0, dense.coef_ == 0)


@pytest.mark.parametrize("k", [2, 3])
def test_weights_and_classes_keep_their_meaning(k):
    random = np.random.default_rng(3)
    X = random.normal(size=(120, 6)) * [1, 10, 0.1, 1, 1, 1]
    y = (X[:, :k] + random.gumbel(size=(120, k))).argmax(axis=1)
    weights = random.uniform(0, 2, 120)
    model = SoftmaxRegression(l1_ratio=0.7, C=0.5, tol=1e-9).fit(X, y, weights)
    exact = exact_problem(X, y, C=0.5, l1_ratio=0.7, weights=weights)
    assert model.objective_ == pytest.approx(exact.minimum_by_halves()[1], rel=1e-7)
    soft = SoftmaxRegression(l1_ratio=0.7, C=0.5, tol=1e-9)
    rows = np.eye(k)[y]
    np.testing.assert_allclose(soft.fit(X, rows, weights).coef_, model.coef_, atol=1e-6)


def test_groups_and_lasso_agree_for_two_classes():
    X, y = load_breast_cancer(return_X_y=True)
    lasso = SoftmaxRegression(l1_ratio=1.0, tol=1e-8).fit(X, y)
    group = SoftmaxRegression(l1_ratio=1.0, tol=1e-8, penalty_groups="feature").fit(X, y)
    np.testing.assert_array_equal(group.coef_, lasso.coef_)


def test_a_warm_start_stays_at_the_optimum():
    X, y = load_wine(return_X_y=True)
    model = SoftmaxRegression(l1_ratio=1.0, warm_start=True).fit(X, y)
    first = model.coef_
    model.fit(X, y)
    assert model.n_iter_[0] <= 3
    np.testing.assert_allclose(model.coef_, first, atol=1e-3 * np.abs(first).max())


def test_no_penalty_at_all_has_no_zeros():
    X, y = load_iris(return_X_y=True)
    X, y = X[50:], y[50:]
    plain = SoftmaxRegression(C=np.inf).fit(X, y)
    np.testing.assert_array_equal(
        SoftmaxRegression(C=np.inf, l1_ratio=1.0).fit(X, y).coef_, plain.coef_
    )


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "sgd", "adam"])
def test_other_solvers_cannot_make_zeros(solver):
    with pytest.raises(ParameterError, match=r"^solver must be 'auto' where l1_ratio.*Pass"):
        SoftmaxRegression(l1_ratio=0.5, solver=solver).fit([[0.0], [1.0]], [0, 1])


def test_groups_need_a_penalty_and_a_name_that_is_known():
    with pytest.raises(ParameterError, match=r"^penalty_groups must be None where l1_ratio is 0"):
        SoftmaxRegression(penalty_groups="feature").fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ParameterError, match=r"^penalty_groups must be one of feature"):
        SoftmaxRegression(l1_ratio=1, penalty_groups="class").fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1e-6, 1e6])
def test_columns_of_extreme_size(size):
    X, y = load_iris(return_X_y=True)
    X = np.column_stack([X, X[:, 2] * size])
    model = SoftmaxRegression(l1_ratio=1.0).fit(X, y)
    assert model.converged_
    assert np.isfinite(model.predict_proba(X)).all()
