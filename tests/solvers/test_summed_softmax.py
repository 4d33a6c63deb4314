"""Sums over parts of the rows are those over all rows, and lead to the same minimum."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.softmax_problems import (
    softmax_problem,
    softmax_problems,
    some_theta,
    spelled_out,
    with_rows,
)

from luce.solvers import Journal, SummedSoftmax, newton, summed_newton
from luce.solvers.dual import Repair, Sums

pytestmark = pytest.mark.once


class Listed:
    """Parts in a list."""

    def __init__(self, parts):
        self.parts = parts
        self.passes = 0

    def each(self, function):
        self.passes += 1
        return [function(part) for part in self.parts]


def cut(f, count):
    """Return a problem as the sum of some parts; the last one may be empty."""
    none = np.zeros_like(f.penalty)
    pieces = np.array_split(np.arange(len(f)), count)
    parts = [
        replace(
            f,
            design=f.design.take(rows),
            targets=f.targets.take(rows),
            weights=f.weights[rows],
            penalty=none,
        )
        for rows in pieces
        if len(rows)
    ]
    totals = f.weights @ spelled_out(f).targets
    return SummedSoftmax(Listed(parts), f.classes, f.penalty, totals, f.intercept)


@given(softmax_problems(), st.integers(1, 6), st.integers(0, 99))
def test_every_sum_is_that_over_all_rows(f, count, seed):
    whole, theta = cut(f, count), some_theta(f, seed, 1.0)
    expected, found, bend = f.scan(theta), whole.scan(theta), whole.bend(theta)
    for some in (found, bend):
        assert some.value == pytest.approx(expected.value, rel=1e-12)
        assert some.accuracy == pytest.approx(expected.accuracy, rel=1e-12)
        np.testing.assert_allclose(some.gradient, expected.gradient, atol=1e-10)
    hessian = f.hessian(f.probabilities(f.logits(theta)))
    np.testing.assert_allclose(bend.hessian, hessian, rtol=1e-9, atol=1e-9 * np.abs(hessian).max())
    np.testing.assert_allclose(whole.gram(), f.gram(), rtol=1e-10, atol=1e-12)
    inverse = np.linalg.inv(hessian + np.eye(len(hessian)))
    assert whole.reach(inverse) == pytest.approx(f.reach(inverse), rel=1e-9)
    dual = whole.dual_value(theta, found.gradient)
    p = f.probabilities(f.logits(theta))
    exact = spelled_out(f)
    repair = Repair.of(Sums(f.weights @ p, f.weights @ (p - exact.targets)))
    q, _ = f.dual_point(f.logits(theta), repair)
    assert dual == pytest.approx(exact.dual(q), rel=1e-9, abs=1e-10)


def test_parts_in_float32_prove_nothing_by_duality():
    f = softmax_problem(5, n=300, penalty=0.01)
    theta = spelled_out(f).minimum()[0]
    whole = cut(f, 3)
    single = cut(with_rows(f, f.design.rows.astype(np.float32)), 3)
    assert whole.dual_value(theta, whole.scan(theta).gradient) > 0
    assert single.dual_value(theta, single.scan(theta).gradient) == -np.inf


@given(softmax_problems(), st.integers(1, 4), st.booleans())
@settings(max_examples=40)
def test_reaches_the_minimum_and_proves_it(f, count, with_hessian):
    _, minimum = spelled_out(f).minimum()
    with pytest.MonkeyPatch.context() as patch:
        if not with_hessian:
            patch.setitem(summed_newton.__globals__, "_LARGEST_HESSIAN", 0)
        result = summed_newton(cut(f, count), np.zeros(f.shape), tol=1e-6, max_iter=500)
    assert result.converged
    assert result.value <= minimum * (1 + 1e-6) + 1e-12
    assert result.value - minimum <= result.gap * minimum * 1.01 + 1e-12


@pytest.mark.parametrize("penalty", [0.0, 1e-9])
def test_without_a_penalty_the_hessian_proves(penalty):
    f = softmax_problem(1, n=200, penalty=penalty, signal=0.3)
    result = summed_newton(cut(f, 3), np.zeros(f.shape), tol=1e-8, max_iter=50)
    assert result.converged
    expected = newton(f, np.zeros(f.shape), tol=1e-10, max_iter=50)
    assert result.value == pytest.approx(expected.value, rel=1e-8)


def test_an_iteration_is_one_pass_where_steps_are_whole():
    f = softmax_problem(0, n=400, penalty=0.01)
    summed = cut(f, 4)
    result = summed_newton(summed, np.zeros(f.shape), tol=1e-6, max_iter=50)
    assert summed.parts.passes <= result.n_iter + 3  # the proofs


def test_ctrl_c_keeps_the_best_point():
    f = softmax_problem(2, n=200, penalty=1e-4)

    def interrupt(entry):
        if entry["iteration"] == 2:
            raise KeyboardInterrupt

    journal = Journal(interrupt)
    result = summed_newton(cut(f, 2), np.zeros(f.shape), tol=1e-12, max_iter=50, journal=journal)
    assert result.interrupted
    assert result.value < f.value_gradient(np.zeros(f.shape))[0]
