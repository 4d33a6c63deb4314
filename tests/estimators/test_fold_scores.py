"""What held-out rows score, and which candidate is chosen by it."""

import numpy as np
import pytest

from luce.estimators.fold_scores import choose, row_scores

pytestmark = pytest.mark.once

NAN = np.nan


def test_rows_score_their_log_probability_or_whether_they_are_right():
    logits = np.log([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    labels = np.array([0, 1])
    np.testing.assert_allclose(row_scores("neg_log_loss", logits, labels), np.log([0.7, 0.3]))
    np.testing.assert_array_equal(row_scores("accuracy", logits, labels), [1.0, 0.0])


def test_the_first_of_equal_means_wins_and_unknown_candidates_do_not():
    scores = np.array([[0.1, 0.3, 0.3, NAN], [0.2, 0.4, 0.4, NAN]])
    found = choose(scores, None, "best")
    assert found.place == 1
    assert found.standard_error == pytest.approx(np.std([0.3, 0.4], ddof=1) / np.sqrt(2))


def test_one_standard_error_takes_the_first_that_is_nearly_as_good():
    scores = np.array([[0.0, 0.29, 0.3], [0.0, 0.41, 0.5], [0.0, 0.35, 0.4]])
    assert choose(scores, None, "best").place == 2
    assert choose(scores, None, "one_standard_error").place == 1


def test_weights_of_folds_count_and_equal_ones_change_nothing():
    scores = np.array([[1.0, 0.0], [0.0, 0.8], [5.0, 0.1]])
    assert choose(scores, np.array([1.0, 2.0, 0.0]), "best").place == 1
    plain, equal = (choose(scores, w, "best") for w in (None, np.full(3, 7.0)))
    assert plain.place == equal.place
    assert plain.standard_error == pytest.approx(equal.standard_error)
