import numpy as np

from luce.metrics import class_scores, confusion_matrix


def test_rows_are_true_and_columns_predicted():
    confusion = confusion_matrix([0, 0, 2], [1, 1, 2], classes=3)
    np.testing.assert_array_equal(confusion, [[0, 2, 0], [0, 0, 0], [0, 0, 1]])


def test_what_cannot_be_divided_is_nan():
    scores = class_scores(np.array([[0, 2, 0], [0, 0, 0], [0, 0, 0]]))
    np.testing.assert_array_equal(scores.precision, [np.nan, 0, np.nan])
    np.testing.assert_array_equal(scores.recall, [0, np.nan, np.nan])
    np.testing.assert_array_equal(scores.f1, [0, 0, np.nan])
    np.testing.assert_array_equal(scores.support, [2, 0, 0])
