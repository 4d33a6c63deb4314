"""The model's minimum against its conditions, however its coefficients depend on each other."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from luce.solvers.quadratic import Quadratic


def model(seed, m=12, group=1, rank=None, weight=0.3):
    random = np.random.default_rng(seed)
    root = random.normal(size=(rank or 2 * m, m)) * 10.0 ** random.uniform(-1, 1, m)
    origin = random.normal(size=m) * (random.uniform(size=m) < 0.5)
    weights = weight * random.uniform(0.5, 2, m // group)
    weights[-1] = 0
    gradient = root.T @ random.normal(size=len(root))
    return Quadratic(root.T @ root, gradient, origin, weights, group)


def violation(q, v):
    slope = q.gradient + q.matrix @ (v - q.origin)
    worst = 0.0
    for b, weight in enumerate(q.weight):
        own = slice(b * q.group, (b + 1) * q.group)
        size = np.linalg.norm(v[own])
        if size > 0:
            worst = max(worst, np.linalg.norm(slope[own] + weight * v[own] / size))
        else:
            worst = max(worst, np.linalg.norm(slope[own]) - weight)
    return worst


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 3]),
    st.sampled_from([None, 5]),
    st.sampled_from([0.01, 0.3, 10.0]),
)
@example(162915, 1, 5, 0.01)  # needs steps across zero
@example(264, 1, 5, 0.01)  # and several of them before zeros come back to life
@settings(max_examples=40)
def test_the_minimum_meets_the_conditions(seed, group, rank, weight):
    q = model(seed, group=group, rank=rank, weight=weight)
    v = q.minimise(1e-7)
    # Groups on a singular matrix may need more rounds than a model is worth; then v is only better.
    if group == 1 or rank is None:
        assert violation(q, v) < 2e-6 * max(1.0, np.abs(q.gradient).max())
    slope = q.gradient + q.matrix @ (v - q.origin)
    for other in (q.origin, v + 0.1):
        there = q.gradient + q.matrix @ (other - q.origin)
        assert q.value(v, slope) <= q.value(other, there) + 1e-9


@pytest.mark.parametrize("group", [1, 2])
def test_two_columns_that_are_nearly_one_take_a_newton_step(group):
    x = np.random.default_rng(0).normal(size=(50, 4))
    x[:, 2:] = x[:, :2] + 1e-4 * x[:, 2:]
    q = Quadratic(
        x.T @ x / 50, x.T @ np.ones(50) / 50, np.zeros(4), np.full(4 // group, 1e-6), group
    )
    assert violation(q, q.minimise(1e-9)) < 1e-8


def test_a_heavy_penalty_makes_everything_zero_that_it_acts_on():
    q = model(1, weight=1e6)
    v = q.minimise(1e-9)
    assert not v[:-1].any()
    assert v[-1] != 0
