from itertools import permutations

import numpy as np
import pytest

from luce.errors import DataError, ShapeError
from luce.metrics import aurc, risk_coverage

pytestmark = pytest.mark.once


def test_the_curve_by_counting():
    rng = np.random.default_rng(0)
    loss, sure = rng.random(50), rng.integers(0, 12, 50)
    curve = risk_coverage(loss, sure)
    assert list(curve.threshold) == sorted(set(sure.tolist()), reverse=True)
    for coverage, risk, threshold in zip(*curve, strict=True):
        kept = sure >= threshold
        assert coverage == pytest.approx(kept.mean())
        assert risk == pytest.approx(loss[kept].mean())


def test_the_area_is_the_mean_over_every_order_of_ties():
    loss, sure = np.array([1.0, 0, 0, 1, 0]), np.array([3, 2, 2, 2, 1])
    areas = []
    for order in permutations([1, 2, 3]):
        ordered = loss[[0, *order, 4]]
        areas.append((ordered.cumsum() / np.arange(1, 6)).mean())
    assert aurc(loss, sure) == pytest.approx(np.mean(areas))


def test_the_ends():
    assert aurc([0, 0], [1, 2]) == 0
    assert aurc([True, False, False, False], [1, 1, 1, 1]) == pytest.approx(0.25)


def test_what_cannot_be_is_refused():
    with pytest.raises(ShapeError, match="one number a row"):
        aurc([0, 1], [1])
    with pytest.raises(DataError, match="no confidence NaN"):
        risk_coverage([0, 1], [0.5, np.nan])
