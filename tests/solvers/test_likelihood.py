"""The likelihood in free parameters: derivatives, the maximum, and where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.softmax_problems import softmax_problem, some_theta, spelled_out

from luce.solvers.likelihood import DependentColumnError, Likelihood, Part, SeparatedError

pytestmark = pytest.mark.once


def of_problem(f, reference=0, parts=1):
    step = -(-len(f) // parts)

    def cut():
        for start in range(0, len(f), step):
            rows = slice(start, start + step)
            yield Part(f.design.rows[rows], f.targets.labels[rows], f.weights[rows])

    return Likelihood(cut, f.classes, f.penalty, reference)


@given(st.integers(0, 999), st.integers(2, 5), st.integers(1, 4), st.data())
def test_equals_the_symmetric_objective_less_its_gauge(seed, k, d, data):
    f = softmax_problem(seed, k=k, d=d, n=20)
    reference = data.draw(st.integers(0, k - 1))
    theta = some_theta(f, seed, 1.0)
    likelihood = of_problem(f, reference, parts=3)
    beta = np.delete(theta - theta[reference], reference, axis=0)
    here, whole = likelihood.quadratic(beta), spelled_out(f)
    assert here.value == pytest.approx(whole.value(theta), rel=1e-12)
    assert likelihood.value(beta) == pytest.approx(here.value, rel=1e-13)
    onto = np.kron(np.eye(k)[:, likelihood.others] - 1 / k, np.eye(d))  # d theta / d beta
    gradient = onto.T @ whole.gradient(theta).ravel()
    hessian = onto.T @ whole.hessian(theta) @ onto
    np.testing.assert_allclose(here.gradient, gradient, atol=1e-12)
    np.testing.assert_allclose(here.hessian, hessian, atol=1e-12)
    plain = softmax_problem(seed, k=k, d=d, n=20, penalty=0.0)
    information = onto.T @ spelled_out(plain).hessian(theta) @ onto
    np.testing.assert_allclose(likelihood.information(here), information, atol=1e-12)


@given(st.integers(0, 999), st.booleans())
def test_scores_are_squared_by_row_or_by_group(seed, grouped):
    f = softmax_problem(seed, n=20)
    theta = some_theta(f, seed, 1.0)
    z = f.design.rows @ theta.T
    p = np.exp(z - np.logaddexp.reduce(z, axis=1)[:, None])
    off = f.weights[:, None] * (p - np.eye(3)[f.targets.labels])
    scores = (off[:, 1:, None] * f.design.rows[:, None, :]).reshape(20, -1)
    groups = np.arange(20) % 6
    if grouped:
        scores = np.stack([scores[groups == g].sum(axis=0) for g in range(6)])
    found = of_problem(f, parts=3).scores(theta[1:] - theta[0], groups if grouped else None)
    np.testing.assert_allclose(found, scores.T @ scores, atol=1e-12)


@given(st.integers(0, 999), st.sampled_from([0.0, 0.1]))
def test_the_maximum_has_no_gradient_from_near_and_far(seed, penalty):
    f = softmax_problem(seed, n=60, penalty=penalty, signal=0.3)
    likelihood = of_problem(f)
    try:
        top = likelihood.maximise(np.zeros((2, 4)))
    except SeparatedError:
        return
    step = top.factor.solve(top.here.gradient)
    assert np.sqrt(top.here.gradient @ step) < 1e-10
    again = likelihood.maximise(top.beta)
    assert again.steps <= 2
    assert again.moved < 1e-8
    np.testing.assert_allclose(again.beta, top.beta, atol=1e-9)


def test_separated_classes_are_told_from_dependent_columns():
    f = softmax_problem(3, penalty=0.0, d=3)
    split = Likelihood(
        lambda: [Part(f.design.rows, (f.design.rows[:, 0] > 0).astype(np.int64), f.weights)],
        2,
        f.penalty,
    )
    with pytest.raises(SeparatedError, match="standard errors do not exist"):
        split.maximise(np.zeros((1, 3)))
    rows = np.column_stack([f.design.rows, f.design.rows @ [1, 2, 3]])
    twice = Likelihood(lambda: [Part(rows, f.targets.labels, f.weights)], 3, np.zeros(4))
    with pytest.raises(DependentColumnError, match="column 3 is a combination") as caught:
        twice.maximise(np.zeros((2, 4)))
    assert caught.value.column == 3
