import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from luce.metrics import brier_decomposition, brier_score

pytestmark = pytest.mark.once


def problem(seed, n=200, k=3):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(k), n)
    return (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1), p


@given(st.integers(0, 10_000), st.integers(3, 5))
def test_the_score_is_scikit_learns(seed, k):
    labels, p = problem(seed, k=k)
    expected = brier_score_loss(labels, p, labels=range(k))
    value, low, high = brier_score(labels, p)
    assert value == pytest.approx(expected, rel=1e-12)
    assert 0 <= low <= value <= high <= 2


def test_of_two_classes_it_is_twice_that_of_one():
    labels, p = problem(0, k=2)
    assert brier_score(labels, p).value == pytest.approx(2 * brier_score_loss(labels, p[:, 1]))


@given(
    st.integers(0, 10_000), st.integers(1, 20), st.sampled_from(["mass", "width"]), st.booleans()
)
def test_the_parts_add_up_to_the_score(seed, bins, binning, debiased):
    labels, p = problem(seed, n=60)
    score, reliability, resolution, uncertainty = brier_decomposition(
        labels, p, bins=bins, binning=binning, debiased=debiased
    )
    assert score == pytest.approx(brier_score(labels, p).value, rel=1e-12)
    assert reliability - resolution + uncertainty == pytest.approx(score, rel=1e-12)


def test_murphys_own_decomposition_where_forecasts_repeat():
    """Forecasts of few values, each in a bin of its own: the classical three sums."""
    rng = np.random.default_rng(2)
    stated = rng.choice([0.05, 0.35, 0.65, 0.95], 400)
    true = rng.random(400) < 0.2 + 0.5 * stated
    parts = brier_decomposition(
        true.astype(int), np.column_stack([1 - stated, stated]), bins=10, binning="width"
    )
    rows = [(stated == v).sum() for v in np.unique(stated)]
    share = [true[stated == v].mean() for v in np.unique(stated)]
    pairs = list(zip(rows, share, np.unique(stated), strict=True))
    assert parts.reliability == pytest.approx(2 * sum(n * (v - s) ** 2 for n, s, v in pairs) / 400)
    resolution = sum(n * (s - true.mean()) ** 2 for n, s, _ in pairs) / 400
    assert parts.resolution == pytest.approx(2 * resolution)
    assert parts.uncertainty == pytest.approx(2 * true.mean() * (1 - true.mean()))


def test_without_its_bias_the_reliability_of_honest_probabilities_is_nothing():
    plain, honest = [], []
    for seed in range(60):
        labels, p = problem(seed)
        plain.append(brier_decomposition(labels, p).reliability)
        honest.append(brier_decomposition(labels, p, debiased=True).reliability)
    assert np.mean(plain) > 0.03
    assert abs(np.mean(honest)) < 0.1 * np.mean(plain)
