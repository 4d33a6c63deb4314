"""The linear programs with few of the margins against one program with all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog
from sklearn.datasets import load_iris

from luce.solvers import separating_direction

pytestmark = pytest.mark.once


def margins_of(rows, labels, k):
    """Return each margin as a function of W: (pairs, k d)."""
    found = []
    for x, y in zip(rows, labels, strict=True):
        for j in range(k):
            if j != y:
                cell = np.zeros((k, len(x)))
                cell[y] += x
                cell[j] -= x
                found.append(cell.ravel())
    return np.array(found)


def exact_kind(rows, labels, k):
    """Maximise the sum of min(margin, 1): each is 1 at the optimum if it can be positive at all."""
    a = margins_of(rows, labels, k)
    m, unknowns = a.shape
    found = linprog(
        np.append(np.zeros(unknowns), -np.ones(m)),
        A_ub=np.hstack([-a, np.eye(m)]), b_ub=np.zeros(m),
        bounds=[(None, None)] * unknowns + [(0, 1)] * m,
    )  # fmt: skip
    positive = found.x[unknowns:] > 0.5
    return "complete" if positive.all() else "quasi-complete" if positive.any() else "none"


def kind(found):
    return "none" if found is None else "complete" if found.complete else "quasi-complete"


def problem(seed, k, d, n, signal, whole):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, d))
    rows = np.sign(rows) * (np.abs(rows) > 0.7) if whole else rows
    rows = np.column_stack([rows, np.ones(n)])
    labels = (signal * rows @ random.normal(size=(d + 1, k)) + random.gumbel(size=(n, k))).argmax(1)
    labels[:k] = np.arange(k)
    return rows, labels.astype(np.int64), k


problems = st.builds(
    problem, st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(1, 3), st.integers(4, 25),
    st.sampled_from([0.0, 1.0, 10.0]), st.booleans(),
)  # fmt: skip


@given(problems)
@settings(max_examples=60)
def test_the_answer_is_that_of_one_program_with_every_margin(given_problem):
    rows, labels, k = given_problem
    found = separating_direction(rows, labels, k)
    assert kind(found) == exact_kind(rows, labels, k)
    if found is not None:
        margins = margins_of(rows, labels, k) @ found.W.ravel()
        assert margins.min() > (1e-9 if found.complete else -1e-7) * np.abs(found.W).max()
        assert margins.max() > 1e-6


@given(problems, st.integers(0, 100))
@settings(max_examples=20)
def test_a_guess_changes_nothing_and_neither_does_storage(given_problem, seed):
    rows, labels, k = given_problem
    guess = np.random.default_rng(seed).normal(size=(k, rows.shape[1]))
    expected = kind(separating_direction(rows, labels, k))
    assert kind(separating_direction(rows, labels, k, guess=guess)) == expected
    assert kind(separating_direction(sparse.csr_array(rows), labels, k)) == expected


def test_iris_is_separated_in_part_by_few_features():
    X, y = load_iris(return_X_y=True)
    rows = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(150)])
    found = separating_direction(rows, y.astype(np.int64), 3)
    assert kind(found) == "quasi-complete"
    assert (np.abs(found.W[:, :-1]).max(axis=0) > 1e-9).sum() <= 3


def test_violated_margins_are_added_until_none_is_left(monkeypatch):
    module = __import__("luce.solvers.separation", fromlist=["x"])
    monkeypatch.setattr(module, "_MORE", 3)
    monkeypatch.setattr(module, "_FIRST", 1)
    random = np.random.default_rng(0)
    rows = np.column_stack([random.normal(size=(300, 4)), np.ones(300)])
    labels = (rows @ random.normal(size=(5, 3))).argmax(axis=1)
    assert separating_direction(rows, labels, 3).complete
    labels[:2] = (labels[:2] + 1) % 3
    assert separating_direction(rows, labels, 3) is None


def test_a_large_table_that_a_guess_gets_right_needs_no_program(monkeypatch):
    module = __import__("luce.solvers.separation", fromlist=["x"])
    monkeypatch.setattr(module, "linprog", None)
    monkeypatch.setattr(module, "_LARGE", 0)
    random = np.random.default_rng(0)
    rows = np.column_stack([random.normal(size=(300, 4)), np.ones(300)])
    W = random.normal(size=(3, 5))
    found = separating_direction(rows, (rows @ W.T).argmax(axis=1), 3, guess=W)
    assert found.complete
    assert found.W is W
