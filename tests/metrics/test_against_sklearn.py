"""Every metric that scikit-learn has too, on random problems and with missing classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from luce.metrics import accuracy, class_scores, confusion_matrix, log_loss, majority_baseline


@st.composite
def problems(draw):
    n, k = draw(st.integers(1, 60)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    logits = 5 * rng.normal(size=(n, k))
    p = np.exp(logits)
    return rng.integers(k, size=n), p / p.sum(axis=1, keepdims=True)


@given(problems())
def test_accuracy_and_log_loss(problem):
    labels, proba = problem
    k = proba.shape[1]
    assert accuracy(labels, proba).value == sk.accuracy_score(labels, proba.argmax(axis=1))
    expected = sk.log_loss(labels, proba, labels=range(k))
    assert log_loss(labels, proba).value == pytest.approx(expected, rel=1e-12)


@given(problems())
def test_confusion_and_class_scores(problem):
    labels, proba = problem
    k, predictions = proba.shape[1], proba.argmax(axis=1)
    confusion = confusion_matrix(labels, predictions, k)
    np.testing.assert_array_equal(
        confusion, sk.confusion_matrix(labels, predictions, labels=range(k))
    )
    expected = sk.precision_recall_fscore_support(
        labels, predictions, labels=range(k), zero_division=np.nan
    )
    for got, wanted in zip(class_scores(confusion), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


@given(problems())
def test_the_baseline_is_the_dummy_classifier(problem):
    labels, proba = problem
    k = proba.shape[1]
    baseline = majority_baseline(labels, k)
    shares = np.bincount(labels, minlength=k) / len(labels)
    assert baseline.accuracy.value == shares.max()
    assert baseline.label == shares.argmax()
    entropy = sk.log_loss(labels, np.tile(shares, (len(labels), 1)), labels=range(k))
    assert baseline.log_loss.value == pytest.approx(entropy, rel=1e-12, abs=1e-15)
