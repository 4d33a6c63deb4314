"""Every design gives the numbers of the rows that it stands for."""

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, some_theta
from scipy import sparse

from luce import get_num_threads, set_num_threads
from luce.solvers import DenseDesign, Distributions, Labels, LinearSoftmax, RawDesign, SparseDesign
from luce.solvers.dependence import independent_columns
from luce.solvers.sampled_grams import sampled_grams


def table(random, n, m):
    return random.poisson(0.4, (n, m)).astype(np.float64)


def designs(n, m, *, intercept, dtype=np.float64, seed=0):
    """Return the rows, and the designs that stand for them."""
    random = np.random.default_rng(seed)
    raw, scale = table(random, n, m), random.uniform(0.5, 2, m)
    raw[7], raw[:, 1] = 0, 0  # an empty row and an empty column
    centre = random.uniform(0, 1, m) if intercept else np.zeros(m)
    rows = np.column_stack([(raw - centre) / scale, np.ones((n, int(intercept)))])
    spread = sparse.csr_array((raw / scale).astype(dtype))
    return rows, {
        "dense": DenseDesign(rows.astype(dtype)),
        "raw": RawDesign(raw.astype(np.uint8), centre, scale, intercept, np.dtype(dtype)),
        "csr": SparseDesign(spread, centre / scale, intercept),
        "csc": SparseDesign(spread.tocsc(), centre / scale, intercept),
    }


def problem(design, *, soft=False, k=3, intercept=True):
    n, d = design.shape
    random = np.random.default_rng(1)
    if soft:
        targets = Distributions(random.dirichlet(np.ones(k), n), 0.1)
    else:
        targets = Labels(random.integers(k, size=n), k, 0.1)
    penalty = np.full(d, 0.1)
    penalty[d - intercept :] = 0
    return LinearSoftmax(design, targets, random.dirichlet(np.ones(n)), penalty, intercept)


def same(found, expected, dtype):
    loose = {np.float64: 1e-11, np.float32: 2e-5}[dtype]
    np.testing.assert_allclose(found, expected, rtol=loose, atol=loose * np.abs(expected).max())


