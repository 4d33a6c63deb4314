"""The objective against SciPy's formulas, finite differences and the laws of duality."""

from dataclasses import replace
from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.softmax_problems import (
    softmax_problem,
    softmax_problems,
    some_theta,
    spelled_out,
    with_rows,
)
from scipy import sparse
from scipy.optimize import approx_fprime
from scipy.optimize import minimize as scipy_minimise

from luce import get_num_threads, set_num_threads
from luce.solvers import DenseDesign, Labels, LinearSoftmax, SparseDesign, minimise
from luce.solvers.dual import DualTerms, Repair, Sums, _sums, bound_of

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.sampled_from([0.0, 0.3, 3.0, 30.0])


@given(softmax_problems(), SEEDS, SIZES)
@settings(max_examples=60, deadline=None)
def test_value_and_gradient_are_those_of_the_formula(f, seed, size):
    theta = some_theta(f, seed, size)
    value, gradient = f.value_gradient(theta)
    exact = spelled_out(f)
    assert value == pytest.approx(exact.value(theta), rel=1e-12, abs=1e-12)
    scale = 1 + np.abs(f.design.rows).max()
    np.testing.assert_allclose(gradient, exact.gradient(theta), rtol=1e-10, atol=1e-13 * scale)


@given(softmax_problems(), SEEDS)
@settings(max_examples=25, deadline=None)
def test_gradient_is_the_derivative_of_the_value(f, seed):
    theta = some_theta(f, seed, 0.3)
    slope = approx_fprime(
        theta.ravel(), lambda flat: f.value_gradient(flat.reshape(f.shape))[0], 1e-7
    )
    scale = 1 + np.square(f.design.rows).max()
    np.testing.assert_allclose(
        f.value_gradient(theta)[1].ravel(), slope, rtol=1e-4, atol=2e-6 * scale
    )


@given(softmax_problems(), SEEDS, SIZES)
@settings(max_examples=40, deadline=None)
def test_hessian_is_that_of_the_formula(f, seed, size):
    theta = some_theta(f, seed, size)
    hessian = f.hessian(f.probabilities(f.logits(theta)))
    scale = 1 + np.square(f.design.rows).max()
    np.testing.assert_allclose(
        hessian, spelled_out(f).hessian(theta), rtol=1e-9, atol=1e-14 * scale
    )


def test_hessian_is_right_where_every_row_is_confident():
    # p = 1 - 1e-20 rounds to 1, so that p (1 - p) would be 0; the curvature is 1e-20.
    f = softmax_problem(0, n=3, d=1, k=2, penalty=0.0, intercept=False)
    f.design.rows[:] = 1.0
    z = np.array([[20 * np.log(10.0), 0.0]] * 3)
    hessian = f.hessian(f.probabilities(z))
    np.testing.assert_allclose(hessian, 1e-20 * np.array([[1, -1], [-1, 1]]), rtol=1e-9)


@given(softmax_problems(), SEEDS, SIZES, st.integers(0, 1))
@settings(max_examples=40, deadline=None)
def test_the_reduced_hessian_gives_the_same_newton_step(f, seed, size, left_out):
    theta = some_theta(f, seed, min(size, 3.0))
    p = f.probabilities(f.logits(theta))
    k, _ = f.shape
    kept = np.delete(np.arange(k), left_out)
    reduced = f.reduced_hessian(p, left_out)
    step = some_theta(f, seed + 1, 1.0)
    relative = (step - step[left_out])[kept].ravel()
    full = step.ravel() @ spelled_out(f).hessian(theta) @ step.ravel()
    scale = 1 + np.square(f.design.rows).max()
    assert relative @ reduced @ relative == pytest.approx(full, rel=1e-8, abs=1e-13 * scale)


def test_the_reduced_hessian_is_right_where_every_row_is_confident():
    f = softmax_problem(0, n=3, d=1, k=2, penalty=0.0, intercept=False)
    f.design.rows[:] = 1.0
    z = np.array([[20 * np.log(10.0), 0.0]] * 3)
    for left_out in (0, 1):
        reduced = f.reduced_hessian(f.probabilities(z), left_out)
        np.testing.assert_allclose(reduced, [[1e-20]], rtol=1e-9)


