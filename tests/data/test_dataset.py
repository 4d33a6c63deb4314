import numpy as np
import polars as pl

from luce.data import Dataset, load


def test_takes_rows_in_the_order_asked_for():
    names = np.array(["a", "b", "c"], dtype=object)
    frame = pl.DataFrame({"x": [1, 2, 3]})
    dataset = Dataset("t", "table", frame, np.array([7, 8, 9]), "y", row_names=names, notes=("n",))
    some = dataset.take(np.array([2, 0, 2]))
    assert some.features["x"].to_list() == [3, 1, 3]
    assert some.target.tolist() == [9, 7, 9]
    assert some.row_names.tolist() == ["c", "a", "c"]
    assert (len(some), some.name, some.notes) == (3, "t", ("n",))


def test_takes_images_too_and_no_rows_at_all():
    digits = load("digits")
    np.testing.assert_array_equal(digits.take(np.array([5])).features, digits.features[[5]])
    assert len(digits.take(np.array([], dtype=np.intp))) == 0
    assert Dataset("t", "array", np.eye(2)).take(np.array([1])).target is None
