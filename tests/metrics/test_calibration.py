import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luce.metrics import calibration_error, reliability_of_classes, reliability_of_top_label


def stated(confidence: np.ndarray) -> np.ndarray:
    """Probabilities of ten classes that answer class 0 with the given confidence."""
    others = np.tile((1 - confidence)[:, np.newaxis] / 9, (1, 9))
    return np.concatenate([confidence[:, np.newaxis], others], axis=1)


def test_by_hand_with_one_bin():
    p = [[0.8, 0.2]] * 10
    assert calibration_error([0] * 5 + [1] * 5, p).value == pytest.approx(0.3)
    assert calibration_error([0] * 8 + [1] * 2, p).value == pytest.approx(0)


def test_by_hand_with_two_bins():
    """Over- and underconfidence in different bins do not cancel."""
    p = np.repeat([[0.6, 0.4], [0.9, 0.1]], 20, axis=0)
    labels = np.array([0] * 20 + [0] * 16 + [1] * 4)  # right: 100 % where 60 %, 80 % where 90 %
    assert calibration_error(labels, p).value == pytest.approx((0.4 + 0.1) / 2)


def test_it_is_the_mean_distance_in_the_diagram():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 500)
    labels = rng.integers(3, size=500)
    bins = reliability_of_top_label(labels, p)
    assert len(bins) == 15
    expected = sum(b.count * abs(b.accuracy - b.confidence) for b in bins) / 500
    assert calibration_error(labels, p).value == pytest.approx(expected)


@given(st.integers(0, 1000), st.integers(1, 100))
def test_the_interval_holds_the_value_and_the_order_of_rows_is_nothing(seed, n):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([0.3, 0.3, 0.3], n)
    labels = rng.integers(3, size=n)
    value, low, high = calibration_error(labels, p)
    assert 0 <= low <= value <= high <= 1
    assert high <= 2 * value + 1e-15  # reflected: the bias is taken off, not counted twice
    order = rng.permutation(n)
    assert calibration_error(labels[order], p[order]) == pytest.approx((value, low, high))


DISTORTIONS = {
    "calibrated": lambda c: c,
    "overconfident": lambda c: c - 0.05,
    "curved": lambda c: c**1.5,
}


@pytest.mark.parametrize("rows", [100, 2000])
@pytest.mark.parametrize("distortion", DISTORTIONS)
def test_the_interval_holds_the_true_error(distortion, rows):
    """The docstring promises 80 to 98 %; a percentile bootstrap reaches 0 % where calibrated."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        confidence = 0.1 + 0.9 * rng.beta(8, 1, rows)
        true = DISTORTIONS[distortion](confidence)
        labels = np.where(rng.random(rows) < true, 0, 1 + rng.integers(9, size=rows))
        _, low, high = calibration_error(labels, stated(confidence))
        covered += low <= np.abs(confidence - true).mean() <= high
    assert covered >= 80


def test_classes_get_ten_bins_of_equal_width():
    p = np.array([[0.05, 0.95], [0.15, 0.85], [0.15, 0.85]])
    first, second = reliability_of_classes([0, 0, 1], p)
    assert [(b.low, b.high, b.count, b.accuracy) for b in first] == [
        (0, 0.1, 1, 1),
        (0.1, 0.2, 2, 0.5),
    ]
    assert [b.count for b in second] == [2, 1]
