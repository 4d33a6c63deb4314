import numpy as np
import pytest

from luce.estimators.class_moments import class_moments

pytestmark = pytest.mark.once


@pytest.fixture(name="problem")
def of_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9000, 3)) * [1, 1e-3, 1e3] + [1e6, 5, 0]  # more than one block
    return X, rng.integers(0, 3, len(X)), rng.uniform(0.1, 2, len(X))


def test_means_and_squares_are_those_of_each_class(problem):
    X, y, w = problem
    got = class_moments(X, y, w, 4)
    for j in range(3):
        mean = np.average(X[y == j], axis=0, weights=w[y == j])
        square = np.average((X[y == j] - mean) ** 2, axis=0, weights=w[y == j])
        np.testing.assert_allclose(got.mean[j], mean, rtol=1e-12)
        np.testing.assert_allclose(got.square[j], square, rtol=1e-9)
    assert got.weight[3] == 0
    assert not got.mean[3].any()
    assert not got.square[3].any()


def test_pieces_merge_to_the_whole(problem):
    X, y, w = problem
    whole = class_moments(X, y, w, 3)
    merged = class_moments(X[:10], y[:10], w[:10], 3)
    for part in (slice(10, 11), slice(11, 5000), slice(5000, None)):
        merged = merged.merged(class_moments(X[part], y[part], w[part], 3))
    for got, expected in zip(merged, whole, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_the_total_is_that_of_all_rows(problem):
    X, y, w = problem
    total = class_moments(X, y, w, 3).total()
    alone = class_moments(X, np.zeros_like(y), w, 1)
    for got, expected in zip(total, alone, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_within_is_the_mean_square_about_the_class_means(problem):
    X, y, w = problem
    moments = class_moments(X, y, w, 3)
    expected = np.average((X - moments.mean[y]) ** 2, axis=0, weights=w)
    np.testing.assert_allclose(moments.within(), expected, rtol=1e-9)
