import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax
from scipy.stats import entropy

from luce.errors import ParameterError, ShapeError
from luce.metrics import confidence

pytestmark = pytest.mark.once


@given(st.integers(0, 10_000), st.sampled_from([0.5, 1.0, 3.0]), st.integers(2, 6))
def test_each_score_is_its_formula(seed, t, k):
    z = 3 * np.random.default_rng(seed).normal(size=(7, k))
    p = np.sort(softmax(z / t, axis=1), axis=1)
    expected = {
        "max_probability": p[:, -1],
        "margin": p[:, -1] - p[:, -2],
        "entropy": -entropy(p, axis=1),
        "max_logit": z.max(axis=1),
        "energy": t * logsumexp(z / t, axis=1),
    }
    for score, values in expected.items():
        np.testing.assert_allclose(confidence(z, score, temperature=t), values, atol=1e-12)


def test_certain_rows_have_no_entropy():
    assert confidence([[1000.0, 0.0]], "entropy")[0] == 0


def test_what_cannot_be_is_refused():
    with pytest.raises(ParameterError, match="score must be one of"):
        confidence([[1.0, 2.0]], "logit")
    with pytest.raises(ShapeError, match="rows, classes"):
        confidence([1.0, 2.0])