def test_gradient_in_float32_is_that_of_float64_but_for_rounding():
    f = softmax_problem(1, n=500, d=6, k=4)
    theta = some_theta(f, 2, 1.0)
    single = with_rows(f, f.design.rows.astype(np.float32))
    value, gradient = single.value_gradient(theta)
    assert value == pytest.approx(f.value_gradient(theta)[0], rel=1e-6)
    np.testing.assert_allclose(gradient, f.value_gradient(theta)[1], atol=1e-6)
    assert gradient.dtype == np.float64
    assert single.in_double().design.rows.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_bits_with_any_number_of_threads(dtype):
    f = softmax_problem(1, n=40_000, d=40, k=3)
    f = with_rows(f, f.design.rows.astype(dtype))
    theta = some_theta(f, 2, 1.0)
    p = f.probabilities(f.logits(theta))
    before = get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            set_num_threads(threads)
            value, gradient = f.value_gradient(theta)
            results.append([value, *gradient.ravel(), f.dual_value(theta), *f.hessian(p).ravel()])
    finally:
        set_num_threads(before)
    assert results[0] == results[1]


def test_the_pieces_agree_with_the_whole():
    f = softmax_problem(3, smoothing=0.2)
    theta = some_theta(f, 4, 1.0)
    z = f.logits(theta)
    np.testing.assert_allclose(z, f.design.rows @ theta.T, rtol=1e-14, atol=1e-14)
    value, residual = f.at_logits(z, theta)
    assert value == pytest.approx(f.value_gradient(theta)[0], rel=1e-14)
    np.testing.assert_allclose(
        f.pull_back(residual, theta), f.value_gradient(theta)[1], rtol=1e-12, atol=1e-15
    )
    np.testing.assert_allclose(
        f.gram(), (f.design.rows.T * f.weights) @ f.design.rows, rtol=1e-12, atol=1e-14
    )


@given(softmax_problems(), SEEDS, st.floats(-2, 3))
@settings(max_examples=40, deadline=None)
def test_value_slope_and_curvature_on_a_line(f, seed, t):
    theta, step = some_theta(f, seed, 0.5), some_theta(f, seed + 1, 0.5)
    here = f.on_line(f.logits(theta), f.logits(step), theta, step, t)
    there = theta + t * step
    exact = spelled_out(f)
    scale = 1 + np.square(f.design.rows).max()
    assert here.value == pytest.approx(exact.value(there), rel=1e-11)
    assert here.slope == pytest.approx(np.vdot(exact.gradient(there), step), abs=1e-12 * scale)
    bend = step.ravel() @ exact.hessian(there) @ step.ravel()
    assert here.curvature == pytest.approx(bend, rel=1e-9, abs=1e-12 * scale)


def test_more_penalty_leaves_the_intercept_alone():
    f = softmax_problem(5, penalty=0.1)
    np.testing.assert_allclose(f.with_penalty(0.5).penalty, [0.6, 0.6, 0.6, 0])
    plain = softmax_problem(5, penalty=0.1, intercept=False)
    np.testing.assert_allclose(plain.with_penalty(0.5).penalty, 0.6)


def test_only_some_rows_weigh_1_together():
    f = softmax_problem(6)
    part = f.only(np.array([3, 1, 7]))
    np.testing.assert_array_equal(part.design.rows, f.design.rows[[3, 1, 7]])
    np.testing.assert_array_equal(part.targets.labels, f.targets.labels[[3, 1, 7]])
    assert part.weights.sum() == pytest.approx(1, abs=1e-15)
    assert part.weights[0] / part.weights[2] == pytest.approx(f.weights[3] / f.weights[7])


# Duality


