"""The matrices that whiten are what they say they are."""

from importlib import import_module

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, some_theta, with_rows

from luce.solvers.whitening import class_whitening, shared_whitening

pytestmark = pytest.mark.once


def test_the_shared_matrix_is_the_curvature_of_equal_probabilities():
    f = softmax_problem(0, k=3)
    right = some_theta(f, 1, 1.0)
    matrix = 2 / 9 * (f.design.rows.T * f.weights) @ f.design.rows + np.diag(f.penalty)
    np.testing.assert_allclose(
        shared_whitening(f).solve(right), right @ np.linalg.inv(matrix), rtol=1e-9
    )


@pytest.mark.parametrize(("n", "d"), [(20, 3), (40_000, 5), (100, 45), (100, 70)])
def test_with_all_rows_the_class_matrices_are_the_blocks_of_the_hessian(n, d):
    f = softmax_problem(2, n=n, d=d, k=4)
    theta, right = some_theta(f, 1, 1.0), some_theta(f, 2, 1.0)
    cells = f.hessian(f.probabilities(f.logits(theta))).reshape(4, d, 4, d)
    expected = [np.linalg.solve(cells[j, :, j], right[j]) for j in range(4)]
    found = class_whitening(f, theta, seed=0).solve(right)  # never fewer than are drawn
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("d", [4, 70])
def test_a_class_that_nothing_bends_is_divided_by_all_the_same(d):
    whitening = import_module("luce.solvers.whitening")
    grams = [np.eye(d), np.zeros((d, d)), np.ones((d, d))]
    right = np.random.default_rng(0).normal(size=(3, d))
    found = whitening.whitening_by(grams, np.append(np.full(d - 1, 1e-3), 0.0)).solve(right)
    assert np.isfinite(found).all()
    assert ((found * right).sum(axis=1) > 0).all()


def test_where_the_matrices_of_all_classes_do_not_fit_one_is_scaled_for_each(monkeypatch):
    whitening = import_module("luce.solvers.whitening")
    monkeypatch.setattr(whitening, "_LARGEST_BLOCKS", 40)
    f = softmax_problem(3, n=60, d=5, k=4)
    theta, right = some_theta(f, 1, 1.0), some_theta(f, 2, 1.0)
    p, x = f.probabilities(f.logits(theta)), f.design.rows
    gram = (x.T * f.weights) @ x
    share = (f.weights * np.square(x).sum(axis=1)) @ (p * (1 - p)) / np.trace(gram)
    penalty = f.penalty + 1e-8 * gram.diagonal() * (f.penalty == 0)
    expected = [np.linalg.solve(share[j] * gram + np.diag(penalty), right[j]) for j in range(4)]
    found = class_whitening(f, theta, seed=0).solve(right)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_where_matrices_cost_too_much_the_diagonal_of_each_class_is_taken():
    f = softmax_problem(4, n=12, d=60, k=3)
    theta, right = some_theta(f, 1, 1.0), some_theta(f, 2, 1.0)
    f = with_rows(f, np.repeat(f.design.rows, 20, axis=1), penalty=np.repeat(f.penalty, 20) + 0.1)
    theta, right = np.repeat(theta, 20, axis=1) / 20, np.repeat(right, 20, axis=1)
    cells = f.hessian(f.probabilities(f.logits(theta))).reshape(3, 1200, 3, 1200)
    diagonal = np.stack([np.diag(cells[j, :, j]) for j in range(3)])
    np.testing.assert_allclose(
        class_whitening(f, theta, 0).solve(right), right / diagonal, rtol=1e-9
    )
    shared = 2 / 9 * np.square(f.design.rows).T @ f.weights + f.penalty
    np.testing.assert_allclose(shared_whitening(f).solve(right), right / shared, rtol=1e-9)
