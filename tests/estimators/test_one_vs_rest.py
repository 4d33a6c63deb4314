import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from luce import OneVsRest, SoftmaxRegression
from luce.errors import ParameterError

X, Y = load_wine(return_X_y=True)
SCALED = (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_equals_scikit_learn_where_that_converges(C, fit_intercept):
    options = {"C": C, "fit_intercept": fit_intercept}
    ours = OneVsRest(tol=1e-10, **options).fit(SCALED, Y)
    rival = LogisticRegression(tol=1e-10, max_iter=10_000, **options)
    theirs = OneVsRestClassifier(rival).fit(SCALED, Y)
    np.testing.assert_allclose(ours.predict_proba(SCALED), theirs.predict_proba(SCALED), atol=1e-5)
    assert ours.gap_ == ours.gaps_.max() <= 1e-10


def objective(model, j, weight, C):
    """The function of scikit-learn for the question "class j?", divided by ``C sum(weight)``."""
    z = X @ model.coef_[j] + model.intercept_[j]
    loss = np.logaddexp(0, np.where(j == Y, -z, z))
    share = 0.5 * (model.coef_[j] ** 2).sum() / (C * weight.sum())
    return weight @ loss / weight.sum() + share


def test_the_gap_bounds_what_is_left_of_each_problem():
    weight = np.random.default_rng(0).uniform(0, 2, len(Y))
    rough = OneVsRest(tol=0.3).fit(X, Y, weight)
    best = OneVsRest(tol=1e-10).fit(X, Y, weight)
    for j in range(3):
        least = objective(best, j, weight, 1.0)
        assert objective(rough, j, weight, 1.0) <= least * (1 + rough.gaps_[j]) * (1 + 1e-9)
    assert rough.gap_ == rough.gaps_.max()


@pytest.mark.parametrize("coupling", ["normalised", "likelihood", "softmax"])
def test_two_classes_are_one_logistic_regression(coupling):
    kept = Y < 2
    ours = OneVsRest(coupling=coupling, tol=1e-10).fit(X[kept], Y[kept])
    softmax = SoftmaxRegression(tol=1e-10).fit(X[kept], Y[kept])
    assert ours.coef_.shape == (1, 13)
    np.testing.assert_allclose(ours.predict_proba(X), softmax.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("coupling", ["normalised", "likelihood", "softmax"])
def test_probabilities_agree_with_predictions_and_logarithms(coupling):
    model = OneVsRest(coupling=coupling).fit(X, Y)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_array_equal(p.argmax(axis=1), model.predict(X))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), p, rtol=1e-12)


def test_sparse_rows_give_the_same():
    dense, sparse = (OneVsRest(tol=1e-9).fit(kind(X), Y) for kind in (np.asarray, csr_array))
    np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(
        sparse.predict_proba(csr_array(X)), dense.predict_proba(X), atol=1e-4
    )


def test_class_weights_are_row_weights():
    of_class = {0: 0.5, 1: 2.0, 2: 1.0}
    weighted = OneVsRest(class_weight=of_class, tol=1e-9).fit(X, Y)
    rows = OneVsRest(tol=1e-9).fit(X, Y, np.array([0.5, 2.0, 1.0])[Y])
    np.testing.assert_array_equal(weighted.coef_, rows.coef_)
    balanced = OneVsRest(class_weight="balanced", tol=1e-9).fit(X, Y)
    share = len(Y) / (3 * np.bincount(Y))
    np.testing.assert_allclose(balanced.coef_, OneVsRest(tol=1e-9).fit(X, Y, share[Y]).coef_)


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_change_a_bit(threads, monkeypatch):
    monkeypatch.setattr("luce.kernels.get_num_threads", lambda: threads)
    X, y = load_iris(return_X_y=True)
    np.testing.assert_array_equal(OneVsRest().fit(X, y).coef_, OneVsRest().fit(X, y).coef_)


def test_a_missing_proof_is_told():
    with pytest.warns(ConvergenceWarning, match=r"in the worst of . binary problems \(of 3\)"):
        model = OneVsRest(max_iter=1).fit(X, Y)
    assert not model.converged_


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"C": 0}, "C must be positive"),
        ({"coupling": "votes"}, "coupling must be one of normalised, likelihood, softmax"),
        ({"solver": "sgd"}, "solver must be one of auto, newton, lbfgs"),
        ({"tol": 0}, "tol must be positive"),
        ({"max_iter": 0}, "max_iter must be a whole number from 1"),
        ({"fit_intercept": 1}, "fit_intercept must be True or False"),
        ({"class_weight": "equal"}, "class_weight must be None, 'balanced'"),
    ],
)
def test_bad_options_are_named(options, hint):
    with pytest.raises(ParameterError, match=hint):
        OneVsRest(**options).fit(X, Y)