@pytest.mark.parametrize("kind", ["raw", "csr", "csc"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("soft", [True, False])
def test_all_sums_over_the_rows_are_those_of_the_rows(kind, dtype, intercept, soft):
    rows, all_designs = designs(700, 5, intercept=intercept, dtype=dtype)
    f = problem(all_designs[kind], soft=soft, intercept=intercept)
    exact = problem(DenseDesign(rows), soft=soft, intercept=intercept)
    theta = some_theta(exact, 3, 0.5)
    z = f.logits(theta)
    assert z.dtype == f.dtype == dtype
    same(z, rows @ theta.T, dtype)
    found, expected = f.scan(theta), exact.scan(theta)
    same(found.value, expected.value, dtype)
    same(found.gradient, expected.gradient, dtype)
    assert found.accuracy == pytest.approx(expected.accuracy, abs=1e-2)
    same(f.gram(), exact.gram(), dtype)
    same(f.column_squares(), np.diag(exact.gram()), dtype)
    assert f.design.stored in (700 * (5 + intercept), np.count_nonzero(rows[:, :5] != rows[7, :5]))
    p = exact.probabilities(exact.logits(theta))
    same(f.class_squares(p.astype(dtype)), exact.class_squares(p), dtype)
    same(f.design.squares(), np.square(rows).sum(axis=1), dtype)
    p = exact.probabilities(exact.logits(theta))
    hessian = exact.hessian(p)
    same(f.hessian(p), hessian, dtype)
    inverse = np.linalg.inv(hessian + np.eye(len(hessian)))
    same(f.reach(inverse), exact.reach(inverse), dtype)
    same(f.dual_value(theta), exact.dual_value(theta), dtype)
    some = np.array([5, 3, 600])
    same(f.only(some).value_gradient(theta)[1], exact.only(some).value_gradient(theta)[1], dtype)
    same(f.in_double().value_gradient(theta)[1], expected.gradient, dtype)
    single = f.for_steps()
    residual = single.loss_at(single.logits(theta))[1]
    same(single.pull_back(residual, theta), expected.gradient, np.float32)
    assert single.pulled(single.logits(theta)).dtype == np.float32
    share = np.linspace(0.1, 2, f.shape[1])
    same(f.design.squares(share), np.square(rows) @ share, dtype)
    stored = f.design.by_row(some)
    same(stored.matrix.toarray() - stored.shift, rows[some], dtype)
    assert f.pulled(z).flags[f"{f.design.order}_CONTIGUOUS"]
    assert f.in_double().dtype == np.float64
    samples = [np.stack(sampled_grams(g, p, 10**6, 0)) for g in (f, exact)]
    same(samples[0], samples[1], dtype)


@pytest.mark.parametrize("kind", ["dense", "raw", "csr"])
@pytest.mark.parametrize("intercept", [True, False])
def test_some_columns(kind, intercept):
    rows, all_designs = designs(300, 6, intercept=intercept)
    kept = np.array([1, 4, 6]) if intercept else np.array([1, 4])
    f = problem(all_designs[kind].columns(kept), intercept=intercept)
    exact = problem(DenseDesign(rows[:, kept]), intercept=intercept)
    theta = some_theta(exact, 0, 0.5)
    same(f.value_gradient(theta)[1], exact.value_gradient(theta)[1], np.float64)


@pytest.mark.parametrize("kind", ["dense", "raw", "csr"])
def test_the_same_bits_with_any_number_of_threads(kind):
    _, all_designs = designs(30_000, 20, intercept=True)
    f = problem(all_designs[kind], k=5)
    theta = some_theta(f, 2, 1.0)
    before = get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            set_num_threads(threads)
            value, gradient = f.value_gradient(theta)
            results.append([value, *gradient.ravel(), *f.gram().ravel(), f.dual_value(theta)])
    finally:
        set_num_threads(before)
    assert results[0] == results[1]


@pytest.mark.parametrize("k", [2, 16, 17])
@pytest.mark.parametrize("order", ["C", "F"])
def test_few_classes_have_the_products_of_many(k, order):
    random = np.random.default_rng(3)
    rows = np.asarray(random.normal(size=(50, 7)), np.float32, order=order)
    theta, residual = random.normal(size=(k, 7)), random.normal(size=(50, k)).astype(np.float32)
    design = DenseDesign(rows)
    operand = design.operand(theta)
    (found,) = design.each(lambda part: (part.logits(operand), part.pulled(residual)))
    for got, expected in zip(found, (rows @ theta.T, residual.T @ rows), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, atol=3e-5)


@pytest.mark.parametrize("kind", ["dense", "raw", "csr"])
def test_dependent_columns_are_found_in_every_design(kind):
    random = np.random.default_rng(0)
    raw = table(random, 2000, 4)
    raw = np.column_stack([raw, raw[:, 0] + raw[:, 1]])
    centre = raw.mean(axis=0)
    rows = np.column_stack([raw - centre, np.ones(2000)])
    design = {
        "dense": DenseDesign(rows),
        "raw": RawDesign(raw, centre, np.ones(5), True, np.dtype(np.float64)),
        "csr": SparseDesign(sparse.csr_array(raw), centre, True),
    }[kind]
    f = problem(design)
    f.penalty[:] = 0
    kept = independent_columns(f)
    assert len(kept) == 5
    assert kept[-1] == 5


def test_one_hot_distributions_are_labels():
    f = softmax_problem(4, smoothing=0.2)
    rows = Distributions(np.eye(3)[f.targets.labels], 0.2)
    soft = LinearSoftmax(f.design, rows, f.weights, f.penalty)
    theta = some_theta(f, 1, 3.0)
    assert soft.value_gradient(theta)[0] == pytest.approx(f.value_gradient(theta)[0], rel=1e-13)
    assert soft.dual_value(theta) == pytest.approx(f.dual_value(theta), rel=1e-12)
    assert soft.scan(theta).accuracy == pytest.approx(f.scan(theta).accuracy)
    np.testing.assert_array_equal(soft.targets.labels, f.targets.labels)


def test_residuals_of_confident_one_hot_distributions_keep_their_digits():
    z = np.array([[40.0, 0.0, 1.0]])
    labels, rows = Labels(np.array([0]), 3), Distributions(np.array([[1.0, 0.0, 0.0]]))
    found, expected = z.copy(), z.copy()
    part, weight = slice(0, 1), np.ones(1)
    assert rows.residual(found, part, weight) == labels.residual(expected, part, weight) > 0
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert found[0, 0] < 0
