"""`SoftmaxRegression.partial_fit`: scikit-learn's contract, and what a stream comes to."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_wine
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from luce import SoftmaxRegression
from luce.errors import LabelError, ParameterError

pytestmark = pytest.mark.once


def rows(n=6000, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 6)) * [1, 100, 0.01, 1, 1, 5] + [0, 1000, 0, 3, 0, 0]
    truth = (
        np.random.default_rng(1).normal(size=(6, 4)) / np.array([1, 100, 0.01, 1, 1, 5])[:, None]
    )
    y = ((X - [0, 1000, 0, 3, 0, 0]) @ truth + random.gumbel(size=(n, 4))).argmax(axis=1)
    return X, y


def stream(model, X, y, size=100):
    for start in range(0, len(y), size):
        part = slice(start, start + size)
        model.partial_fit(X[part], y[part], classes=[0, 1, 2, 3])
    return model


def test_the_first_call_is_a_fit():
    X, y = load_wine(return_X_y=True)
    first = SoftmaxRegression().partial_fit(X, y, classes=[0, 1, 2])
    whole = SoftmaxRegression(tol=1e-10).fit(X, y)
    np.testing.assert_allclose(first.predict_proba(X), whole.predict_proba(X), atol=1e-2)


def test_a_stream_comes_near_the_fit_of_all_rows():
    X, y = rows()
    X_new, y_new = rows(3000, seed=9)
    whole = SoftmaxRegression(C=0.01).fit(X, y)
    model = stream(SoftmaxRegression(C=0.01), X, y)
    best, got = (log_loss(y_new, m.predict_proba(X_new)) for m in (whole, model))
    assert got < best + 5e-3
    rival = stream(SGDClassifier(loss="log_loss", random_state=0), scale(X), y)
    assert got < log_loss(y_new, rival.predict_proba(scale(X_new)))
    assert model.history_[-1]["rows"] == 6000
    assert model.history_[-1]["loss_before"] == pytest.approx(best, abs=0.2)


def test_is_the_same_every_time_sparse_or_dense():
    X, y = rows(400)
    a, b, c = (stream(SoftmaxRegression(), data, y) for data in (X, X, csr_matrix(X)))
    np.testing.assert_array_equal(a.coef_, b.coef_)
    np.testing.assert_allclose(a.predict_proba(X), c.predict_proba(X), atol=1e-6)


def test_a_class_may_come_late():
    X, y = rows(4000)
    early = np.flatnonzero(y[:1000] != 3)
    order = np.append(early, np.arange(1000, 4000))
    model = stream(SoftmaxRegression(), X[order], y[order])
    whole = SoftmaxRegression().fit(X[order], y[order])
    assert model.score(X, y) > whole.score(X, y) - 0.02
    assert np.isfinite(model.coef_).all()


def test_weights_count_as_repeated_rows():
    X, y = rows(200)
    weights = np.random.default_rng(0).integers(0, 3, 200)
    options = {"classes": [0, 1, 2, 3]}
    weighted = SoftmaxRegression().partial_fit(X, y, sample_weight=weights, **options)
    times = np.repeat(np.arange(200), weights)
    repeated = SoftmaxRegression().partial_fit(X[times], y[times], **options)
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-4)


def test_goes_on_from_a_fit():
    X, y = rows(4000)
    model = SoftmaxRegression(C=0.01).fit(X[:3500], y[:3500])
    before = model.predict_proba(X)
    model.partial_fit(X[3500:], y[3500:])
    whole = SoftmaxRegression(C=0.01).fit(X, y).predict_proba(X)
    assert np.abs(model.predict_proba(X) - whole).mean() < 0.5 * np.abs(before - whole).mean()
    again = model.fit(X, y).partial_fit(X[:10], y[:10])
    assert again.history_[-1]["rows"] == 4010


def test_two_classes_and_no_intercept():
    X, y = rows(500)
    y = (y > 1).astype(str)
    model = SoftmaxRegression(fit_intercept=False).partial_fit(X, y, classes=["False", "True"])
    assert model.coef_.shape == (1, 6)
    np.testing.assert_array_equal(model.intercept_, 0)
    assert set(model.predict(X)) <= {"False", "True"} | set(y)


def test_impossible_calls_are_refused():
    X, y = rows(50)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        SoftmaxRegression().partial_fit(X, y)
    model = SoftmaxRegression().partial_fit(X, y, classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match="is not the same as on last call"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(LabelError, match="known from the first call"):
        model.partial_fit(X, y + 9)
    with pytest.raises(ParameterError, match="class_weight must be a dict or None in partial_fit"):
        SoftmaxRegression(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2, 3])
