import pytest

from luce.metrics import accuracy, majority_baseline


def test_of_equally_probable_classes_the_first_counts():
    assert accuracy([0, 1], [[0.5, 0.5], [0.5, 0.5]]).value == 0.5


def test_the_interval_is_wilsons():
    p = [[0.9, 0.1]] * 10
    assert accuracy([0] * 10, p)[1:] == pytest.approx((0.7225, 1.0), abs=5e-5)


def test_a_baseline_of_one_class_only_is_perfect():
    baseline = majority_baseline([2, 2, 2], classes=3)
    assert baseline.label == 2
    assert baseline.accuracy.value == 1
    assert baseline.log_loss == (0, 0, 0)
