"""Tables of every kind: sparse, bytes, mapped files; all give the model of the dense table."""

import numpy as np
import pytest
from reference.softmax_regression import of_estimator
from scipy import sparse
from sklearn.datasets import load_digits, load_iris

from luce import SoftmaxRegression
from luce.estimators.standardised import Units, units
from luce.solvers import RawDesign

pytestmark = pytest.mark.once

X, Y = load_iris(return_X_y=True)
DIGITS, DIGIT = load_digits(return_X_y=True)


def same_model(found, expected, table, dense, atol=1e-6):
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=atol)
    np.testing.assert_allclose(found.intercept_, expected.intercept_, atol=atol)
    assert found.objective_ == pytest.approx(expected.objective_, rel=1e-9)
    assert found.lower_bound_ <= expected.objective_ * (1 + 1e-14)
    logits = expected.decision_function(dense)
    scale = np.abs(logits).max()
    np.testing.assert_allclose(found.decision_function(table), logits, atol=10 * atol * scale)
    np.testing.assert_array_equal(found.predict(table), expected.predict(dense))
    p, log_p = found.predict_proba(table), found.predict_log_proba(table)
    np.testing.assert_allclose(p, np.exp(log_p), atol=1e-12)


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "coo_array", "csr_matrix"])
@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("intercept", [True, False])
def test_sparse_tables_give_the_model_of_dense_ones(kind, solver, classes, intercept):
    dense, labels = X[classes > Y] - [0, 3, 1, 0], Y[classes > Y]
    dense[np.abs(dense) < 0.5] = 0
    table = getattr(sparse, kind)(dense)
    options = {"solver": solver, "tol": 1e-13, "fit_intercept": intercept}
    weights = np.linspace(0, 1, len(labels))
    found = SoftmaxRegression(**options).fit(table, labels, weights)
    expected = SoftmaxRegression(**options).fit(dense, labels, weights)
    same_model(found, expected, table, dense)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_minibatches_of_sparse_rows(solver):
    options = {"solver": solver, "random_state": 0, "epochs": 5}
    found = SoftmaxRegression(**options).fit(sparse.csr_array(DIGITS), DIGIT)
    expected = SoftmaxRegression(**options).fit(DIGITS, DIGIT)
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-8)


def test_sparse_tables_of_64_bit_indices():
    table = sparse.csr_array(DIGITS)
    table.indices, table.indptr = table.indices.astype(np.int64), table.indptr.astype(np.int64)
    options = {"solver": "lbfgs", "tol": 1e-12}
    found = SoftmaxRegression(**options).fit(table, DIGIT)
    same_model(found, SoftmaxRegression(**options).fit(DIGITS, DIGIT), table, DIGITS, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool, np.float32])
def test_other_numbers(dtype):
    dense = (DIGITS > 8).astype(dtype) if dtype is bool else DIGITS.astype(dtype)
    wide = dense.astype(np.float64)
    found = SoftmaxRegression(tol=1e-9).fit(dense, DIGIT)
    expected = SoftmaxRegression(tol=1e-9).fit(wide, DIGIT)
    assert found.coef_.dtype == (np.float32 if dtype is np.float32 else np.float64)
    np.testing.assert_allclose(found.predict_proba(dense), expected.predict_proba(wide), atol=1e-4)
    assert found.predict_proba(dense).dtype == found.coef_.dtype


def test_a_mapped_file_is_read_in_blocks(tmp_path):
    file = tmp_path / "x.npy"
    np.save(file, DIGITS)
    table = np.load(file, mmap_mode="r")
    measured = units(table, np.full(len(DIGIT), 1 / len(DIGIT)), intercept=True, strength=1.0)
    assert isinstance(measured.design(table[:, :], np.float64), RawDesign)
    found = SoftmaxRegression(tol=1e-10).fit(table, DIGIT)
    expected = SoftmaxRegression(tol=1e-10).fit(DIGITS, DIGIT)
    same_model(found, expected, table, DIGITS, atol=1e-3)


def test_tables_without_room_for_a_copy_are_read_in_blocks(monkeypatch):
    monkeypatch.setattr("luce.estimators.standardised._memory", lambda: 1e6)
    measured = Units(np.zeros(64), np.ones(64), np.ones(65), True)
    assert isinstance(measured.design(DIGITS.astype(np.uint8), np.float32), RawDesign)


@pytest.mark.parametrize("intercept", [True, False])
def test_sparse_columns_are_measured_like_dense_ones(intercept):
    random = np.random.default_rng(0)
    dense = random.poisson(0.5, (500, 6)) * [1.0, 1e-3, 1e6, 0, 1e200, 1e-200]
    dense[:, 3] = 7.0
    weights = random.dirichlet(np.ones(500))
    found, expected = (
        units(table, weights, intercept=intercept, strength=1.0)
        for table in (sparse.csr_array(dense), dense)
    )
    np.testing.assert_allclose(found.centre, expected.centre, rtol=1e-12)
    left_out = np.isinf(found.scale)
    np.testing.assert_allclose(found.scale[~left_out], expected.scale[~left_out], rtol=1e-9)
    assert list(np.flatnonzero(left_out)) == ([3] if intercept else [])


def test_a_sparse_column_of_equal_numbers_does_no_harm():
    table = np.column_stack([np.full(150, 1e8), X])
    found = SoftmaxRegression(tol=1e-9, warm_start=True).fit(sparse.csr_array(table), Y)
    expected = SoftmaxRegression(tol=1e-9).fit(X, Y)
    np.testing.assert_allclose(found.coef_[:, 1:], expected.coef_, atol=1e-4)
    np.testing.assert_array_equal(found.coef_[:, 0], 0)
    assert found.fit(sparse.csr_array(table), Y).n_iter_[0] <= 2


def test_the_optimum_of_sparse_text_like_rows():
    random = np.random.default_rng(1)
    table = sparse.random_array((60, 30), density=0.05, random_state=random, format="csr")
    labels = np.arange(60) % 3
    model = SoftmaxRegression(tol=1e-9).fit(table, labels)
    exact = of_estimator(table.toarray(), labels).minimum()[1]
    assert model.objective_ == pytest.approx(exact, rel=1e-8)
    assert model.lower_bound_ <= exact * (1 + 1e-12)
    assert model.gap_ == pytest.approx(model.objective_ / model.lower_bound_ - 1, abs=1e-12)
