"""The step length at which the slope has become flat."""

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, some_theta, spelled_out

from luce.solvers.line_search import flat_length, flat_point

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


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 0.3, 1.0, 3.0, 100.0])
@pytest.mark.parametrize("tail", [0.0, 1e3])
def test_secants_find_where_the_slope_has_fallen_to_a_quarter(scale, tail):
    asked = []

    def at(t):  # falls until t = scale, and then rises, steeply where there is a tail
        asked.append(t)
        x = t / scale
        rise = tail * max(0.0, x - 1)
        return 0.5 * (x - 1) ** 2 + 0.5 * rise**2, (x - 1 + tail * rise) / scale

    value, slope = at(0.0)
    t = flat_length(at, value, slope)
    there, steep = at(t)
    assert asked[-2] == t
    assert abs(steep) <= 0.25 * abs(slope)
    assert there < value


def test_a_whole_step_is_kept_however_steep_it_is_there_where_that_will_do():
    asked = []

    def at(t):
        asked.append(t)
        return 0.5 * (t - 3) ** 2, t - 3

    assert flat_length(at, 4.5, -3.0, content=True) == 1.0
    assert asked == [1.0]
    assert flat_length(at, 4.5, -3.0) > 2
    # but not where the value does not fall
    assert flat_length(lambda t: (0.5 * (t - 0.4) ** 2, t - 0.4), 0.08, -0.4, content=True) < 0.6


def test_a_line_without_an_end_is_followed_for_a_while():
    assert flat_length(lambda t: (1 - t, -1.0), 1.0, -1.0) > 1e6


def test_values_that_are_no_numbers_are_too_far():
    def at(t):
        return (np.nan, np.nan) if t > 0.2 else (0.5 * (t - 0.1) ** 2, t - 0.1)

    assert 0 < flat_length(at, 0.005, -0.1) <= 0.2


@pytest.mark.parametrize(("best", "found"), [(0.3, 0.0), (0.6, 0.5)])
def test_lengths_that_are_too_short_are_not_looked_for(best, found):
    def at(t):
        return 0.5 * (t - best) ** 2, t - best

    assert flat_length(at, 0.5 * best**2, -best, enough=0.5) == pytest.approx(found, abs=0.2)
