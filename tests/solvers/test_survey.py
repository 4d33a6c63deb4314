import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from luce.errors import DataError, LabelError, ShapeError
from luce.solvers import RowBlock, RowStream, survey

pytestmark = pytest.mark.once


class Blocks(RowStream):
    feature_names = None

    def __init__(self, *blocks):
        self.given = blocks

    def blocks(self):
        for X, y in self.given:
            yield RowBlock(np.asarray(X), np.asarray(y))


def cut(X, y, size):
    return Blocks(*((X[i : i + size], y[i : i + size]) for i in range(0, len(X), size)))


@pytest.fixture
def table():
    random = np.random.default_rng(0)
    X = random.normal(size=(5000, 4)) * [1, 100, 1e-3, 1] + [0, 1e4, 5, 0]
    y = np.where(random.random(5000) < 0.004, "rare", random.choice(["a", "b"], 5000))
    order = np.argsort(X[:, 1])  # sorted files are the rule
    return X[order], y[order].astype(object)


@pytest.mark.parametrize("size", [7, 1000, 5000])
def test_moments_and_classes_are_those_of_all_rows(table, size):
    X, y = table
    found = survey(cut(X, y, size))
    labels, counts = np.unique(y, return_counts=True)
    assert found.rows == 5000
    assert_array_equal(found.classes, labels)
    assert_array_equal(found.counts, counts)
    assert_allclose(found.mean, X.mean(axis=0), rtol=1e-12, atol=1e-12)
    assert_allclose(found.products, np.cov(X.T, bias=True), rtol=1e-9, atol=1e-9)
    assert_allclose(found.squares, X.var(axis=0), rtol=1e-9)
    assert_array_equal(found.first, X[0])
    assert_array_equal(found.largest, np.abs(X).max(axis=0))


def test_the_sample_has_every_class_and_stands_for_all_rows(table, monkeypatch):
    import sys

    monkeypatch.setattr(
        sys.modules["luce.solvers.survey"]._Sample, "_room", staticmethod(lambda _: 300)
    )
    X, y = table
    found = survey(cut(X, y, 100))
    kept, counts = np.unique(found.sample_labels, return_counts=True)
    assert_array_equal(kept, found.classes)
    assert len(found.sample) < 700
    rare = counts[kept == "rare"][0]
    assert rare == min(50, found.counts[2])
    for label, total in zip(found.classes, found.counts, strict=True):
        assert_allclose(found.sample_weights[found.sample_labels == label].sum(), total)
    mean = found.sample_weights @ found.sample / 5000
    assert (np.abs(mean - found.mean) < 4 * np.sqrt(found.squares / 300)).all()


def test_all_rows_are_the_sample_where_there_are_few(table):
    X, y = table
    found = survey(cut(X, y, 900))
    assert len(found.sample) == 5000
    assert_array_equal(found.sample_weights, np.ones(5000))


@pytest.mark.parametrize(
    ("blocks", "error", "words"),
    [
        ([], DataError, "must hold rows"),
        ([([[1.0]], ["a"])], LabelError, "at least two classes"),
        ([([[1.0], [2.0]], ["a"])], ShapeError, "a label for each row"),
        ([([[1.0]], ["a"]), ([[1.0, 2.0]], ["b"])], ShapeError, "row 2"),
        ([([[1.0]], ["a"]), ([[2.0], [np.nan]], ["b", "b"])], DataError, "row 3"),
    ],
)
def test_what_no_solver_could_use_is_refused(blocks, error, words):
    with pytest.raises(error, match=words):
        survey(Blocks(*blocks))
