"""Newton's method against an independent minimum; the path of decreasing penalties."""

from dataclasses import replace
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

from luce.solvers import Journal, newton
from luce.solvers.newton import _Place, _Run


def extra_penalties(result):
    return [entry.get("extra_penalty", 0.0) for entry in result.history]


def solve(f, **options):
    settings = {"tol": 1e-10, "max_iter": 100, **options}
    return newton(f, np.zeros(f.shape), **settings)


@given(softmax_problems())
@settings(max_examples=60, deadline=None)
def test_finds_the_minimum_and_bounds_what_is_left(f):
    result = solve(f)
    best, smallest = spelled_out(f).minimum()
    assert result.converged
    assert not result.interrupted
    assert result.value == pytest.approx(smallest, rel=2e-10)
    assert (result.value - smallest) / smallest <= result.gap + 1e-12
    found, expected = f.design.rows @ result.theta.T, f.design.rows @ best.T
    # a gap of 1e-10 leaves about its root of the logits open
    np.testing.assert_allclose(found, expected, atol=1e-3, rtol=1e-4)
    np.testing.assert_allclose(result.theta.sum(axis=0), 0, atol=1e-10)


@pytest.mark.parametrize(("seed", "penalty"), [(0, 1e-3), (5, 1e-6), (5, 1e-8)])
def test_heavy_tails_are_met_with_a_path_of_penalties(seed, penalty):
    f = softmax_problem(seed, n=60, d=4, k=3, penalty=penalty, tails=True, signal=3.0)
    result = solve(f)
    extra = extra_penalties(result)
    assert extra[0] == 0  # the plain step is tried first
    assert max(extra) > 0
    assert extra[-1] == 0  # and the end is on the function itself
    falling = extra[extra.index(max(extra)) :]
    assert falling == sorted(falling, reverse=True)
    assert result.converged
    assert result.value == pytest.approx(spelled_out(f).minimum()[1], rel=1e-9)


def test_the_path_ends_with_the_smallest_penalty():
    f = softmax_problem(0, n=60, d=4, k=3, penalty=1e-3, tails=True, signal=3.0)
    extra = set(extra_penalties(solve(f)))
    assert min(extra - {0.0}) >= 1e-5


def test_a_start_far_away_leads_to_the_same_minimum():
    f = softmax_problem(1, n=60, penalty=1e-2)
    far = newton(f, 50 + 30 * some_theta(f, 2, 1.0), tol=1e-10, max_iter=100)
    assert far.converged
    np.testing.assert_allclose(far.theta, solve(f).theta, atol=1e-5)


@pytest.mark.parametrize("kind", ["duplicate", "constant", "zero", "sum", "wide"])
@pytest.mark.parametrize("penalty", [0.1, 0.0])
def test_columns_that_depend_on_each_other(kind, penalty):
    f = softmax_problem(3, n=60, d=5, penalty=penalty, signal=0.3)
    x = f.design.rows[:, :2]
    extra = {
        "duplicate": f.design.rows[:, :1],
        "constant": np.full((60, 1), 0.1),
        "zero": np.zeros((60, 1)),
        "sum": x.sum(axis=1, keepdims=True),
        "wide": np.random.default_rng(0).normal(size=(60, 25)),
    }[kind]
    if kind == "wide":
        f = f.only(np.arange(20))
        extra = extra[:20]
        f = replace(f, targets=replace(f.targets, smoothing=0.2))
    wide = np.ascontiguousarray(np.hstack([extra, f.design.rows]))
    rho = np.concatenate([np.full(extra.shape[1], penalty), f.penalty])
    wide_f = with_rows(f, wide, penalty=rho)
    result = solve(wide_f, tol=1e-8)
    assert result.value == pytest.approx(spelled_out(wide_f).minimum()[1], rel=1e-7)
    assert result.converged


def test_without_a_penalty_the_proof_is_that_of_self_concordance():
    f = softmax_problem(4, n=200, penalty=0.0, signal=0.5)
    result = solve(f)
    assert f.dual_value(result.theta) == -np.inf
    assert result.converged
    assert result.value == pytest.approx(spelled_out(f).minimum()[1], rel=1e-10)


def test_separated_classes_without_a_penalty_end_in_certainty():
    f = softmax_problem(5, n=20, d=2, k=2, penalty=0.0, intercept=False)
    f.design.rows[:, 0] = np.where(f.targets.labels == 1, 1.0, -1.0) * np.linspace(1, 3, 20)
    f.design.rows[:, 1] = 0.0
    result = newton(f, np.zeros(f.shape), tol=1e-4, max_iter=100, journal=Journal(negligible=1e-14))
    assert result.converged
    assert 0 <= result.value == result.gap <= 1e-14
    assert np.isfinite(result.theta).all()
    plain = newton(f, np.zeros(f.shape), tol=1e-4, max_iter=30)  # nothing is proven of f* = 0
    assert np.isfinite(plain.theta).all()
    assert plain.value < 1e-4


def test_at_the_minimum_nothing_is_left_to_do():
    f = softmax_problem(6)
    best, _ = spelled_out(f).minimum()
    result = newton(f, best, tol=1e-6, max_iter=50)
    assert result.n_iter == 1
    assert result.converged
    further = newton(f, best, tol=1e-300, max_iter=50)  # cannot be proven in float64
    assert further.n_iter <= 3
    assert set(extra_penalties(further)) == {0.0}


@pytest.mark.parametrize("far", [1e3, np.nan])
def test_the_best_point_seen_is_kept(far):
    f = softmax_problem(7)
    run = _Run(f, np.zeros(f.shape), 1e-6, Journal())
    value = run._judge()
    run.here = _Place(f, far * some_theta(f, 1, 1.0))
    assert run.best_of_all()[0] == value == pytest.approx(np.log(3))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_steps_without_a_hessian_lead_to_the_same_minimum(monkeypatch, smoothing):
    f = softmax_problem(8, n=400, d=6, k=5, penalty=1e-4, signal=2.0, smoothing=smoothing)
    hessians = []
    module = import_module("luce.solvers.newton")
    made = module._Hessian

    def counted(*arguments):
        hessians.append(1)
        return made(*arguments)

    monkeypatch.setattr(module, "_Hessian", counted)
    every = solve(f)
    with_all = len(hessians)
    assert with_all >= every.n_iter - 1
    monkeypatch.setattr(module, "_passes_a_hessian", lambda f: 30.0)
    hessians.clear()
    few = solve(f)
    assert 0 < len(hessians) < with_all
    assert few.converged
    smallest = spelled_out(f).minimum()[1]
    assert few.value == pytest.approx(smallest, rel=1e-10)
    assert (few.value - smallest) / smallest <= few.gap + 1e-12


def test_without_a_penalty_and_with_few_hessians_the_proof_is_still_there(monkeypatch):
    monkeypatch.setattr(import_module("luce.solvers.newton"), "_passes_a_hessian", lambda f: 30.0)
    f = softmax_problem(4, n=200, penalty=0.0, signal=0.5)
    result = solve(f)
    assert result.converged
    assert result.value == pytest.approx(spelled_out(f).minimum()[1], rel=1e-10)


def test_ends_when_the_iterations_are_used_up():
    result = solve(softmax_problem(0, tails=True, signal=3.0, penalty=1e-6), max_iter=2)
    assert result.n_iter == len(result.history) == 2
    assert not result.converged
