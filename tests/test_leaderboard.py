"""The leaderboard measures everybody against the same function and a bound that holds."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _bench(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "bench" / "solvers")
    monkeypatch.setenv("LUCE_BENCH_CACHE", str(tmp_path))


def made(k, seed=0, kind=np.asarray):
    from problem import Problem

    random = np.random.default_rng(seed)
    X = random.normal(size=(60, 3)) * [1.0, 30.0, 0.1]
    y = (X @ random.normal(size=(3, k)) + random.gumbel(size=(60, k))).argmax(axis=1)
    y[:k] = np.arange(k)
    return Problem("made", "", kind(X), y.astype(np.int64), 2.0)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_the_minimum_and_its_bound_meet_where_another_minimiser_ends(k, kind):
    from problem import bounds, value

    problem = made(k, kind=kind)
    X = made(k).X

    def plain(flat):
        w = flat.reshape(-1, 4)
        z = X @ w[:, :3].T + w[:, 3]
        z = np.column_stack([np.zeros(60), z[:, 0]]) if k == 2 else z
        loss = logsumexp(z, axis=1) - z[np.arange(60), problem.labels]
        return loss.mean() + (w[:, :3] ** 2).sum() / (2 * problem.C * 60)

    rows = 1 if k == 2 else k
    random = np.random.default_rng(1).normal(size=(rows, 4))
    assert_allclose(value(problem, random[:, :3], random[:, 3]), plain(random), rtol=1e-12)
    assert bounds(problem, random[:, :3], random[:, 3]).lower < plain(random)
    model = LogisticRegression(C=2.0, solver="newton-cholesky", tol=1e-12).fit(X, problem.labels)
    best = np.column_stack([model.coef_, model.intercept_])
    found = minimize(plain, best.ravel(), method="BFGS")
    value_there, lower = bounds(problem, model.coef_, model.intercept_)
    assert_allclose(value_there, found.fun, rtol=1e-9)
    assert_allclose(lower, value_there, rtol=1e-9)


@pytest.mark.parametrize("k", [2, 4])
def test_the_reference_is_certified_and_kept(k):
    from optima import optimum

    told = []
    first = optimum(made(k), tell=told.append)
    assert told
    assert first.good
    assert first.agree < 1e-10
    told.clear()
    assert optimum(made(k), tell=told.append) == first
    assert not told


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky", "saga"])
def test_scikit_learn_is_stopped_where_it_reaches_the_target(solver):
    from contestants import ScikitLearn
    from optima import optimum
    from problem import Problem, value

    easy = made(3)
    easy = Problem("easy", "", easy.X / [1.0, 30.0, 0.1], easy.labels, 1.0)
    target = optimum(easy).value * (1 + 1e-6)
    trials = list_until(ScikitLearn(solver).trials(easy, target, lambda *_: None), target)
    assert trials[-1].value <= target
    assert all(trial.value > target for trial in trials[:-1])
    assert value(easy, np.zeros((3, 3)), np.zeros(3)) > target


def list_until(trials, target):
    found = []
    for trial in trials:
        found.append(trial)
        if trial.value <= target:
            return found
    return found


def test_luce_is_stopped_by_its_callback_and_states_a_gap_that_holds():
    from contestants import Luce
    from optima import optimum

    problem = made(4)
    minimum = optimum(problem).value
    trial = next(Luce().trials(problem, minimum * (1 + 1e-6), lambda *_: None))
    assert minimum <= trial.value <= minimum * (1 + 1e-6)
    default = Luce().default(problem)
    assert default.value <= minimum * (1 + default.stated)


def test_there_are_thirty_problems_and_more():
    import registry

    assert len(registry.PROBLEMS) >= 30
    assert set(registry.QUICK) <= set(registry.PROBLEMS)
    strengths = {entry[1] for entry in registry.PROBLEMS.values()}
    assert min(strengths) == 1e-4
    assert {1e4, np.inf} <= strengths


def test_solvers_of_different_runs_are_told_apart(capsys, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "bench")
    from tables import _show_notes

    answers = {"luce": {"run": "2026-11-22 01:00 UTC"}, "glmnet": {"run": "2026-11-22 01:00 UTC"}}
    _show_notes({"iris": {"cap": 3, "answers": answers}}, {})
    assert "in the run" not in capsys.readouterr().out
    answers["cyanure"] = {"run": "2026-11-22 02:10 UTC"}
    _show_notes({"iris": {"cap": 3, "answers": answers}}, {})
    told = capsys.readouterr().out
    assert "- measured in the run of 2026-11-22 01:00 UTC: luce, glmnet.\n" in told
    assert "- measured in the run of 2026-11-22 02:10 UTC: cyanure.\n" in told
