"""What is learned of the curvature is kept: the secant equation, symmetry, the gauge."""

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, some_theta

from luce.solvers.memory import Memory, pairs_that_pay
from luce.solvers.whitening import _scaling, shared_whitening

pytestmark = pytest.mark.once


def learned(f, seeds):
    memory = Memory()
    for seed in seeds:
        here, there = some_theta(f, seed, 0.3), some_theta(f, seed + 100, 0.3)
        memory.learn(there - here, f.value_gradient(there)[1] - f.value_gradient(here)[1])
    return memory


def test_the_last_change_of_the_gradient_is_answered_by_the_last_step():
    f = softmax_problem(0)
    memory, metric = learned(f, [1, 2]), shared_whitening(f)
    here, there = some_theta(f, 3, 0.3), some_theta(f, 4, 0.3)
    step, change = there - here, f.value_gradient(there)[1] - f.value_gradient(here)[1]
    memory.learn(step, change)
    assert len(memory) == 3
    np.testing.assert_allclose(memory.times_inverse_hessian(change, metric), step, atol=1e-12)


def test_the_size_of_the_metric_makes_no_difference_where_it_is_scaled():
    f = softmax_problem(0)
    memory, u = learned(f, [1, 2, 3]), some_theta(f, 4, 1.0)
    size = f.penalty + 1.0
    steps = [
        memory.times_inverse_hessian(u, _scaling(c * size, 0 * size), scaled=True)
        for c in (1.0, 0.01)
    ]
    np.testing.assert_allclose(steps[0], steps[1], atol=1e-12)
    unscaled = memory.times_inverse_hessian(u, _scaling(0.01 * size, 0 * size))
    assert np.abs(unscaled - steps[0]).max() > 0.1


def test_the_inverse_is_symmetric_and_keeps_columns_that_sum_to_zero():
    f = softmax_problem(1)
    memory, metric = learned(f, range(5)), shared_whitening(f)
    u, v = some_theta(f, 8, 1.0), some_theta(f, 9, 1.0)
    along = memory.times_inverse_hessian(u, metric)
    assert np.vdot(v, along) == pytest.approx(
        np.vdot(u, memory.times_inverse_hessian(v, metric)), rel=1e-10
    )
    np.testing.assert_allclose(along.sum(axis=0), 0, atol=1e-12)


def test_a_pair_without_curvature_is_not_learned():
    memory = Memory()
    memory.learn(np.ones((2, 2)), -np.ones((2, 2)))
    assert not memory


def test_fewer_pairs_are_kept_where_most_parameters_belong_to_rare_columns():
    dense = softmax_problem(0, n=400, d=5)
    rare = softmax_problem(0, n=20, d=5)
    assert pairs_that_pay(dense) == 50
    assert pairs_that_pay(rare) == 8
    memory = Memory(2)
    for seed in range(5):
        step = some_theta(rare, seed, 1.0)
        memory.learn(step, step)
    assert len(memory) == len(memory.with_penalty(np.zeros(rare.design.shape[1]))) == 2
