"""L-BFGS against an independent minimum, in float32 and float64."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from reference.softmax_problems import (
    softmax_problem,
    softmax_problems,
    some_theta,
    spelled_out,
    with_rows,
)

from luce.solvers import Journal, lbfgs, newton
from luce.solvers.lbfgs import _Run


def solve(f, **options):
    settings = {"tol": 1e-8, "max_iter": 500, **options}
    return lbfgs(f, np.zeros(f.shape), **settings)


def in_single(f):
    return with_rows(f, f.design.rows.astype(np.float32))


@given(softmax_problems())
@settings(max_examples=40, deadline=None)
def test_finds_the_minimum_and_bounds_what_is_left(f):
    result = solve(f)
    _, smallest = spelled_out(f).minimum()
    assert result.converged
    assert result.value == pytest.approx(smallest, rel=2e-8)
    assert (result.value - smallest) / smallest <= result.gap + 1e-12
    np.testing.assert_allclose(result.theta.sum(axis=0), 0, atol=1e-9 * np.abs(f.design.rows).max())


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_newton(seed):
    f = softmax_problem(seed, n=300, d=8, k=5, penalty=1e-3)
    other = newton(f, np.zeros(f.shape), tol=1e-12, max_iter=50)
    np.testing.assert_allclose(solve(f, tol=1e-12).theta, other.theta, atol=1e-5)


def test_takes_few_passes_where_columns_resemble_each_other():
    f = softmax_problem(1, n=400, d=10, k=4, penalty=1e-4, signal=0.5)
    mixed = f.design.rows.copy()
    mixed[:, :-1] = mixed[:, :-1] @ np.vander(np.linspace(0.5, 1.5, 9))
    ill = with_rows(f, np.ascontiguousarray(mixed))
    assert solve(ill, tol=1e-6).n_iter < 60


@pytest.mark.parametrize("seed", range(3))
def test_float32_is_left_where_its_rounding_hides_the_gap(seed):
    f = in_single(softmax_problem(seed, n=400, d=6, k=4, penalty=1e-3))
    loose, tight = solve(f, tol=1e-4), solve(f, tol=1e-10)
    smallest = spelled_out(f).minimum()[1]
    assert loose.converged
    assert loose.gap > 1e-8  # float32 proves no more than its own rounding
    assert tight.converged
    assert tight.value == pytest.approx(smallest, rel=1.5e-10)


def test_float32_proves_no_gap_below_its_rounding():
    f = in_single(softmax_problem(8, n=400, d=6, k=4, penalty=1e-3))
    best, _ = spelled_out(f).minimum()
    assert lbfgs(f, best, tol=1e-4, max_iter=9).gap > 2 * np.finfo(np.float32).eps


def test_float32_follows_float64_to_a_loose_gap():
    f = softmax_problem(7, n=400, d=6, k=4, penalty=1e-3)
    single, double = solve(in_single(f), tol=1e-5), solve(f, tol=1e-5)
    assert single.value == pytest.approx(double.value, rel=2e-5)
    assert single.n_iter <= double.n_iter + 3


def test_heavy_tails():
    f = softmax_problem(49, n=60, d=4, k=3, penalty=1e-6, tails=True, signal=3.0)
    assert solve(f, tol=1e-6).value == pytest.approx(spelled_out(f).minimum()[1], rel=2e-6)


def test_a_start_far_away_leads_to_the_same_minimum():
    f = softmax_problem(2, n=60, penalty=1e-2)
    far = lbfgs(f, 50 + 30 * some_theta(f, 2, 1.0), tol=1e-10, max_iter=500)
    np.testing.assert_allclose(far.theta, solve(f, tol=1e-10).theta, atol=1e-4)


@pytest.mark.parametrize("intercept", [True, False])
def test_more_columns_than_rows(intercept):
    f = softmax_problem(3, n=12, d=40, penalty=1e-2, intercept=intercept)
    result = solve(f)
    assert result.converged
    assert result.value == pytest.approx(spelled_out(f).minimum()[1], rel=2e-8)


def test_stalls_are_told_when_another_method_will_take_over():
    f = softmax_problem(4, n=200, penalty=0.0, signal=0.5)  # no proof without a penalty
    result = solve(f, stop_when_stalled=True)
    assert not result.converged
    assert result.n_iter < 100
    assert result.value == pytest.approx(spelled_out(f).minimum()[1], rel=1e-8)


def test_whole_matrices_that_would_not_fit_are_replaced_by_their_diagonal(monkeypatch):
    monkeypatch.setattr(import_module("luce.solvers.whitening"), "_LARGEST_BLOCKS", 10)
    f = softmax_problem(5, n=100)
    result = solve(f)
    assert result.converged
    assert result.value == pytest.approx(spelled_out(f).minimum()[1], rel=2e-8)


def test_the_same_data_give_the_same_bits():
    f = softmax_problem(6, n=500, d=20, k=4, penalty=1e-5, signal=2.0)
    first, second = solve(f), solve(f)
    assert first.n_iter > 5  # past the first sampled whitening
    np.testing.assert_array_equal(first.theta, second.theta)


def test_a_step_that_is_not_taken_teaches_no_length():
    f = softmax_problem(1)
    run = _Run(f, np.zeros(f.shape), 1e-6, Journal())
    assert not run._search(np.full(f.shape, np.nan))
    assert run._length == 1.0
    assert run._search(-0.01 * run.gradient)
    run._length, before = 0.5, run.value
    run._recover()
    assert run._length == 1.0
    assert run.value == before
