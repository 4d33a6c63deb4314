import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis as ScikitLearns

from luce import LinearDiscriminantAnalysis
from luce.errors import ParameterError

pytestmark = pytest.mark.once

SETS = {load.__name__: load(return_X_y=True) for load in (load_iris, load_wine, load_digits)}
ANY_SET = pytest.mark.parametrize(("X", "y"), SETS.values(), ids=SETS)


@ANY_SET
@pytest.mark.parametrize("shrinkage", [None, "auto", 0.3, 1.0])
def test_equals_scikit_learn(X, y, shrinkage):
    ours = LinearDiscriminantAnalysis(shrinkage=shrinkage).fit(X, y)
    theirs = ScikitLearns(solver="lsqr", shrinkage=shrinkage).fit(X, y)
    np.testing.assert_allclose(ours.covariance_, theirs.covariance_, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-10)


@pytest.mark.parametrize("shrinkage", [None, "auto", 0.3])
def test_equals_scikit_learn_for_two_classes_and_given_priors(shrinkage):
    X, y = load_breast_cancer(return_X_y=True)
    X = X / X.std(axis=0)  # in raw units its least squares lose eight digits
    options = {"shrinkage": shrinkage, "priors": [0.1, 0.9]}
    ours = LinearDiscriminantAnalysis(**options).fit(X, y)
    theirs = ScikitLearns(solver="lsqr", **options).fit(X, y)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), rtol=1e-7)


@ANY_SET
def test_equals_scikit_learns_default(X, y):
    """Up to the divisor of the squares, which was n - k before it became n."""
    ours, theirs = LinearDiscriminantAnalysis().fit(X, y), ScikitLearns().fit(X, y)
    prior = np.log(np.bincount(y) / len(y))
    logits, other = (centred(model.decision_function(X) - prior) for model in (ours, theirs))
    share = np.vdot(logits, other) / np.vdot(logits, logits)
    np.testing.assert_allclose(other, share * logits, atol=1e-9)
    rows, k = len(y), len(prior)
    assert min(abs(share - 1), abs(share - (rows - k) / rows)) < 1e-9


def centred(logits):
    return logits - logits.mean(axis=1, keepdims=True)


@ANY_SET
def test_its_twin_predicts_the_same(X, y):
    model = LinearDiscriminantAnalysis(shrinkage="auto").fit(X, y)
    twin = model.to_softmax()
    np.testing.assert_allclose(twin.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))


@pytest.mark.parametrize("shrinkage", [None, "auto", 0.5])
def test_a_weight_of_two_is_a_row_twice(shrinkage):
    X, y = SETS["load_iris"]
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    weighted = LinearDiscriminantAnalysis(shrinkage=shrinkage).fit(X, y, weight)
    repeated = LinearDiscriminantAnalysis(shrinkage=shrinkage)
    repeated.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-9)
    np.testing.assert_allclose(weighted.shrinkage_, repeated.shrinkage_, rtol=1e-9)


def test_units_do_not_matter():
    X, y = SETS["load_wine"]
    scale = 10.0 ** np.linspace(-8, 8, X.shape[1])
    plain = LinearDiscriminantAnalysis(shrinkage="auto").fit(X, y)
    scaled = LinearDiscriminantAnalysis(shrinkage="auto").fit(X * scale, y)
    np.testing.assert_allclose(
        scaled.predict_proba(X * scale), plain.predict_proba(X), rtol=0, atol=1e-9
    )


def test_a_repeated_column_changes_nothing():
    X, y = SETS["load_iris"]
    twice = np.column_stack([X, X[:, 0] * 3])
    np.testing.assert_allclose(
        LinearDiscriminantAnalysis().fit(twice, y).predict_proba(twice),
        LinearDiscriminantAnalysis().fit(X, y).predict_proba(X),
        atol=1e-8,
    )


def test_columns_without_variance_leave_the_priors():
    model = LinearDiscriminantAnalysis().fit(np.ones((4, 2)), [0, 1, 1, 1])
    np.testing.assert_allclose(model.predict_proba(np.ones((1, 2))), [[0.25, 0.75]])


@pytest.mark.parametrize("shrinkage", [-0.1, 1.5, "most", True])
def test_bad_options_are_named(shrinkage):
    with pytest.raises(ParameterError, match=r"shrinkage must be in \[0, 1\], 'auto' or None"):
        LinearDiscriminantAnalysis(shrinkage=shrinkage).fit(*SETS["load_iris"])
