"""The matrices made of a class's rows are what they say they are."""

import numpy as np
import pytest
from reference.softmax_problems import some_theta
from reference.sparse_problems import in_full, text_problem

from luce.solvers.row_whitening import RowWhitening, _chosen

pytestmark = pytest.mark.once


def spelled_out(f, p, most):
    """Return the matrices (k, d, d) of which the whitening is the inverse, and the rows chosen."""
    rows = in_full(f).design.rows
    weights = f.weights[:, None] * p * (1 - p)
    chosen = _chosen(f, weights, most)
    matrices = []
    for j, mine in enumerate(chosen):
        rest = weights[:, j].copy()
        rest[mine] = 0
        diagonal = rest @ np.square(rows)
        if f.intercept:
            diagonal[-1] = max(diagonal[-1], 0.01 * weights[:, j].sum())
        whole = (rows[mine].T * weights[mine, j]) @ rows[mine]
        matrices.append(np.diag(diagonal + f.penalty) + whole)
    return np.array(matrices), chosen


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize("most", [1, 10, 1000])
def test_a_division_is_that_by_rows_and_diagonal(intercept, kind, most):
    f = text_problem(0, m=60, intercept=intercept, penalty=1e-3)
    f = f if kind == "sparse" else in_full(f)
    theta, right = some_theta(f, 1, 0.3), some_theta(f, 2, 1.0)
    p = f.probabilities(f.logits(theta))
    matrices, chosen = spelled_out(f, p, most)
    assert min(most, 60) <= max(map(len, chosen)) <= most
    found = RowWhitening(f, p, most).solve(np.asarray(right, order=f.design.order))
    expected = [np.linalg.solve(*pair) for pair in zip(matrices, right, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_with_all_rows_the_matrices_are_the_blocks_of_the_hessian():
    f = text_problem(1, m=30, penalty=1e-6)
    p = f.probabilities(f.logits(some_theta(f, 1, 0.1)))
    right = some_theta(f, 2, 1.0)
    k, d = f.shape
    blocks = f.hessian(p).reshape(k, d, k, d)[np.arange(k), :, np.arange(k)]
    whitened = RowWhitening(f, p, 80).solve(np.asfortranarray(right))
    for block, row, given in zip(blocks, whitened, right, strict=True):
        block[-1, -1] += 0.01 * block[-1, -1]  # the least that the diagonal always has
        np.testing.assert_allclose(block @ row, given, atol=1e-8 * np.abs(given).max())


def test_rows_that_bend_little_are_left_to_the_diagonal():
    f = text_problem(2)
    p = np.full((len(f), f.classes), 1e-9)
    p[:, 0] = 1 - 3e-9
    weights = f.weights[:, None] * p * (1 - p)
    assert [len(rows) for rows in _chosen(f, weights, 50)] == [0] * f.classes
    right = some_theta(f, 2, 1.0)
    found = RowWhitening(f, p, 50).solve(np.asfortranarray(right))
    np.testing.assert_allclose(found[:, :-1], (right / f.penalty.clip(1e-30))[:, :-1], rtol=1e-4)


def test_single_precision_is_kept():
    f = text_problem(3).for_steps()
    p = f.probabilities(f.logits(np.zeros(f.shape, np.float32)))
    assert RowWhitening(f, p, 20).solve(np.zeros(f.shape, np.float32)).dtype == np.float32
