import math

import numpy as np
import pytest

from luce.errors import LabelError, ShapeError
from luce.metrics import log_loss, row_losses

TINY = np.finfo(np.float64).tiny


def test_by_hand():
    p = [[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]]
    expected = [math.log(2), math.log(4), 0.0]
    np.testing.assert_allclose(row_losses([0, 0, 0], p), expected, rtol=1e-15)
    estimate = log_loss([0, 0, 0], p)
    half = 1.959963984540054 * np.std(expected, ddof=1) / math.sqrt(3)
    assert estimate.value == pytest.approx(math.log(2))
    assert estimate.high == pytest.approx(math.log(2) + half)
    assert estimate.low == 0  # the formula gives -0.09


def test_a_probability_of_zero_costs_the_largest_finite_loss():
    assert row_losses([1], [[1.0, 0.0]]) == pytest.approx(-math.log(TINY))
    assert row_losses([1], [[1.0, TINY]]) == pytest.approx(708.396, abs=1e-3)


def test_a_probability_above_one_by_rounding_costs_nothing():
    assert row_losses([0], [[1.0 + 1e-7, 0.0]]) == 0


def test_float32_probabilities_are_taken_as_they_are():
    p = np.array([[0.9, 0.1]], np.float32)
    assert row_losses([1], p)[0] == -math.log(float(p[0, 1]))


def test_one_row_has_no_interval():
    estimate = log_loss([0], [[0.5, 0.5]])
    assert estimate.value == math.log(2)
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)


@pytest.mark.parametrize(
    ("labels", "proba", "error"),
    [
        ([], np.zeros((0, 2)), ShapeError),
        ([0], [0.5, 0.5], ShapeError),
        ([0, 1], [[0.5, 0.5]], ShapeError),
        ([2], [[0.5, 0.5]], LabelError),
        ([-1], [[0.5, 0.5]], LabelError),
        ([0], [[0.7, 0.7]], LabelError),
        ([0], [[1.5, -0.5]], LabelError),
        ([0], [[math.nan, 0.5]], LabelError),
    ],
)
def test_wrong_input_is_refused(labels, proba, error):
    with pytest.raises(error):
        log_loss(labels, proba)
