"""The choice of method."""

from importlib import import_module

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, spelled_out, with_rows
from reference.sparse_problems import in_full, text_problem

from luce.solvers import Journal, lbfgs, minimise, newton, newton_cg
from luce.solvers.path_newton_cg import path_newton_cg

MODULE = import_module("luce.solvers.minimise")  # the name in the package is the function


@pytest.fixture
def methods(monkeypatch):
    """Return the list of the methods that are called from here on."""
    called = []
    for method in (newton, newton_cg, lbfgs, path_newton_cg):
        monkeypatch.setattr(MODULE, method.__name__, _told(method, called))
    return called


def _told(method, called):
    def call(*arguments, **options):
        called.append(method.__name__)
        return method(*arguments, **options)

    return call


def solve(f, solver, **options):
    settings = {"tol": 1e-8, "max_iter": 500, **options}
    return minimise(f, np.zeros(f.shape), solver=solver, **settings)


@pytest.mark.parametrize("solver", ["auto", "newton", "newton-cg", "lbfgs"])
def test_every_method_finds_the_minimum(solver):
    f = softmax_problem(0)
    result = solve(f, solver)
    assert result.converged
    assert result.value == pytest.approx(spelled_out(f).minimum()[1], rel=2e-8)


def test_a_small_problem_is_newtons(methods):
    solve(softmax_problem(0), "auto")
    assert methods == ["newton"]


def test_a_larger_problem_is_that_of_lbfgs(methods):
    solve(softmax_problem(0, n=200, d=50, k=8, penalty=1e-2), "auto")
    assert methods == ["lbfgs"]


def test_newton_proves_what_lbfgs_cannot(methods):
    f = softmax_problem(0, n=900, d=42, k=8, penalty=0.0, signal=0.1)
    result = solve(f, "auto")
    assert methods == ["lbfgs", "newton"]
    assert result.converged
    assert [entry["iteration"] for entry in result.history] == list(range(1, result.n_iter + 1))
    assert solve(f, "auto", max_iter=5).n_iter == 5


def test_newton_cg_takes_over_where_lbfgs_is_slow(methods):
    f = softmax_problem(3, n=300, d=41, k=8, penalty=1e-7, signal=4.0, tails=True)
    result = solve(f, "auto")
    assert methods[:2] == ["lbfgs", "newton_cg"]
    assert result.converged
    assert [entry["iteration"] for entry in result.history] == list(range(1, result.n_iter + 1))


def test_texts_that_come_apart_go_along_the_path(methods):
    f = text_problem(0, penalty=1e-6)
    result = solve(f, "auto", tol=1e-6)
    assert methods == ["path_newton_cg"]
    assert result.converged
    solve(text_problem(0, penalty=10.0), "auto")
    solve(in_full(f), "auto")
    assert methods == ["path_newton_cg", "lbfgs", "lbfgs"]


def test_where_the_path_ends_without_a_proof_the_others_go_on(methods, monkeypatch):
    f = text_problem(0, n=40, penalty=1e-4)
    path = import_module("luce.solvers.path_newton_cg")
    monkeypatch.setattr(path, "_ROUNDING", 1.0)  # it gives up at once
    result = solve(f, "auto", tol=1e-6)
    assert methods[:2] == ["path_newton_cg", "lbfgs"]
    assert result.converged
    assert result.value == pytest.approx(
        lbfgs(f, result.theta, tol=1e-8, max_iter=500).value, rel=2e-6
    )
    assert [entry["iteration"] for entry in result.history] == list(range(1, result.n_iter + 1))
    assert solve(f, "auto", tol=1e-6, max_iter=5).n_iter == 5


def test_float32_rows_suit_every_method():
    f = softmax_problem(0)
    single = with_rows(f, f.design.rows.astype(np.float32))
    values = [solve(single, solver, tol=1e-6).value for solver in ("newton", "lbfgs")]
    assert values[0] == pytest.approx(values[1], rel=3e-6)


@pytest.mark.parametrize("solver", ["newton", "newton-cg", "lbfgs", "auto"])
@pytest.mark.parametrize("at", [1, 2, 4])
def test_ctrl_c_keeps_the_best_point(solver, at):
    f = softmax_problem(1, n=100, d=30, k=11, penalty=1e-4, signal=2.0)

    def interrupt(entry):
        if entry["iteration"] == at:
            raise KeyboardInterrupt

    result = solve(f, solver, journal=Journal(interrupt))
    assert result.interrupted
    assert not result.converged
    assert result.n_iter == at
    assert result.value <= result.history[-1]["objective"] * (1 + 1e-12)
    assert result.value == pytest.approx(f.value_gradient(result.theta)[0], rel=1e-12)
