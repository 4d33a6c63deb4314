"""Which columns say nothing new."""

from dataclasses import replace

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem, spelled_out, with_rows

from luce.solvers import Labels, newton
from luce.solvers.dependence import independent_columns, with_columns

PLAIN = softmax_problem(0, n=60, d=4, penalty=0.0, signal=0.3)


def with_extra(f, *columns):
    rows = np.ascontiguousarray(np.column_stack([*columns, f.design.rows]))
    return with_rows(f, rows, penalty=np.zeros(rows.shape[1]))


def test_independent_columns_are_all_kept():
    assert list(independent_columns(PLAIN)) == [0, 1, 2, 3]
    assert with_columns(PLAIN, independent_columns(PLAIN)) is PLAIN


@pytest.mark.parametrize("kind", ["constant", "zero", "duplicate", "sum", "one-hot"])
def test_one_column_of_a_dependent_group_is_left_out(kind):
    first, second = PLAIN.design.rows[:, 0], PLAIN.design.rows[:, 1]
    member = np.arange(60) % 3
    extra = {
        "constant": [np.full(60, 0.1)],
        "zero": [np.zeros(60)],
        "duplicate": [1e5 * first],
        "sum": [first - 3 * second + 0.7],
        "one-hot": [member == 0, member == 1, member == 2],
    }[kind]
    f = with_extra(PLAIN, *extra)
    kept = independent_columns(f)
    assert len(kept) == f.design.rows.shape[1] - 1
    assert kept[-1] == f.design.rows.shape[1] - 1  # the intercept stays
    part = with_columns(f, kept)
    assert (
        np.linalg.matrix_rank(part.design.rows) == np.linalg.matrix_rank(f.design.rows) == len(kept)
    )
    result = newton(f, np.zeros(f.shape), tol=1e-8, max_iter=50)
    assert result.converged
    assert result.theta.shape == f.shape
    assert result.value == pytest.approx(spelled_out(f).minimum()[1], rel=1e-8)


def test_rows_without_weight_do_not_tell_columns_apart():
    f = with_extra(PLAIN, np.append(PLAIN.design.rows[:-1, 0], 5.0))
    f.weights[-1] = 0
    assert len(independent_columns(f)) == 4


def test_with_a_penalty_every_column_matters():
    f = softmax_problem(0, d=4, penalty=1e-9)
    f.design.rows[:, 1] = f.design.rows[:, 0]
    assert list(independent_columns(f)) == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [1e-5, 1e-7, 1e-8, 3e-9, 1e-9])
def test_columns_that_are_nearly_dependent_are_never_proven_wrongly(size):
    # All there is to learn hides in the difference of two columns, `size` of their values.
    random = np.random.default_rng(0)
    x, news = random.normal(size=300), random.normal(size=300)
    labels = (news + 0.7 * random.logistic(size=300) > 0).astype(np.int64)
    near = x + size * news
    told = (near - x) / size  # what float64 has kept of it
    base = softmax_problem(0, n=300, d=1, k=2, penalty=0.0)
    base = replace(base, targets=Labels(labels, 2), weights=np.full(300, 1 / 300))
    _, smallest = spelled_out(with_extra(base, x, told)).minimum()
    result = newton(with_extra(base, x, near), np.zeros((2, 3)), tol=1e-4, max_iter=60)
    assert (result.value - smallest) / smallest <= result.gap + 1e-7
    assert result.value == pytest.approx(smallest, rel=1e-3)
    assert result.n_iter < 60  # it ends where rounding is all that is left
