"""Products of sparse rows: the numbers of SciPy, and the same bits on any number of threads."""

import numpy as np
import pytest
from scipy import sparse

INDICES = [np.int32, np.int64]


def problem(n, m, k, dtype, index, seed=0):
    random = np.random.default_rng(seed)
    matrix = sparse.random_array((n, m), density=0.1, rng=random, format="csr").astype(dtype)
    matrix.indices, matrix.indptr = matrix.indices.astype(index), matrix.indptr.astype(index)
    return matrix, random.normal(size=(m, k)).astype(dtype)


def product(core, matrix, w, dtype):
    out = np.full((matrix.shape[0], w.shape[1]), 7, dtype)
    core.sparse_rows(matrix.indptr, matrix.indices, matrix.data, w, out)
    return out


@pytest.mark.parametrize("k", [1, 2, 3, 7, 8, 20, 33, 63, 130])
@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("sums", [np.float64, np.float32])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_product_is_that_of_scipy(native, twin, k, index, dtype, sums):
    if sums == np.float32 and dtype == np.float64:
        pytest.skip("sums are never narrower than the numbers")
    matrix, w = problem(40, 30, k, dtype, index)
    matrix.data[matrix.indptr[3] : matrix.indptr[5]] = 0
    exact = matrix.astype(np.float64).toarray() @ w.astype(np.float64)
    bound = {np.float64: 1e-14, np.float32: 1e-5}[sums]
    for core in (native, twin):
        np.testing.assert_allclose(product(core, matrix, w, sums), exact, atol=bound * 10)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_rows_without_any_number_give_zeros(native, twin, n):
    matrix = sparse.csr_array((n, 4))
    for core in (native, twin):
        np.testing.assert_array_equal(product(core, matrix, np.ones((4, 3)), np.float64), 0)


@pytest.mark.parametrize("sums", [np.float64, np.float32])
def test_the_number_of_threads_does_not_show(native, threads, sums):
    matrix, w = problem(5000, 300, 24, np.float32, np.int32)
    threads(1)
    alone = product(native, matrix, w, sums)
    threads(3)
    np.testing.assert_array_equal(product(native, matrix, w, sums), alone)


def test_a_row_is_the_same_whatever_stands_beside_it(native):
    matrix, w = problem(500, 300, 24, np.float64, np.int32)
    whole = product(native, matrix, w, np.float64)
    np.testing.assert_array_equal(product(native, matrix[77:78], w, np.float64), whole[77:78])


def test_what_does_not_fit_is_refused(native):
    matrix, w = problem(5, 4, 3, np.float64, np.int32)
    with pytest.raises(TypeError, match="do not fit"):
        product(native, matrix, np.ones((4, 2)).astype(np.float32), np.float64)
    with pytest.raises(TypeError, match="rows do not fit"):
        native.sparse_rows(matrix.indptr[:-1], matrix.indices, matrix.data, w, np.empty((5, 3)))
    wide = matrix.indices.astype(np.int64)
    with pytest.raises(TypeError, match="indices of one type"):
        native.sparse_rows(matrix.indptr, wide, matrix.data, w, np.empty((5, 3)))
