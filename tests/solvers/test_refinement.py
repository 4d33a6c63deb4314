"""From near the minimum to the minimum; the estimate of the gap says when."""

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, some_theta, spelled_out

from luce.solvers.refinement import Point, gap_below, refine, score_within
from luce.solvers.whitening import class_whitening, shared_whitening

pytestmark = pytest.mark.once


@pytest.mark.parametrize("seed", range(3))
def test_reaches_the_minimum(seed):
    f = softmax_problem(seed, n=100, d=5, k=4, penalty=0.01)
    theta = some_theta(f, seed, 0.3)
    metric = class_whitening(f, theta, seed=0)
    start = Point(theta, *f.value_gradient(theta))
    found = refine(f, start, metric, gap_below(1e-10), max_iter=100)
    smallest = spelled_out(f).minimum()[1]
    assert found.converged
    assert f.value_gradient(found.theta)[0] == pytest.approx(smallest, rel=1e-8)
    np.testing.assert_allclose(found.theta.sum(axis=0), 0, atol=1e-9)


def test_stops_at_once_where_nothing_is_left_and_says_when_it_did_not():
    f = softmax_problem(5, n=100)
    metric, zero = shared_whitening(f), np.zeros(f.shape)
    start = Point(zero, *f.value_gradient(zero))
    assert refine(f, start, metric, gap_below(10.0), max_iter=9).passes == 0
    cut = refine(f, start, metric, gap_below(1e-12), max_iter=2)
    assert (cut.passes, cut.converged) == (2, False)
    assert f.value_gradient(cut.theta)[0] < start.value


def test_a_score_is_known_once_what_is_left_times_the_way_is_small():
    enough = score_within(0.01, ratio=9.0)
    assert enough(1e-4, 1e-8, 1.0)  # 2 * 9 * 1e-6
    assert not enough(1e-2, 1e-4, 1.0)
