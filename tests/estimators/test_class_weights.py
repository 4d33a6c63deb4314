import numpy as np
import pytest

from luce.estimators.class_weights import class_weights

pytestmark = pytest.mark.once

CLASSES, LABELS = np.array(["a", "b", "c"]), np.array([0, 0, 0, 1])


def test_balanced_classes_weigh_the_same():
    weights = np.array([1.0, 2.0, 3.0, 0.5])
    of_class = class_weights("balanced", CLASSES, LABELS, weights)
    totals = np.bincount(LABELS, weights * of_class[LABELS])
    np.testing.assert_allclose(totals, [weights.sum() / 3] * 2)
    assert of_class[2] == 0  # nobody there


def test_classes_that_are_not_named_weigh_one():
    of_class = class_weights({"b": 4.0}, CLASSES, LABELS, np.ones(4))
    assert of_class.tolist() == [1.0, 4.0, 1.0]
