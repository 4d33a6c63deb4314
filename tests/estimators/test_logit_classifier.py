import numpy as np
import pytest
from scipy.special import log_softmax

from luce.estimators.logit_classifier import LogitClassifier

pytestmark = pytest.mark.once


class Given(LogitClassifier):
    """Its logits are what it is given."""

    def __init__(self, classes):
        self.classes_ = np.array(classes)

    def _logits(self, X):
        return np.asarray(X)


def test_it_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        LogitClassifier()


def test_three_classes_have_a_softmax():
    model, z = Given(["a", "b", "c"]), np.array([[0.0, 3.0, 1.0], [800.0, 0.0, -5.0]])
    assert model.predict(z).tolist() == ["b", "a"]
    np.testing.assert_allclose(model.predict_log_proba(z), log_softmax(z, axis=1), atol=1e-15)
    np.testing.assert_allclose(model.predict_proba(z), np.exp(log_softmax(z, axis=1)))


def test_two_classes_have_log_odds():
    model, z = Given(["a", "b"]), np.array([-800.0, 0.0, 1e-9, 40.0])
    assert model.predict(z).tolist() == ["a", "a", "b", "b"]
    expected = log_softmax(np.column_stack([np.zeros(4), z]), axis=1)
    np.testing.assert_allclose(model.predict_log_proba(z), expected, rtol=1e-14, atol=1e-17)
    np.testing.assert_allclose(model.predict_proba(z), np.exp(expected), rtol=1e-14)
    assert model.predict_log_proba(z)[3, 1] == -np.exp(-40)  # to the last digits
