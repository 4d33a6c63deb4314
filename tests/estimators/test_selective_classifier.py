"""Abstaining: the bound, the promise over many calibrations, and what cannot be promised."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits

from luce import SelectiveClassifier, SoftmaxRegression
from luce.errors import ParameterError
from luce.estimators.selective_classifier import upper_bound

pytestmark = pytest.mark.once


class Stated(ClassifierMixin, BaseEstimator):
    """A classifier whose features are its logits."""

    def fit(self, X, y):
        self.classes_ = np.arange(X.shape[1])
        return self

    def decision_function(self, X):
        return X


def drawn(n, seed, k=3):
    rng = np.random.default_rng(seed)
    z = 2 * rng.normal(size=(n, k))
    return z, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


@pytest.mark.parametrize(("mistakes", "rows"), [(0, 50), (3, 80), (40, 41)])
def test_the_bound_is_where_so_few_mistakes_become_improbable(mistakes, rows):
    bound = upper_bound(mistakes, rows, 0.01)
    assert binom.cdf(mistakes, rows, bound) == pytest.approx(0.01)
    assert upper_bound(5, 5, 0.01) == 1


def test_the_promise_is_kept():
    z, y = drawn(100_000, seed=0)
    wrong = z.argmax(axis=1) != y
    base, broken, shares = Stated().fit(z, y), 0, []
    for seed in range(200):
        model = SelectiveClassifier(base, prefit=True, max_risk=0.1, certainty=0.8)
        model.fit(*drawn(2000, seed=seed + 1))
        answered = model.decide(z).answered
        broken += wrong[answered].mean() > 0.1
        shares.append(answered.mean())
    assert broken / 200 < 0.2
    # of all rules on this confidence, the best one answers so many
    sure = model.decide(z).confidence
    order = np.argsort(-sure)
    risk = np.cumsum(wrong[order]) / np.arange(1, len(z) + 1)
    best = np.flatnonzero(risk <= 0.1).max() / len(z)
    assert np.mean(shares) > best - 0.17


def test_a_model_that_is_always_right_answers_everything():
    z, _ = drawn(2000, seed=0)
    model = SelectiveClassifier(Stated().fit(z, None), prefit=True).fit(z, z.argmax(axis=1))
    assert model.threshold_ == -np.inf
    assert model.coverage_ == 1
    assert model.risk_bound_ == pytest.approx(-np.log(0.05 / 16) / 2000, rel=1e-2)


def test_what_cannot_be_proven_is_told_and_nothing_is_answered():
    z, y = drawn(60, seed=0)
    model = SelectiveClassifier(Stated().fit(z, y), prefit=True, max_risk=0.01)
    with pytest.warns(UserWarning, match="no proof from 60 rows"):
        model.fit(z, y)
    assert not model.decide(z).answered.any()
    assert np.isnan(model.risk_bound_)


@pytest.mark.parametrize("score", ["max_probability", "margin", "entropy", "max_logit", "energy"])
def test_each_score_on_a_classifier_trained_here(score):
    X, y = load_digits(return_X_y=True)
    model = SelectiveClassifier(
        SoftmaxRegression(C=1e-4), score=score, holdout=0.5, max_risk=0.1, random_state=0
    ).fit(X, y)
    decisions = model.decide(X)
    assert decisions.answered.mean() > 0.5
    np.testing.assert_array_equal(decisions.labels, model.predict(X))
    np.testing.assert_array_equal(decisions.answered, decisions.confidence > model.threshold_)


def test_impossible_options_are_refused():
    z, y = drawn(60, seed=0)
    with pytest.raises(ParameterError, match="max_risk must lie between 0 and 1, got 5"):
        SelectiveClassifier(Stated(), max_risk=5).fit(z, y)
    with pytest.raises(ParameterError, match="score must be one of"):
        SelectiveClassifier(Stated(), score="p").fit(z, y)
