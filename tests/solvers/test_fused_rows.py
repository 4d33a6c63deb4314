"""Rows read once give what the products one after another give."""

from dataclasses import replace

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, some_theta
from scipy import sparse

from luce.solvers import DenseDesign, Distributions, LinearSoftmax, SparseDesign


def both(intercept, *, n=300, m=6, k=3, seed=0):
    """Return a problem of sparse rows, and the same of the rows spelled out."""
    random = np.random.default_rng(seed)
    raw = random.poisson(0.5, (n, m)) * random.normal(size=m)
    raw[4] = 0
    shift = random.uniform(-1, 1, m) if intercept else np.zeros(m)
    f = softmax_problem(seed, n=n, d=m + intercept, k=k, intercept=intercept)
    rows = np.column_stack([raw - shift, np.ones((n, int(intercept)))])
    stored = SparseDesign(sparse.csr_array(raw), shift, intercept)
    return replace(f, design=stored), replace(f, design=DenseDesign(rows))


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("k", [2, 5])
def test_a_pass_over_sparse_rows_finds_the_same(intercept, k):
    f, exact = both(intercept, k=k)
    assert f.fused
    assert not f.paneled
    assert not exact.fused
    for seed, size in enumerate((0.0, 0.3, 3.0)):
        theta = some_theta(f, seed, size)
        found, expected = f.scan(theta), exact.scan(theta)
        assert found.value == pytest.approx(expected.value, rel=1e-13)
        assert found.accuracy == pytest.approx(expected.accuracy, abs=1e-13)
        np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-11, atol=1e-13)
        bound = exact.by_panels().dual_value(theta)  # repaired by shares, as all fused ones
        assert f.dual_value(theta) == pytest.approx(bound, rel=1e-12)
        same = f.reduced_hessian_at(theta, 1), exact.reduced_hessian_at(theta, 1)
        np.testing.assert_allclose(*same, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("intercept", [True, False])
def test_sparse_rows_pull_and_are_squared_without_a_copy_by_columns(intercept):
    f, exact = both(intercept)
    weights = np.random.default_rng(1).uniform(0, 1, (300, 3))
    np.testing.assert_allclose(f.pulled(weights), exact.pulled(weights), rtol=1e-12, atol=1e-12)
    for w in (weights, weights[:, 0]):
        np.testing.assert_allclose(
            f.weighted_squares(w), exact.weighted_squares(w), rtol=1e-11, atol=1e-12
        )


def test_rows_are_read_once_only_where_that_is_right_and_pays():
    f, _ = both(True)
    assert f.in_double().fused
    assert f.only(np.arange(200)).fused
    assert not replace(f, offset=np.zeros((300, 3))).fused
    assert not replace(f, targets=Distributions(np.full((300, 3), 1 / 3))).fused
    assert not f.for_steps().fused
    assert not f.only(np.arange(5)).fused  # hardly a number in each column
    single = SparseDesign(f.design.matrix.astype(np.float32), f.design.shift, True)
    assert not replace(f, design=single).fused
    assert not LinearSoftmax(single, f.targets, f.weights, f.penalty).fused
