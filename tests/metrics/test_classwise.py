import numpy as np
import pytest

from luce.errors import ParameterError
from luce.metrics import (
    calibration_error,
    classwise_calibration_error,
    reliability_of_classes,
    reliability_of_top_label,
    squared_calibration_error,
)

pytestmark = pytest.mark.once


def honest(seed, n=400, k=4):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(k), n)
    return (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1), p


@pytest.mark.parametrize("binning", ["mass", "width"])
def test_classes_are_those_of_the_diagrams(binning):
    labels, p = honest(0)
    found = classwise_calibration_error(labels, p, bins=7, binning=binning)
    diagrams = reliability_of_classes(labels, p, bins=7, binning=binning)
    expected = [sum(b.count * abs(b.accuracy - b.confidence) for b in d) / 400 for d in diagrams]
    np.testing.assert_allclose(found.per_class, expected, atol=1e-14)
    assert found.mean == pytest.approx(np.mean(expected))


def test_the_top_label_error_takes_bins_of_both_kinds():
    labels, p = honest(1)
    for binning in ("mass", "width"):
        bins = reliability_of_top_label(labels, p, bins=9, binning=binning)
        expected = sum(b.count * abs(b.accuracy - b.confidence) for b in bins) / 400
        found = calibration_error(labels, p, bins=9, binning=binning).value
        assert found == pytest.approx(expected, abs=1e-14)
    widths = reliability_of_top_label(labels, p, bins=10, binning="width")
    assert all(b.high - b.low == pytest.approx(0.1) for b in widths)


def test_the_squared_error_by_hand():
    labels, p = [0] * 6 + [1] * 2, [[0.9, 0.1]] * 8
    assert squared_calibration_error(labels, p, bins=1, debiased=False) == pytest.approx(0.15**2)
    expected = 0.15**2 - 0.75 * 0.25 / 7
    assert squared_calibration_error(labels, p, bins=1) == pytest.approx(expected)


def test_debiased_it_is_nothing_on_average_for_honest_probabilities():
    both = [
        [squared_calibration_error(*honest(seed), debiased=debiased) for seed in range(80)]
        for debiased in (False, True)
    ]
    plain, debiased = np.mean(both, axis=1)
    assert plain > 0.004
    assert abs(debiased) < 0.1 * plain


def test_exact_intervals_are_wider():
    labels, p = honest(2)
    wilson = reliability_of_top_label(labels, p)
    exact = reliability_of_top_label(labels, p, interval="clopper_pearson")
    assert all(e.accuracy_low < w.accuracy_low for e, w in zip(exact, wilson, strict=True))
    assert [e.accuracy for e in exact] == [w.accuracy for w in wilson]


def test_impossible_options_are_refused():
    labels, p = honest(0)
    with pytest.raises(ParameterError, match="binning must be one of 'mass', 'width'"):
        calibration_error(labels, p, binning="equal")
    with pytest.raises(ParameterError, match="bins must be a whole number from 1, got 0"):
        classwise_calibration_error(labels, p, bins=0)
    with pytest.raises(ParameterError, match="interval must be one of"):
        reliability_of_top_label(labels, p, interval="bayes")
