import numpy as np
import pytest

from luce.errors import ShapeError
from luce.nn import similarity_order

pytestmark = pytest.mark.once


def test_classes_of_a_bunch_stand_together():
    rng = np.random.default_rng(0)
    bunch = rng.permutation(np.repeat(np.arange(8), 16))
    vectors = 10 * rng.normal(size=(8, 5))[bunch] + 0.1 * rng.normal(size=(128, 5))
    order = similarity_order(vectors)
    assert sorted(order) == list(range(128))
    assert (np.diff(bunch[order]) != 0).sum() == 7  # each bunch is met once


def test_classes_that_are_all_alike_keep_an_order():
    assert sorted(similarity_order(np.ones((10, 3)))) == list(range(10))


def test_vectors_must_be_a_matrix():
    with pytest.raises(ShapeError, match="one row for each class"):
        similarity_order([1.0, 2.0])
