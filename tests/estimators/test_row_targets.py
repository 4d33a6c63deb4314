"""y as rows of probabilities: the same optimum as rows of labels that are weighted by them."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from luce import SoftmaxRegression
from luce.errors import LabelError

pytestmark = pytest.mark.once

X, Y = load_iris(return_X_y=True)


def soft(k=3, seed=0):
    random = np.random.default_rng(seed)
    return random.dirichlet(np.ones(k), len(X))


def spread_out(p, weights=None):
    """Return rows, labels and weights that mean the same as rows of probabilities."""
    n, k = p.shape
    share = np.ones(n) if weights is None else weights
    return np.repeat(X, k, axis=0), np.tile(np.arange(k), n), (p * share[:, None]).ravel()


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
def test_rows_of_probabilities_are_labels_with_those_weights(classes, solver):
    p, weights = soft(classes), np.linspace(0, 2, len(X))
    options = {"solver": solver, "tol": 1e-11}
    found = SoftmaxRegression(**options).fit(X, p, weights)
    expected = SoftmaxRegression(**options).fit(*spread_out(p, weights))
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-4)
    assert found.objective_ == pytest.approx(expected.objective_, rel=1e-10)
    assert found.converged_
    np.testing.assert_array_equal(found.classes_, np.arange(classes))


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0, 2: 0.5}, {1: 0.0}])
def test_class_weights_weigh_the_shares(class_weight):
    p = soft()
    p[:5] = [0, 1, 0]
    options = {"tol": 1e-11, "class_weight": class_weight}
    found = SoftmaxRegression(**options).fit(X, p)
    expected = SoftmaxRegression(**options).fit(*spread_out(p))
    np.testing.assert_allclose(found.predict_proba(X), expected.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, int])
def test_one_hot_rows_are_labels(dtype):
    options = {"tol": 1e-11, "label_smoothing": 0.1}
    found = SoftmaxRegression(**options).fit(X, np.eye(3)[Y].astype(dtype))
    np.testing.assert_allclose(found.coef_, SoftmaxRegression(**options).fit(X, Y).coef_, atol=1e-5)


def test_probabilities_of_16_bits_are_brought_to_the_sum_1():
    p = soft().astype(np.float16)
    found = SoftmaxRegression(tol=1e-9).fit(X, p)
    wide = p.astype(float)
    expected = SoftmaxRegression(tol=1e-9).fit(X, wide / wide.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-9)


@pytest.mark.parametrize("row", [[0.5, 0.6, 0.0], [1.5, -0.5, 0.0], [0, 0, 0]])
def test_rows_that_are_no_probabilities_are_refused(row):
    p = soft()
    p[3] = row
    with pytest.raises(
        LabelError, match=r"^rows of y must be .* in row 3 \(rows at fault: 1\)\. Div"
    ):
        SoftmaxRegression().fit(X, p)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_minibatches_learn_from_rows_of_probabilities(solver):
    model = SoftmaxRegression(solver=solver, random_state=0).fit(X, 0.8 * np.eye(3)[Y] + 0.2 / 3)
    assert model.score(X, Y) > 0.75
