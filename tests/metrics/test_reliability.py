import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from luce.metrics import reliability_bins, wilson_interval
from luce.metrics.reliability import equal_mass_edges

confidences = arrays(
    np.float64, st.integers(1, 80), elements=st.sampled_from([0.0, 0.2, 0.5, 0.9, 0.99, 1.0])
)


def test_by_hand():
    confidence = np.array([0.1, 0.3, 0.5, 0.7])
    correct = np.array([True, False, True, True])
    low, high = reliability_bins(confidence, correct, np.array([0.5, 0.9]))
    assert (low.low, low.high, low.count, low.confidence, low.accuracy) == (0, 0.5, 2, 0.2, 0.5)
    assert (high.low, high.high, high.count, high.accuracy) == (0.5, 0.9, 2, 1)
    assert high.confidence == pytest.approx(0.6)
    assert (high.accuracy_low, high.accuracy_high) == wilson_interval(2, 2)[1:]


@given(confidences, st.integers(1, 15))
def test_bins_hold_every_row_once_within_their_edges(confidence, bins):
    edges = equal_mass_edges(confidence, bins)
    found = reliability_bins(confidence, confidence > 0.4, edges)
    assert sum(b.count for b in found) == len(confidence)
    assert len(found) == len(edges) + 1  # no bin of equal mass is empty
    for b in found:
        assert b.low - 1e-12 <= b.confidence <= b.high + 1e-12  # a mean is rounded


def test_bins_of_distinct_confidences_have_equal_mass():
    confidence = np.random.default_rng(0).random(300)
    found = reliability_bins(confidence, confidence > 0.4, equal_mass_edges(confidence, 15))
    assert [b.count for b in found] == [20] * 15
