"""The model kept as columns has the minimum of the one whose matrix is spelled out."""

from dataclasses import replace

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem
from scipy import sparse

from luce.solvers import GroupLasso, Lasso, SparseDesign
from luce.solvers.columns_model import minimise_by_columns
from luce.solvers.penalised import Chosen, Penalised, curvature
from luce.solvers.quadratic import Quadratic

pytestmark = pytest.mark.once


KINDS = [(2, Lasso), (3, Lasso), (3, GroupLasso)]
# Damping is a share of the curvature of each coefficient, which a shift changes, and of a bound on
# that of a group: only for the lasso on dense columns is it the same in both.
CASES = [(*kind, stored, 0.0) for kind in KINDS for stored in ("dense", "sparse")]
CASES += [(2, Lasso, "dense", 0.5), (3, Lasso, "dense", 0.5)]


@pytest.mark.parametrize(("k", "kind", "stored", "damping"), CASES)
def test_both_models_have_one_minimum(k, kind, stored, damping):
    f = softmax_problem(k, n=80, d=6, k=k, penalty=0.01)
    if stored == "sparse":
        table, shift = f.design.rows[:, :-1], np.linspace(-1, 1, 5)
        f = replace(f, design=SparseDesign(sparse.csr_array(table + shift), shift, True))
    problem = Penalised(f, kind(np.append(np.full(5, 0.05), 0.0)))
    r, d = problem.shape
    point = problem.at(0.3 * np.random.default_rng(1).normal(size=(r, d)))  # far from any optimum
    columns, classes = np.nonzero(np.ones((d, r)))
    chosen = Chosen(classes.astype(np.int64), columns.astype(np.int64))
    p = problem.cautious(point, 0.1)
    got = minimise_by_columns(problem, point, p, chosen, damping, 1e-12)
    matrix = curvature(f, p, chosen)
    group = problem.penalty.group(r)
    matrix += damping * np.diag(matrix.diagonal()) + np.diag(problem.ridge[columns])
    weight = problem.penalty.weight[columns[::group]]
    model = Quadratic(matrix, chosen.of(point.gradient), chosen.of(point.W), weight, group)
    exact = model.minimise(1e-11)
    got, exact = chosen.placed(got, (r, d)), chosen.placed(exact, (r, d))
    if r > 1:  # a shift of all intercepts changes nothing
        got[:, -1] -= got[:, -1].mean()
        exact[:, -1] -= exact[:, -1].mean()
    np.testing.assert_allclose(got, exact, atol=2e-5)


def test_curvature_moves_towards_the_targets():
    f = softmax_problem(4, n=30, k=3)
    problem = Penalised(f, Lasso(np.zeros(4)))
    point = problem.at(np.random.default_rng(0).normal(size=(3, 4)))
    p, t = problem.cautious(point, 0.0), np.eye(3)[f.targets.labels]
    np.testing.assert_allclose(problem.cautious(point, 0.25), 0.75 * p + 0.25 * t, atol=1e-12)