@given(softmax_problems(), SEEDS, SIZES)
@settings(max_examples=80, deadline=None)
def test_dual_value_is_a_lower_bound_on_any_value(f, seed, size):
    bound = f.dual_value(some_theta(f, seed, size))
    _, smallest = spelled_out(f).minimum()
    assert bound <= smallest * (1 + 1e-12) + 1e-12


@given(softmax_problems())
@settings(max_examples=40, deadline=None)
def test_dual_value_meets_the_minimum_there(f):
    theta, smallest = spelled_out(f).minimum()
    assert f.dual_value(theta) == pytest.approx(smallest, rel=1e-9, abs=1e-9)


@given(softmax_problems(), SEEDS)
@settings(max_examples=40, deadline=None)
def test_without_an_intercept_the_gap_is_the_square_of_the_gradient(f, seed):
    f = type(f)(**{**vars(f), "intercept": False, "penalty": np.full_like(f.penalty, 0.3)})
    theta = some_theta(f, seed, 1.0)
    value, gradient = f.value_gradient(theta)
    gap = (gradient**2 / (2 * f.penalty)).sum()
    assert value - f.dual_value(theta) == pytest.approx(gap, rel=1e-9, abs=1e-12 * (1 + gap))


def test_dual_value_is_the_dual_function_of_repaired_probabilities():
    f = softmax_problem(11, smoothing=0.1)
    theta = some_theta(f, 12, 0.5)
    exact = spelled_out(f)
    p = f.probabilities(f.logits(theta))
    excess = f.weights @ p - f.weights @ exact.targets
    give = np.where(excess > 0, excess / (f.weights @ p), 0)
    take = np.maximum(-excess, 0) / np.maximum(-excess, 0).sum()
    q = p * (1 - give) + np.outer(p @ give, take)
    np.testing.assert_allclose(q.sum(axis=1), 1, rtol=1e-14)
    assert f.dual_value(theta) == pytest.approx(exact.dual(q), rel=1e-12)


def test_totals_that_are_nearly_right_are_repaired_by_a_tilt():
    f = softmax_problem(11, smoothing=0.1)
    exact = spelled_out(f)
    theta = exact.minimum()[0] + some_theta(f, 12, 1e-3)
    p = f.probabilities(f.logits(theta))
    excess = f.weights @ (p - exact.targets)
    tilt = np.linalg.lstsq(
        np.diag(f.weights @ p) - (p * f.weights[:, None]).T @ p, -excess, rcond=1e-12
    )[0]
    q = p * (1 + tilt - (p @ tilt)[:, None])
    np.testing.assert_allclose(f.weights @ q, f.weights @ exact.targets, rtol=1e-12)
    bound = f.dual_value(theta)
    assert bound == pytest.approx(exact.dual(q), rel=1e-12)
    assert bound <= exact.minimum()[1] * (1 + 1e-12)


def test_an_intercept_that_is_off_costs_little_of_the_bound():
    f = softmax_problem(11, penalty=np.array([1e-4, 1e-4, 1e-4, 0.0]))
    theta, smallest = spelled_out(f).minimum()
    theta[:, -1] += 1e-3 * np.arange(len(theta))
    assert 0 <= smallest - f.dual_value(theta) <= 20 * (f.value_gradient(theta)[0] - smallest)


def value_of_sure_rows(f, theta):
    """The function, the loss of each row from the exponentials of the classes that lose."""
    own = np.arange(len(f)), f.targets.labels
    z = f.design.rows @ theta.T
    power = np.exp(z - z[own][:, None])
    power[own] = 0.0
    losses = f.weights * np.log1p([fsum(row) for row in power])
    return fsum(losses) + fsum((0.5 * f.penalty * theta**2).ravel())


