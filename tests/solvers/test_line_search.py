"""The step length at which the slope has become flat."""

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, some_theta, spelled_out

from luce.solvers.line_search import flat_point

pytestmark = pytest.mark.once


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_slope_has_fallen_to_a_quarter(seed, size):
    f = softmax_problem(seed, penalty=1e-3, tails=seed % 2 == 1)
    exact = spelled_out(f)
    theta = some_theta(f, seed, 1.0)
    direction = -size * exact.gradient(theta)
    slope = np.vdot(exact.gradient(theta), direction)
    t = flat_point(f, f.logits(theta), theta, direction, slope)
    assert t > 0
    if size >= 1:  # a thousandth of a gradient step may need more than twelve doublings
        there = np.vdot(exact.gradient(theta + t * direction), direction)
        assert abs(there) <= 0.25 * abs(slope) * (1 + 1e-9)
    assert exact.value(theta + t * direction) < exact.value(theta)


def test_a_step_that_is_right_is_kept_whole():
    f = softmax_problem(1)
    exact = spelled_out(f)
    best, _ = exact.minimum()
    theta = best + some_theta(f, 2, 1e-3)
    slope = np.vdot(exact.gradient(theta), best - theta)
    assert flat_point(f, f.logits(theta), theta, best - theta, slope) == 1.0
