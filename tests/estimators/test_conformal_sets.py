"""Conformal sets: the quantile, the scores, the coverage, and MAPIE where definitions agree."""

from fractions import Fraction
from math import ceil, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_digits

from luce import ConformalSets, SoftmaxRegression
from luce.errors import LabelError, ParameterError
from luce.estimators.conformity import conformal_quantile, conformity_scores
from luce.metrics import set_coverage_of_classes, set_size

pytestmark = pytest.mark.once

METHODS = pytest.mark.parametrize("method", ["lac", "aps", "raps"])


def drawn(n, k=6, seed=0, sureness=2.0):
    """Probabilities that are somewhat too sure, and labels."""
    rng = np.random.default_rng(seed)
    z = 1.5 * rng.normal(size=(n, k))
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    p = np.exp(sureness * z)
    return p / p.sum(axis=1, keepdims=True), y


@given(st.integers(1, 400), st.integers(1, 99))
def test_the_quantile_is_the_exact_place(n, percent):
    scores = np.random.default_rng(n).permutation(n) + 1.0  # the place is the value
    place = ceil((n + 1) * (1 - Fraction(percent, 100)))
    assert conformal_quantile(scores, percent / 100) == (place if place <= n else inf)


def test_scores_by_the_definition_of_the_papers():
    p, _ = drawn(20)
    u = np.random.default_rng(1).random(20)
    found = conformity_scores(p, "raps", u, penalty=0.1, rank=2)
    for i, row in enumerate(p):
        for j, own in enumerate(row):
            above = row[row > own].sum()
            cost = 0.1 * max(0, 1 + (row > own).sum() - 2)
            assert found[i, j] == pytest.approx(above + own - u[i] * own + cost, abs=1e-12)
    adaptive = conformity_scores(p, "raps", u, penalty=0.0)
    np.testing.assert_array_equal(adaptive, conformity_scores(p, "aps", u))
    np.testing.assert_array_equal(conformity_scores(p, "lac"), 1 - p)


@METHODS
@pytest.mark.parametrize("conditional", [False, True])
def test_the_coverage_is_that_asked_for(method, conditional):
    shares, sizes = [], []
    for seed in range(40):
        p, y = drawn(900, seed=seed)
        sets = ConformalSets(method=method, class_conditional=conditional, random_state=seed)
        sets.fit(p[:450], y[:450])
        shares.append(sets.coverage(p[450:], y[450:]))
        sizes.append(set_size(sets.predict_set(p[450:])).mean.value)
    # one over n + 1 above 0.9 at most; within each class n is a sixth
    assert np.mean(shares) == pytest.approx(0.9 + (0.006 if conditional else 0.0), abs=0.008)
    assert 1 < np.mean(sizes) < 5


def test_within_classes_hard_and_easy_ones_are_covered_alike():
    p, y = drawn(6000, k=3)
    keep = (y != 2) | (np.random.default_rng(0).random(6000) < 0.3)
    p, y = p[keep] * [1, 1, 0.3], y[keep]  # class 2 is rare, and stated too rarely
    p /= p.sum(axis=1, keepdims=True)
    half = len(p) // 2
    by_class = ConformalSets(class_conditional=True).fit(p[:half], y[:half])
    shares = set_coverage_of_classes(y[half:], by_class.predict_set(p[half:]))
    assert all(abs(share.value - 0.9) < 0.04 for share in shares)
    together = ConformalSets().fit(p[:half], y[:half])
    least = set_coverage_of_classes(y[half:], together.predict_set(p[half:]))[2]
    assert least.value < 0.8


def test_without_chance_sets_are_larger_and_hold_the_top():
    p, y = drawn(2000)
    chance = ConformalSets(method="aps", random_state=0).fit(p[:1000], y[:1000])
    plain = ConformalSets(method="aps", randomised=False).fit(p[:1000], y[:1000])
    assert plain.predict_set(p).sum() > chance.predict_set(p).sum()
    top = ConformalSets(alpha=0.6, at_least_one=True).fit(p[:1000], y[:1000]).predict_set(p)
    bare = ConformalSets(alpha=0.6).fit(p[:1000], y[:1000]).predict_set(p)
    assert not bare.any(axis=1).all()
    assert top.any(axis=1).all()
    np.testing.assert_array_equal(top.sum(axis=1), np.maximum(bare.sum(axis=1), 1))


def test_another_alpha_and_too_few_rows():
    p, y = drawn(300)
    sets = ConformalSets(alpha=0.3).fit(p[:9], y[:9])
    assert sets.predict_set(p, alpha=0.05).all()  # 9 rows exclude nothing at 5 %
    strict = ConformalSets(alpha=0.1).fit(p, y)
    again = ConformalSets(alpha=0.2).fit(p, y)
    np.testing.assert_array_equal(strict.predict_set(p, alpha=0.2), again.predict_set(p))


def test_a_classifier_is_trained_on_other_rows():
    X, y = load_digits(return_X_y=True)
    names = np.array(list("abcdefghij"))[y]
    sets = ConformalSets(SoftmaxRegression(C=1e-4), random_state=0).fit(X[:1000], names[:1000])
    assert len(sets.scores_) == 250
    assert sets.coverage(X[1000:], names[1000:]) == pytest.approx(0.9, abs=0.05)
    fitted = ConformalSets(sets.estimator_, prefit=True).fit(X[1000:], names[1000:])
    assert fitted.estimator_ is sets.estimator_
    assert clone(sets).get_params()["alpha"] == 0.1
    with pytest.raises(LabelError, match="classes that the classifier knows"):
        fitted.fit(X[:5], ["z"] * 5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"alpha": 0}, "alpha must lie between 0 and 1"),
        ({"method": "apps"}, "Did you mean 'aps'"),
        ({"raps_penalty": -1}, "raps_penalty must be"),
        ({"raps_rank": 1.5}, "raps_rank must be"),
        ({"holdout": 1.0, "estimator": SoftmaxRegression()}, "holdout must be"),
    ],
)
def test_impossible_options_are_refused(options, words):
    p, y = drawn(20)
    with pytest.raises(ParameterError, match=words):
        ConformalSets(**options).fit(p, y)


class Stated(ClassifierMixin, BaseEstimator):
    """A classifier whose features are its probabilities."""

    def fit(self, X, y):
        self.classes_, self.n_features_in_ = np.arange(X.shape[1]), X.shape[1]
        return self

    def predict_proba(self, X):
        return X

    def predict(self, X):
        return X.argmax(axis=1)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.37])
@pytest.mark.parametrize("method", ["lac", "aps"])
def test_it_is_mapies(method, alpha):
    mapie = pytest.importorskip("mapie.classification")
    p, y = drawn(500)
    base = Stated().fit(p, y)
    theirs = mapie.SplitConformalClassifier(
        base, confidence_level=1 - alpha, conformity_score=method, prefit=True, random_state=3
    ).conformalize(p[:300], y[:300])
    chance = {"conformity_score_params": {"include_last_label": "randomized"}}
    _, sets = theirs.predict_set(p[300:], **(chance if method == "aps" else {}))
    scores = conformity_scores(p[:300], method, mapies_chance(300))[np.arange(300), y[:300]]
    quantile = conformal_quantile(scores, alpha)
    known = theirs._mapie_classifier.conformity_score_function_.quantiles_
    assert quantile == pytest.approx(float(np.ravel(known)[0]), abs=1e-12)
    ours = conformity_scores(p[300:], method, mapies_chance(200)) <= quantile
    np.testing.assert_array_equal(ours, sets[:, :, 0])


def mapies_chance(n):
    return np.random.RandomState(3).uniform(size=n)
