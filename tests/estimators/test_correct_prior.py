"""Class weights and honest probabilities at once: the correction of the prior."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from luce import SoftmaxRegression

pytestmark = pytest.mark.once

CS = {"C": 1e6, "tol": 1e-8}


def rows(n, seed):
    """A softmax model with a rare class."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 3))
    truth = np.array([[1.0, 0, -1], [0, 1, 0.5], [-1, -1, 0.5]])
    z = X @ truth.T + [1.5, 0, -3] + random.gumbel(size=(n, 3))
    return X, z.argmax(axis=1)


X, Y = rows(20_000, 0)
X_NEW, Y_NEW = rows(20_000, 1)


@pytest.mark.parametrize("weight", ["balanced", {2: 20.0}])
def test_the_loss_on_new_rows_recovers(weight):
    def loss(**options):
        return log_loss(Y_NEW, SoftmaxRegression(**CS, **options).fit(X, Y).predict_proba(X_NEW))

    plain, skewed = loss(), loss(class_weight=weight)
    corrected = loss(class_weight=weight, correct_prior=True)
    assert skewed > plain + 0.05
    assert abs(corrected - plain) < 0.02 * (skewed - plain)


def test_the_model_of_the_weighted_population_is_shifted_exactly():
    options = {"class_weight": {0: 1.0, 1: 2.0, 2: 20.0}, **CS}
    weighted = SoftmaxRegression(**options).fit(X, Y)
    corrected = SoftmaxRegression(**options, correct_prior=True).fit(X, Y)
    np.testing.assert_array_equal(weighted.coef_, corrected.coef_)
    np.testing.assert_allclose(
        weighted.intercept_ - corrected.intercept_, np.log([1.0, 2.0, 20.0]), atol=1e-12
    )
    mean = corrected.predict_proba(X).mean(axis=0)
    np.testing.assert_allclose(mean, np.bincount(Y) / len(Y), rtol=0.03)


def test_two_classes_and_rows_of_probabilities():
    two = (Y == 2).astype(int)
    options = {"class_weight": {1: 30.0}, "correct_prior": True, **CS}
    labels = SoftmaxRegression(**options).fit(X, two)
    soft = SoftmaxRegression(**options).fit(X, np.eye(2)[two])
    assert labels.predict_proba(X)[:, 1].mean() == pytest.approx(two.mean(), rel=0.05)
    np.testing.assert_allclose(labels.intercept_, soft.intercept_, atol=1e-6)


def test_a_warm_start_begins_where_the_last_fit_ended():
    model = SoftmaxRegression(class_weight="balanced", correct_prior=True, warm_start=True, **CS)
    model.fit(X, Y)
    intercept = model.intercept_.copy()
    model.fit(X, Y)
    assert model.n_iter_[0] <= 2
    np.testing.assert_allclose(model.intercept_, intercept, atol=1e-5)


def test_without_class_weights_nothing_is_done():
    plain = SoftmaxRegression().fit(X, Y)
    same = SoftmaxRegression(correct_prior=True).fit(X, Y)
    np.testing.assert_array_equal(plain.intercept_, same.intercept_)


def test_partial_fit_corrects_too():
    options = {"class_weight": {2: 20.0}, "correct_prior": True}
    model = SoftmaxRegression(**options)
    for start in range(0, len(Y), 1000):
        part = slice(start, start + 1000)
        model.partial_fit(X[part], Y[part], classes=[0, 1, 2])
    mean = model.predict_proba(X).mean(axis=0)
    np.testing.assert_allclose(mean, np.bincount(Y) / len(Y), rtol=0.1)
