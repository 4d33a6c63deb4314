"""Newton-CG along a path of penalties against an independent minimum, on rows as texts are."""

from dataclasses import replace

import numpy as np
import pytest
from reference.softmax_problems import spelled_out
from reference.sparse_problems import in_full, text_problem

from luce.solvers import Journal, Labels
from luce.solvers.path_newton_cg import excess, path_newton_cg

pytestmark = pytest.mark.once


def solve(f, start=None, **options):
    start = np.zeros(f.shape) if start is None else start
    return path_newton_cg(f, start, **{"tol": 1e-7, "max_iter": 100, **options})


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("penalty", [1.0, 1e-2, 1e-5])
def test_finds_the_minimum_and_bounds_what_is_left(seed, intercept, penalty):
    f = text_problem(seed, n=40, m=25, intercept=intercept, penalty=penalty)
    result = solve(f)
    smallest = spelled_out(in_full(f)).minimum()[1]
    assert result.converged
    assert result.value == pytest.approx(smallest, rel=2e-7)
    assert (result.value - smallest) / smallest <= result.gap + 1e-10
    np.testing.assert_allclose(result.theta.sum(axis=0), 0, atol=1e-7 * np.abs(result.theta).max())


def test_the_penalty_falls_where_the_first_step_would_be_too_long():
    f = text_problem(0, penalty=1e-6)
    result = solve(f)
    factors = [entry.get("penalty_factor", 1.0) for entry in result.history]
    assert factors[0] > 100
    assert factors == sorted(factors, reverse=True)
    assert factors[-1] == 1.0
    assert result.n_iter < 20
    assert all("penalty_factor" not in entry for entry in solve(f, result.theta).history)


def test_no_path_where_the_first_step_is_modest():
    f = text_problem(0, penalty=10.0)
    assert excess(f) < 1
    assert "penalty_factor" not in solve(f).history[0]
    assert excess(text_problem(0, penalty=1e-6)) == pytest.approx(
        1e-3 * excess(text_problem(0, penalty=1e-9)), rel=1e-6
    )


def test_two_classes_and_smoothed_targets():
    f = text_problem(5, n=40, m=25, k=2, penalty=1e-3)
    f = replace(f, targets=Labels(f.targets.labels, 2, smoothing=0.1))
    assert solve(f).value == pytest.approx(spelled_out(in_full(f)).minimum()[1], rel=2e-7)


def test_penalties_that_float32_cannot_hold_are_computed_in_float64():
    f = text_problem(1, n=40, m=25)
    penalty = f.penalty.copy()
    penalty[3] = 1e60
    result = solve(replace(f, penalty=penalty))
    assert result.converged
    assert np.abs(result.theta[:, 3]).max() < 1e-50


def test_ends_when_the_iterations_are_used_up():
    result = solve(text_problem(2, penalty=1e-6), max_iter=3)
    assert result.n_iter == len(result.history) == 3
    assert not result.converged


def test_ends_where_rounding_is_all_that_is_left():
    assert solve(text_problem(3), tol=1e-300).n_iter < 40


def test_ctrl_c_keeps_the_point():
    def interrupt(entry):
        if entry["iteration"] == 3:
            raise KeyboardInterrupt

    f = text_problem(4, penalty=1e-6)
    result = solve(f, journal=Journal(interrupt))
    assert result.interrupted
    assert result.n_iter == 3
    assert result.value == pytest.approx(f.value_gradient(result.theta)[0], rel=1e-12)


def test_the_same_data_give_the_same_bits():
    f = text_problem(6, penalty=1e-5)
    np.testing.assert_array_equal(solve(f).theta, solve(f).theta)
