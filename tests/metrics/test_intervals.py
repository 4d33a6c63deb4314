import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from luce.metrics import clopper_pearson_interval, mean_interval, wilson_interval
from luce.metrics.intervals import Z95


def test_the_quantile_is_that_of_the_normal_distribution():
    assert norm.ppf(0.975) == pytest.approx(Z95, rel=1e-14)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy_and_holds_the_share(counts):
    successes, trials = counts
    share, low, high = wilson_interval(successes, trials)
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    assert (low, high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert 0 <= low <= share <= high <= 1
    assert low < high


def test_wilson_of_no_and_of_all_is_not_a_point():
    assert wilson_interval(0, 10)[:2] == (0, 0)
    assert wilson_interval(10, 10)[::2] == (1, 1)
    assert wilson_interval(10, 10).low == pytest.approx(0.7225, abs=5e-5)


def test_mean_interval_by_hand():
    estimate = mean_interval(np.array([1.0, 3.0]))
    assert estimate == pytest.approx((2, 2 - Z95, 2 + Z95))  # s / sqrt(n) = sqrt(2) / sqrt(2)


def test_a_single_value_has_no_interval():
    estimate = mean_interval(np.array([4.0]))
    assert estimate.value == 4
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_agrees_with_scipy(counts):
    successes, trials = counts
    share, low, high = clopper_pearson_interval(successes, trials)
    expected = binomtest(successes, trials).proportion_ci(method="exact")
    assert (low, high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert low <= share <= high
