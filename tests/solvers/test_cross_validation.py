"""The minima of a path and of its folds, against each of them found alone."""

from dataclasses import replace

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, some_theta

from luce.solvers import DenseDesign, cross_validation, newton
from luce.solvers.cross_validation import Split, follow_path
from luce.solvers.refinement import Point, gap_below, refining
from luce.solvers.whitening import shared_whitening

pytestmark = pytest.mark.once

STRENGTHS = [1.0, 0.1, 0.01]


def folds(n, count=4):
    order = np.random.default_rng(0).permutation(n)
    tests = [np.sort(part) for part in np.array_split(order, count)]
    return [Split(np.setdiff1d(order, test), test) for test in tests]


def alone(f, split):
    """The minimum over the rows of a fold with the penalty on the sum of their losses."""
    mass = f.weights[split.train].sum()
    part = replace(f.only(split.train), penalty=f.penalty / mass)
    return newton(part.in_double(), np.zeros(f.shape), tol=1e-12, max_iter=100).theta


def losses(f, theta, rows):
    z = f.sample(rows, f.weights[rows]).logits(theta)
    shifted = z - z.max(axis=1, keepdims=True)
    own = shifted[np.arange(len(z)), f.targets.labels[rows]]
    return (np.log(np.exp(shifted).sum(axis=1)) - own).mean()


def path(f, splits, tol=1e-3, **options):
    penalties = [f.penalty * strength for strength in STRENGTHS]
    return list(follow_path(f, penalties, splits, tol=tol, max_iter=1000, **options))


@pytest.mark.parametrize(("d", "k"), [(4, 3), (40, 12)])  # a whole Hessian, blocks of it
def test_the_rows_left_out_cost_what_they_would_have_cost(d, k):
    f = softmax_problem(1, n=300, d=d, k=k, penalty=0.05)
    splits = folds(300)
    for strength, stage in zip(STRENGTHS, path(f, splits), strict=True):
        g = replace(f, penalty=f.penalty * strength)
        for split, theta in zip(splits, stage.folds, strict=True):
            exact = losses(g, alone(g, split), split.test)
            assert losses(g, theta, split.test) == pytest.approx(exact, rel=3e-3)


def test_a_tight_tolerance_finds_the_minima_themselves():
    f = softmax_problem(2, n=120, d=4, k=3, penalty=0.1)
    splits = folds(120)
    for strength, stage in zip(STRENGTHS, path(f, splits, tol=1e-9), strict=True):
        g = replace(f, penalty=f.penalty * strength)
        everything = newton(g, np.zeros(f.shape), tol=1e-12, max_iter=100).theta
        np.testing.assert_allclose(stage.theta, everything, atol=1e-2)
        for split, theta in zip(splits, stage.folds, strict=True):
            np.testing.assert_allclose(theta, alone(g, split), atol=1e-4)


def test_folds_that_overlap_or_leave_rows_out_are_known():
    f = softmax_problem(3, n=120, d=4, k=3, penalty=0.1)
    rows = np.arange(120)
    splits = [Split(rows[:50], rows[50:80]), Split(rows[20:100], rows[:20])]
    drawn = Split(np.repeat(rows[:60], 2), rows[60:])  # each row twice, as a bootstrap may
    (stage, *_) = path(f, [*splits, drawn], tol=1e-9)
    for split, theta in zip(splits, stage.folds, strict=False):
        np.testing.assert_allclose(theta, alone(f, split), atol=1e-4)
    np.testing.assert_allclose(stage.folds[-1], alone(f, Split(drawn.train, drawn.test)), atol=1e-4)


def test_one_pass_a_fold_is_the_rule():
    f = softmax_problem(4, n=4000, d=8, k=5, penalty=0.01)
    stages = path(f, folds(4000, 10), tol=1e-2)
    assert np.mean([stage.passes for stage in stages]) <= 1.5


def test_float32_and_an_empty_list_of_folds_serve():
    f = softmax_problem(5, n=200, d=4, k=3)
    single = replace(f, design=DenseDesign(f.design.rows.astype(np.float32)))
    for wide, narrow in zip(path(f, []), path(single, []), strict=True):
        np.testing.assert_allclose(wide.theta, narrow.theta, atol=1e-2)
        assert narrow.folds == ()


def test_a_step_is_bent_as_the_last_one_missed():
    f = softmax_problem(6, n=300, d=4, k=3, penalty=1e-4)
    theta = np.zeros(f.shape)
    start = Point(theta, *f.value_gradient(theta))
    metric = shared_whitening(f)
    minimum = newton(f, theta, tol=1e-12, max_iter=100).theta
    rule = gap_below(1e-8)
    plain, _ = run_of(refining(f, start, metric, rule, max_iter=50), f)
    bend = minimum - theta - plain.step
    bent, places = run_of(refining(f, start, metric, rule, max_iter=50, bend=bend), f)
    np.testing.assert_allclose(places[0], minimum, atol=1e-12)
    assert bent.passes == 1 < plain.passes
    np.testing.assert_array_equal(bent.step, plain.step)
    astray, places = run_of(refining(f, start, metric, rule, max_iter=50, bend=-3 * bent.step), f)
    np.testing.assert_allclose(places[0], theta + plain.step, atol=1e-12)
    assert astray.passes == plain.passes


def run_of(steps, f):
    """What a refinement ends with, and where it went."""
    places = []
    try:
        asked = next(steps)
        while True:
            places.append(asked)
            asked = steps.send(f.value_gradient(asked))
    except StopIteration as end:
        return end.value, places


def test_most_passes_over_folds_are_in_float32_unless_the_tolerance_is_tight(monkeypatch):
    f = softmax_problem(7, n=400, d=4, k=3, penalty=0.1)
    seen = []
    plain = cross_validation._evaluated

    def watched(problems, there):
        seen.append(problems[0].dtype)
        return plain(problems, there)

    monkeypatch.setattr(cross_validation, "_evaluated", watched)
    path(f, folds(400))
    assert set(seen) == {np.dtype(np.float32)}
    seen.clear()
    path(f, folds(400), tol=1e-6)
    assert set(seen) == {np.dtype(np.float64)}


@pytest.mark.parametrize("dealt", [True, False])
def test_the_hessian_of_a_fold_is_the_whole_less_that_of_its_rows(dealt):
    f = softmax_problem(8, n=90, d=4, k=3, penalty=0.1)
    parts = [cross_validation._Fold(f, f, split) for split in folds(90, 3)]
    theta = some_theta(f, 1, 1.0)
    known = cross_validation._WholeHessian(f, theta, parts if dealt else [])
    right = some_theta(f, 2, 1.0) - some_theta(f, 2, 1.0).mean(axis=0)
    for part in parts:
        own = part.objective(f.penalty)
        hessian = own.hessian(own.probabilities(own.logits(theta)))
        expected = (np.linalg.pinv(hessian) @ right.ravel()).reshape(right.shape)
        found = known.of_fold(part, f.penalty).solve(right)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)
