"""Proximal Newton against independent minima, its proof, and the zeros it makes."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.kinked import Kinked
from reference.softmax_problems import softmax_problem, spelled_out
from scipy import sparse

from luce.solvers import (
    GroupLasso,
    Journal,
    Lasso,
    SparseDesign,
    minimise,
    proximal_newton,
)
from luce.solvers.penalised import Penalised

pytestmark = pytest.mark.once
MODULE = import_module("luce.solvers.proximal_newton")  # the function has its name


def kinked_problem(seed, *, weight=0.02, grouped=False, ridge=0.0, intercept=True, **options):
    """Return a smooth part, a penalty, and both for the reference."""
    f = softmax_problem(seed, penalty=ridge, intercept=intercept, **options)
    d = f.shape[1]
    weights = weight * np.random.default_rng(seed).uniform(0.5, 2, d)
    weights[d - intercept :] = 0
    penalty = (GroupLasso if grouped else Lasso)(weights)
    return f, penalty, Kinked(spelled_out(f), weights, grouped)


def solve(f, penalty, **options):
    return proximal_newton(
        f, penalty, np.zeros(f.shape), **{"tol": 1e-9, "max_iter": 100, **options}
    )


def coefficients(theta):
    return theta[1:] - theta[:1] if len(theta) == 2 else theta


problems = st.builds(
    kinked_problem,
    st.integers(0, 2**32 - 1),
    weight=st.sampled_from([1e-4, 0.01, 0.05, 1.0]),
    grouped=st.booleans(),
    ridge=st.sampled_from([0.0, 0.0, 1e-3, 0.1]),
    intercept=st.booleans(),
    n=st.integers(6, 40),
    d=st.integers(2, 6),
    k=st.integers(2, 5),
    smoothing=st.sampled_from([0.0, 0.0, 0.1]),
    empty_rows=st.booleans(),
    signal=st.sampled_from([0.0, 1.0, 5.0]),
)


@given(problems)
@settings(max_examples=40)
def test_meets_the_conditions_of_the_minimum_and_proves_it(given_problem):
    f, penalty, exact = given_problem
    result = solve(f, penalty)
    W = coefficients(result.theta)
    assert result.converged
    assert not result.interrupted
    assert result.value == pytest.approx(exact.value(W), rel=1e-12)
    assert exact.violation(W) < 2e-4 * max(1.0, np.abs(exact.gradient(0 * W)).max())
    _other, value = exact.minimum(steps=300)
    assert result.value <= value * (1 + 1e-9)
    assert result.lower_bound <= value * (1 + 1e-12)


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("ridge", [0.0, 0.01])
def test_the_lasso_has_the_minimum_of_a_smooth_problem_with_bounds(k, ridge):
    for seed in range(3):
        f, penalty, exact = kinked_problem(seed, k=k, d=6, n=60, ridge=ridge)
        result = solve(f, penalty)
        W, value = exact.minimum_by_halves()
        assert result.value == pytest.approx(value, rel=1e-8)
        expected = f.probabilities(f.logits(exact.theta(W)))
        np.testing.assert_allclose(f.probabilities(f.logits(result.theta)), expected, atol=2e-4)


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("k", [2, 4])
def test_the_zeros_are_those_of_the_minimum(k, grouped):
    for seed in range(3):
        f, penalty, exact = kinked_problem(
            seed,
            k=k,
            d=10,
            n=80,
            weight=0.12 if grouped else 0.04,
            grouped=grouped,
            ridge=1e-3,
            signal=0.5,
        )
        W, _ = exact.minimum()
        got = coefficients(solve(f, penalty).theta)
        np.testing.assert_array_equal(got[:, :-1] == 0, W[:, :-1] == 0)
        assert (got[:, :-1] == 0).any()
        if grouped:
            assert ((got == 0).all(axis=0) | (got != 0).all(axis=0)).all()


@given(problems, st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_the_dual_value_is_a_bound_wherever_it_is_taken(given_problem, seed):
    f, penalty, exact = given_problem
    problem = Penalised(f, penalty)
    smallest = solve(f, penalty, tol=1e-7).value
    W = np.random.default_rng(seed).normal(size=problem.shape)
    W *= np.random.default_rng(seed + 1).uniform(size=W.shape) < 0.5
    for size in (0.0, 0.1, 3.0):
        point = problem.at(size * W)
        assert point.value == pytest.approx(exact.value(size * W), rel=1e-12)
        assert -np.inf < problem.dual_value(point) <= smallest * (1 + 1e-12)
        np.testing.assert_allclose(point.gradient, exact.gradient(size * W), atol=1e-12)


def test_the_largest_penalty_leaves_only_the_intercept():
    f, penalty, _exact = kinked_problem(1, weight=10.0)
    result = solve(f, penalty)
    assert not coefficients(result.theta)[:, :-1].any()
    assert result.theta[:, -1].sum() == pytest.approx(0, abs=1e-12)
    assert result.converged


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("stored", ["dense", "sparse"])
def test_columns_and_matrix_lead_to_the_same_minimum(k, grouped, stored, monkeypatch):
    f, penalty, _exact = kinked_problem(5, k=k, d=8, n=60, grouped=grouped, ridge=1e-3)
    expected = solve(f, penalty)
    if stored == "sparse":
        table = f.design.rows[:, :-1]
        shift = np.linspace(-1, 1, table.shape[1])  # any shift that the design takes off again
        design = SparseDesign(sparse.csr_array(table + shift), shift, True)
        f = type(f)(**{**vars(f), "design": design})
        dense = table @ expected.theta[:, :-1].T + expected.theta[:, -1]
        np.testing.assert_allclose(f.logits(expected.theta), dense, atol=1e-12)
    monkeypatch.setattr(MODULE, "_LARGEST_MATRIX", 0)
    got = solve(f, penalty)
    assert got.converged
    assert got.value == pytest.approx(expected.value, rel=1e-8)
    np.testing.assert_array_equal(got.theta == 0, expected.theta == 0)


def test_classes_that_nearly_separate_are_met_along_a_path():
    f, penalty, exact = kinked_problem(3, weight=1e-6, signal=8.0, n=60)
    result = solve(f, penalty, tol=1e-6)
    factors = [entry.get("penalty_factor", 1.0) for entry in result.history]
    assert factors[0] > 1
    assert factors[-1] == 1
    assert factors == sorted(factors, reverse=True)
    assert result.converged
    assert exact.violation(coefficients(result.theta)) < 1e-7


def test_a_start_at_the_minimum_stays_there():
    f, penalty, _ = kinked_problem(2)
    best = solve(f, penalty).theta
    again = proximal_newton(f, penalty, best, tol=1e-6, max_iter=100)
    assert again.n_iter == 1
    np.testing.assert_allclose(again.theta, best, atol=1e-12)


def test_a_gap_that_rounding_hides_ends_the_iteration():
    f, penalty, _ = kinked_problem(2)
    result = solve(f, penalty, tol=1e-300, max_iter=1000)
    assert result.n_iter < 100
    assert 0 <= result.gap < 1e-8


def test_ends_when_the_iterations_are_used_up_and_still_proves_what_it_has():
    f, penalty, _exact = kinked_problem(4)
    result = solve(f, penalty, max_iter=2)
    assert result.n_iter == 2
    assert not result.converged
    smallest = solve(f, penalty).value
    assert result.lower_bound <= smallest <= result.value
    assert (result.value - smallest) / smallest <= result.gap


def test_an_interrupt_keeps_the_best_point():
    def stop(entry):
        if entry["iteration"] == 3:
            raise KeyboardInterrupt

    f, penalty, _ = kinked_problem(4)
    result = solve(f, penalty, journal=Journal(stop))
    assert result.interrupted
    assert result.n_iter == 3


def test_minimise_takes_it_where_a_penalty_has_a_kink():
    f, penalty, _ = kinked_problem(6)
    result = minimise(f, np.zeros(f.shape), tol=1e-9, max_iter=100, penalty=penalty)
    assert result.value == solve(f, penalty).value


def test_a_small_working_set_grows_to_what_is_needed(monkeypatch):
    f, penalty, _exact = kinked_problem(7, d=20, n=100, k=3, weight=0.005)
    expected = solve(f, penalty)
    monkeypatch.setattr(MODULE, "_SMALL_SET", 1)
    got = solve(f, penalty)
    assert got.value == pytest.approx(expected.value, rel=1e-8)


@pytest.mark.parametrize("k", [2, 3])
def test_an_offset_is_part_of_the_logits(k):
    f, penalty, _ = kinked_problem(8, k=k, n=60, weight=0.01)
    shifted = f.design.rows @ np.random.default_rng(8).normal(size=f.shape).T
    result = solve(replace(f, offset=shifted), penalty)
    assert result.converged
    problem = Penalised(replace(f, offset=shifted), penalty)
    for _ in range(20):
        W = coefficients(result.theta) + 1e-3 * np.random.default_rng(0).normal(size=problem.shape)
        assert problem.at(W).value >= result.value
    for size in (0.0, 1.0):
        assert problem.dual_value(problem.at(size * W)) <= result.value * (1 + 1e-12)