@pytest.mark.parametrize("rho", [1e-14, 1e-12])
@pytest.mark.parametrize("seed", [1, 2])
def test_dual_value_is_a_lower_bound_where_nearly_every_row_is_sure(seed, rho):
    random = np.random.default_rng(seed)
    labels = np.arange(400) % 3
    means = 6 * random.normal(size=(3, 3))
    rows = np.column_stack([means[labels] + 0.7 * random.normal(size=(400, 3)), np.ones(400)])
    weights = random.uniform(0.5, 1.5, 400)
    penalty = np.array([rho] * 3 + [0.0])
    f = LinearSoftmax(DenseDesign(rows), Labels(labels, 3), weights / weights.sum(), penalty)
    best = minimise(f, np.zeros(f.shape), tol=1e-9, max_iter=500, solver="newton").theta
    smallest = value_of_sure_rows(f, best)
    for size in 10.0 ** np.arange(-5.0, 0.0):
        for _ in range(2):
            theta = best.copy()
            theta[:, -1] += 2 * size * (random.permutation(3) - 1)
            bound = f.dual_value(theta)
            assert bound <= smallest * (1 + 1e-9)
            assert bound >= smallest * (1 - size**2 - 1e-9)


def test_there_is_no_tilt_for_totals_that_no_shift_brings_back():
    others = 1e-14 * (np.ones((3, 3)) - np.eye(3))  # sums of p_j p_m: nearly every row is sure
    totals = np.array([0.4, 0.3, 0.3])
    sums = Sums(totals, 1e-16 * np.array([2.0, -1.0, -1.0]), others + np.diag(totals))
    assert Repair.of(sums).tilt is not None
    off = Sums(totals, 1e-16 * np.array([2.1, -1.0, -1.0]), others + np.diag(totals))
    assert Repair.of(off).tilt is None


def test_products_of_all_pairs_of_classes_are_taken_only_where_they_pay():
    rows = sparse.random(60, 400, 0.01, random_state=0).tocsr()  # four numbers a row
    for k, worth in ((16, True), (40, False)):
        f = softmax_problem(0, n=60, d=401, k=k)
        f = replace(f, design=SparseDesign(rows, np.zeros(400), True))
        assert (sums_of(f).products is not None) == worth
    wide = softmax_problem(0, n=2100, d=300, k=2100)
    assert sums_of(wide).products is None


def sums_of(f):
    z = np.zeros((2, f.classes))
    return _sums(f, z, z, slice(0, 2))


def test_totals_that_are_not_those_of_the_rows_prove_nothing():
    pulled = np.array([[0.1, 1e-12], [-0.1, -1e-12]])
    penalty, intercept = np.array([0.5, 0.0]), np.array([0.5, -0.5])
    terms = DualTerms(0.3, pulled)
    assert bound_of(terms, penalty, intercept) == pytest.approx(0.28, rel=1e-11)
    pulled[:, 1] *= 100
    assert bound_of(terms, penalty, intercept) == -np.inf
    assert bound_of(terms, penalty, None) == -np.inf


def test_what_totals_miss_is_taken_off_by_the_size_of_the_intercept():
    # sum_j missed_j b_j is the error: here as large as missed totals of that size can make it
    pulled, intercept = np.array([[0.0, 2e-11], [0.0, -2e-11]]), np.array([4e6, -4e6])
    bound = bound_of(DualTerms(0.3, pulled), np.array([0.5, 0.0]), intercept)
    assert bound == pytest.approx(0.3 - pulled[:, 1] @ intercept, rel=1e-14)


def test_an_offset_that_cancels_the_entropies_takes_no_bound_away():
    pulled = np.array([[0.1, 1e-15], [-0.1, -1e-15]])
    bound = bound_of(DualTerms(0.3, pulled, -0.3 + 1e-9), np.array([0.5, 0.0]), np.zeros(2))
    assert bound == pytest.approx(1e-9 - 0.02, rel=1e-12)


def test_nothing_is_proven_by_duality_where_a_column_has_no_penalty():
    f = softmax_problem(13, penalty=np.array([0.0, 0.1, 0.1, 0.0]))
    assert f.dual_value(some_theta(f, 14, 1.0)) == -np.inf


