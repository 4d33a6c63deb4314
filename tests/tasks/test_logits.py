import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from luce.errors import LuceError, ParameterError
from luce.tasks.logits import describe_logits


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_agrees_with_scipy(temperature):
    logits = [-3.0, 2.0, -1.0, 0.0]
    summary = describe_logits(logits, temperature=temperature)
    expected = softmax(np.divide(logits, temperature))
    np.testing.assert_allclose(summary.probabilities, expected, rtol=1e-13)
    np.testing.assert_allclose(summary.log_probabilities, np.log(expected), rtol=1e-13)
    np.testing.assert_allclose(summary.entropy, entropy(expected), rtol=1e-13)


def test_an_impossible_class_adds_nothing_to_the_entropy():
    summary = describe_logits([0.0, -np.inf, 0.0])
    assert summary.probabilities.tolist() == [0.5, 0.0, 0.5]
    assert summary.entropy == pytest.approx(np.log(2))


def test_a_sure_thing_has_entropy_zero_not_minus_zero():
    assert str(describe_logits([5.0]).entropy) == "0.0"


def test_no_logits_and_bad_temperatures_are_refused():
    with pytest.raises(ParameterError):
        describe_logits([])
    with pytest.raises(LuceError):
        describe_logits([1.0], temperature=-1.0)
