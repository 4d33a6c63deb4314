import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from luce import OneVsOne, SoftmaxRegression
from luce.errors import ParameterError

X, Y = load_wine(return_X_y=True)
SCALED = (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_each_pair_equals_scikit_learn(C, fit_intercept):
    options = {"C": C, "fit_intercept": fit_intercept}
    weight = np.random.default_rng(0).uniform(0.1, 2, len(Y))
    ours = OneVsOne(tol=1e-10, **options).fit(SCALED, Y, weight)
    for m, pair in enumerate(ours.pairs_):
        own = np.isin(Y, pair)
        rival = LogisticRegression(tol=1e-10, max_iter=10_000, **options)
        rival.fit(SCALED[own], Y[own], weight[own])
        np.testing.assert_allclose(ours.coef_[m], rival.coef_[0], atol=3e-4)
        np.testing.assert_allclose(ours.intercept_[m], rival.intercept_[0], atol=3e-4)
    assert ours.gap_ == ours.gaps_.max() <= 1e-10


@pytest.mark.parametrize("coupling", ["wu-lin-weng", "hastie-tibshirani"])
def test_probabilities_agree_with_predictions_and_logarithms(coupling):
    model = OneVsOne(coupling=coupling).fit(X, Y)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_array_equal(p.argmax(axis=1), model.predict(X))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), p, rtol=1e-12)
    assert model.score(X, Y) > 0.98


def test_two_classes_are_one_logistic_regression():
    kept = Y < 2
    ours = OneVsOne(tol=1e-10).fit(X[kept], Y[kept])
    softmax = SoftmaxRegression(tol=1e-10).fit(X[kept], Y[kept])
    assert ours.pair_decision_function(X).shape == (178, 1)
    np.testing.assert_allclose(ours.predict_proba(X), softmax.predict_proba(X), atol=1e-5)


def test_the_pairs_know_their_classes_and_weights():
    X, y = load_digits(return_X_y=True)
    model = OneVsOne(C=0.01, tol=1e-2).fit(X[:500], y[:500])
    counts = np.bincount(y[:500])
    assert model.coef_.shape == (45, 64)
    np.testing.assert_allclose(model.pair_weight_, counts[model.pairs_].sum(axis=1))
    wins = model.pair_decision_function(X[:500]) > 0
    for m, (i, j) in enumerate(model.pairs_):
        own = np.isin(y[:500], (i, j))
        assert (np.where(wins[own, m], j, i) == y[:500][own]).mean() > 0.98


def test_sparse_rows_give_the_same():
    dense, sparse = (OneVsOne(tol=1e-9).fit(kind(X), Y) for kind in (np.asarray, csr_array))
    np.testing.assert_allclose(
        sparse.predict_proba(csr_array(X)), dense.predict_proba(X), atol=1e-4
    )


def test_class_weights_are_row_weights():
    weighted = OneVsOne(class_weight={0: 0.5, 1: 2.0, 2: 1.0}, tol=1e-9).fit(X, Y)
    rows = OneVsOne(tol=1e-9).fit(X, Y, np.array([0.5, 2.0, 1.0])[Y])
    np.testing.assert_array_equal(weighted.coef_, rows.coef_)


@pytest.mark.parametrize("limit", [0, 10**9], ids=["one by one", "side by side"])
def test_problems_in_threads_give_the_same_bits(limit, monkeypatch):
    expected = OneVsOne().fit(X, Y).coef_
    monkeypatch.setattr("luce.estimators.binary_problems._SMALL", limit)
    monkeypatch.setattr("luce.kernels.get_num_threads", lambda: 2)
    np.testing.assert_array_equal(OneVsOne().fit(X, Y).coef_, expected)


def test_a_missing_proof_is_told():
    with pytest.warns(ConvergenceWarning, match=r"in the worst of . binary problems \(of 3\)"):
        assert not OneVsOne(max_iter=1).fit(X, Y).converged_


def test_bad_options_are_named():
    with pytest.raises(ParameterError, match="coupling must be one of wu-lin-weng, hastie"):
        OneVsOne(coupling="votes").fit(X, Y)
    with pytest.raises(ParameterError, match="C must be positive"):
        OneVsOne(C=-1).fit(X, Y)
