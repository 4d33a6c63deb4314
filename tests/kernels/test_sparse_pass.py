"""The fused pass over sparse rows finds what the pass over panels of the same rows finds."""

import numpy as np
import pytest
from scipy import sparse


def problem(seed, n=70, m=9, k=3, index=np.int32):
    random = np.random.default_rng(seed)
    x = sparse.random_array((n, m), density=0.3, rng=random, format="csr")
    x.data = random.normal(size=x.nnz)
    stored = x.indptr.astype(index), x.indices.astype(index), x.data
    y = random.integers(0, k, n)
    s = random.uniform(0, 2, n)
    s[1::7] = 0
    return stored, x.toarray(), y, s, random.normal(size=(m, k)), random.normal(size=k)


def with_ones(x):
    return np.column_stack([x, np.ones(len(x))])


def by_panels(core, x, y, s, w, constant):
    """Compute the same from the rows spelled out, the constant as a column of ones."""
    rows = with_ones(x)
    panels = np.empty((-(-len(x) // 32), rows.shape[1], 32))
    core.to_panels(rows, panels)
    theta = np.ascontiguousarray(np.vstack([w, constant]).T)
    gradient = np.empty_like(theta)
    return panels, theta, gradient


@pytest.mark.parametrize("k", [2, 3, 7, 16, 45, 70])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_a_pass_finds_loss_hits_and_gradient(native, twin, k, index):
    for seed, n in enumerate([1, 31, 700]):
        stored, x, y, s, w, constant = problem(seed, n, k=k, index=index)
        panels, theta, expected = by_panels(twin, x, y, s, w, constant)
        loss, right = twin.softmax_pass(panels, y, s, theta, expected)
        for core in (native, twin):
            gradient = np.full((10, k), np.nan)
            found = core.sparse_pass(*stored, constant, y, s, w, gradient)
            np.testing.assert_allclose(found, (loss, right), rtol=1e-13)
            np.testing.assert_allclose(gradient.T, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("k", [2, 5, 33])
def test_the_dual_is_that_of_the_rows_spelled_out(native, twin, k):
    stored, x, y, s, w, constant = problem(3, 200, k=k)
    random = np.random.default_rng(4)
    given, received = random.uniform(0, 0.5, k), random.uniform(0, 1, k)
    received /= received.sum()
    panels, theta, expected = by_panels(twin, x, y, s, w, constant)
    value = twin.softmax_dual(panels, y, s, theta, given, received, expected)
    for core in (native, twin):
        gradient = np.full((10, k), np.nan)
        found = core.sparse_dual(*stored, constant, y, s, w, given, received, gradient)
        assert found == pytest.approx(value, rel=1e-13)
        np.testing.assert_allclose(gradient.T, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 6, 50])
def test_residuals_pull_their_rows(native, twin, k):
    stored, x, *_ = problem(5, 600)
    r = np.random.default_rng(6).normal(size=(600, k))
    for core in (native, twin):
        gradient = np.full((10, k), np.nan)
        core.sparse_pulled(*stored, r, gradient)
        np.testing.assert_allclose(gradient, with_ones(x).T @ r, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_shows(native, twin, value):
    stored, _, y, s, w, constant = problem(7)
    w[2, 1] = value
    for core in (native, twin):
        assert np.isnan(core.sparse_pass(*stored, constant, y, s, w, np.empty((10, 3)))[0])


def test_the_number_of_threads_does_not_show(native, threads):
    stored, _, y, s, w, constant = problem(8, 20000, k=4)
    found = []
    for count in (1, 3):
        threads(count)
        gradient = np.empty((10, 4))
        found.append((native.sparse_pass(*stored, constant, y, s, w, gradient), gradient))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_what_does_not_fit_is_refused(native):
    (starts, columns, x), _, y, s, w, constant = problem(9)
    good = [starts, columns, x, constant, y, s, w, np.empty((10, 3))]
    native.sparse_pass(*good)
    wrong = {
        1: (columns.astype(np.int64), "indices of one type"),
        2: (x.astype(np.float32), "float64 numbers"),
        3: (constant[:2], "parameters do not fit"),
        4: (y[:-1], "a label and a weight"),
        7: (np.empty((9, 3)), "gradient does not fit"),
    }
    for place, (given, message) in wrong.items():
        with pytest.raises(TypeError, match=message):
            native.sparse_pass(*good[:place], given, *good[place + 1 :])
    with pytest.raises(TypeError, match="shares of classes"):
        native.sparse_dual(*good[:7], np.zeros(2), np.zeros(3), good[7])
    with pytest.raises(TypeError, match="residuals by row"):
        native.sparse_pulled(starts, columns, x, np.empty((69, 3)), np.empty((10, 3)))
    with pytest.raises(TypeError, match="gradient does not fit"):
        native.sparse_pulled(starts, columns, x, np.empty((70, 3)), np.empty((10, 2)))
