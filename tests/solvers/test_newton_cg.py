"""Newton-CG against an independent minimum."""

import numpy as np
import pytest
from hypothesis import given, settings
from reference.softmax_problems import softmax_problem, softmax_problems, some_theta, spelled_out

from luce.solvers import newton_cg
from luce.solvers.newton_cg import _times_hessian


def solve(f, **options):
    return newton_cg(f, np.zeros(f.shape), **{"tol": 1e-9, "max_iter": 100, **options})


@given(softmax_problems())
@settings(max_examples=40, deadline=None)
def test_finds_the_minimum_and_bounds_what_is_left(f):
    result = solve(f, tol=1e-7)  # where the steps end in rounding, a gap of 1e-8 may be left
    _, smallest = spelled_out(f).minimum()
    assert result.converged
    assert result.value == pytest.approx(smallest, rel=1e-7)
    assert (result.value - smallest) / smallest <= result.gap + 1e-12
    np.testing.assert_allclose(result.theta.sum(axis=0), 0, atol=1e-9 * np.abs(result.theta).max())


def test_the_product_is_that_of_the_hessian():
    f = softmax_problem(1, k=4)
    theta, step = some_theta(f, 2, 1.0), some_theta(f, 3, 1.0)
    p = f.probabilities(f.logits(theta))
    exact = (spelled_out(f).hessian(theta) @ step.ravel()).reshape(f.shape)
    np.testing.assert_allclose(_times_hessian(f, p, step), exact, rtol=1e-10, atol=1e-14)


def test_heavy_tails_take_few_steps():
    f = softmax_problem(5, n=200, d=20, k=5, penalty=1e-5, tails=True, signal=3.0)
    result = solve(f, tol=1e-7)
    assert result.converged
    assert result.n_iter <= 40


def test_ends_when_the_iterations_are_used_up():
    result = solve(softmax_problem(0, tails=True, signal=3.0, penalty=1e-6), max_iter=2)
    assert result.n_iter == len(result.history) == 2
    assert not result.converged


def test_ends_where_rounding_is_all_that_is_left():
    assert solve(softmax_problem(0), tol=1e-300).n_iter < 30