def test_dual_value_of_confident_rows_is_not_lost_in_rounding():
    # Two rows told apart with p = 1 - 1e-15: every term is about 1e-15, far below 1's rounding.
    f = softmax_problem(0, n=2, d=1, k=2, penalty=5.8e-17, intercept=False)
    f.design.rows[:] = [[1.0], [-1.0]]
    f.targets.labels[:] = [1, 0]
    theta = np.array([[-17.27], [17.27]])
    value, gradient = f.value_gradient(theta)
    gap = (gradient**2 / (2 * f.penalty)).sum()
    assert gap < value < 1e-13
    assert f.dual_value(theta) == pytest.approx(value - gap, rel=1e-7, abs=0)


@pytest.mark.parametrize("seed", range(30))
def test_a_class_without_any_weight_keeps_a_finite_bound(seed):
    f = softmax_problem(seed, n=30, d=2, k=3)
    f.weights[f.targets.labels == 2] = 0
    f.weights[:] /= f.weights.sum()
    bound = f.dual_value(some_theta(f, seed, 0.1))
    assert np.isfinite(bound)
    assert bound <= spelled_out(f).minimum()[1] + 1e-6


@given(softmax_problems(), SEEDS, SEEDS)
@settings(max_examples=60, deadline=None)
def test_reach_bounds_the_spread_of_every_step(f, seed, other):
    theta, step = some_theta(f, seed, 0.5), some_theta(f, other, 1.0)
    hessian = spelled_out(f).hessian(theta) + 1e-9 * np.eye(np.prod(f.shape))
    length = np.sqrt(step.ravel() @ hessian @ step.ravel())
    counted = f.design.rows[f.weights > 0] @ step.T
    spread = np.ptp(counted, axis=1).max()
    assert spread <= f.reach(np.linalg.inv(hessian)) * length * (1 + 1e-6)


def with_offset(f, seed=5):
    offset = np.random.default_rng(seed).normal(size=(len(f), f.classes)) * 2
    return replace(f, offset=offset)


def as_columns(f):
    """The same function with the offset as further columns, whose coefficients are to be 1."""
    rows = np.column_stack([f.offset, f.design.rows])
    penalty = np.append(np.zeros(f.classes), f.penalty)
    return replace(with_rows(f, rows), penalty=penalty, offset=None)


def test_an_offset_is_what_columns_with_coefficients_of_one_are():
    f = with_offset(softmax_problem(3, n=50, d=4, k=3))
    wide, theta = as_columns(f), some_theta(f, 4, 0.5)
    all_of_them = np.column_stack([np.eye(3), theta])
    value, gradient = f.value_gradient(theta)
    assert value == pytest.approx(wide.value_gradient(all_of_them)[0], rel=1e-13)
    np.testing.assert_allclose(gradient, wide.value_gradient(all_of_them)[1][:, 3:], atol=1e-14)
    z = f.logits(theta)
    assert f.accuracy(z) == wide.accuracy(wide.logits(all_of_them))
    kept = [3 + c + 7 * j for j in range(3) for c in range(4)]
    hessian = wide.hessian(wide.probabilities(wide.logits(all_of_them)))[np.ix_(kept, kept)]
    np.testing.assert_allclose(f.hessian(f.probabilities(z)), hessian, atol=1e-14)
    rows = np.array([4, 1, 30])
    part = f.only(rows)
    np.testing.assert_array_equal(part.offset, f.offset[rows])


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("intercept", [True, False])
def test_with_an_offset_the_bound_from_below_meets_the_minimum(solver, intercept):
    f = with_offset(softmax_problem(3, n=80, d=4, k=3, penalty=0.02, intercept=intercept))
    found = minimise(f, np.zeros(f.shape), tol=1e-8, max_iter=500, solver=solver)
    assert found.converged
    bound = f.dual_value(found.theta)
    assert bound <= found.value * (1 + 1e-14)
    assert bound == pytest.approx(found.value, rel=1e-5)
    best = scipy_minimise(
        lambda flat: f.value_gradient(flat.reshape(f.shape))[0], np.zeros(f.shape).ravel(), tol=1e-9
    ).fun
    assert found.value == pytest.approx(best, rel=1e-7)
