"""``gap_`` is a bound: the true distance from the optimum never exceeds it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.softmax_regression import of_estimator
from sklearn.exceptions import ConvergenceWarning

from luce import SoftmaxRegression


@given(
    seed=st.integers(0, 2**32 - 1),
    k=st.integers(2, 5),
    d=st.integers(1, 5),
    C=st.sampled_from([1e-3, 1.0, 1e3]),
    solver=st.sampled_from(["auto", "newton", "lbfgs", "sgd", "adam"]),
    smoothing=st.sampled_from([0.0, 0.1]),
    intercept=st.booleans(),
    max_iter=st.sampled_from([1, 2, 3, 5, 100]),
    tails=st.booleans(),
)
@settings(max_examples=120, deadline=None)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # max_iter is low
def test_the_gap_is_never_too_small(seed, k, d, C, solver, smoothing, intercept, max_iter, tails):
    random = np.random.default_rng(seed)
    n = 40
    X = random.standard_t(1.5, (n, d)) if tails else random.normal(size=(n, d))
    X *= 10.0 ** random.uniform(-2, 2, d)
    y = np.append(np.arange(k), random.integers(0, k, n - k))
    weights = random.uniform(0, 2, n)
    weights[:k] = 1
    model = SoftmaxRegression(
        C=C, solver=solver, label_smoothing=smoothing, fit_intercept=intercept,
        max_iter=max_iter, epochs=3, random_state=0,
    ).fit(X, y, weights)  # fmt: skip
    exact = of_estimator(X, y, C=C, weights=weights, smoothing=smoothing, intercept=intercept)
    _, smallest = exact.minimum()
    value = exact.value(_theta(model, intercept))
    assert model.objective_ == pytest.approx(value, rel=1e-9)
    assert (value - smallest) / smallest <= model.gap_ + 1e-9
    assert model.converged_ == (model.gap_ <= model.tol) or solver in ("sgd", "adam")


def _theta(model, intercept):
    coef, shift = model.coef_, model.intercept_
    if len(coef) == 1:
        coef, shift = np.vstack([-coef, coef]) / 2, np.append(-shift, shift) / 2
    return np.column_stack([coef, shift]) if intercept else coef


def test_one_iteration_warns_with_the_gap_that_is_proven():
    X = np.random.default_rng(0).normal(size=(50, 3)) * [1, 1e3, 1e-3]
    y = (X[:, 0] + X[:, 1] / 1e3 > 0).astype(int)
    with pytest.warns(ConvergenceWarning) as caught:
        model = SoftmaxRegression(solver="lbfgs", max_iter=1, C=100.0).fit(X, y)
    text = str(caught[0].message)
    assert "tol=0.0001" in text
    assert f"{model.gap_:.2g}" in text or "no proof" in text
    assert "increase" not in text.lower()  # raising max_iter is not the cure
    assert not model.converged_
    assert len(caught) == 1


def test_a_looser_tol_takes_fewer_iterations():
    random = np.random.default_rng(1)
    X, y = random.normal(size=(200, 5)), random.integers(0, 3, 200)
    steps = [
        int(SoftmaxRegression(solver="lbfgs", tol=tol).fit(X, y).n_iter_[0])
        for tol in (1e-1, 1e-4, 1e-10)
    ]
    assert steps == sorted(steps)
    assert steps[0] < steps[-1]


def test_an_optimum_that_is_proven_without_a_penalty_says_nothing():
    random = np.random.default_rng(2)
    X, y = random.normal(size=(60, 2)), random.integers(0, 3, 60)
    for solver in ("auto", "newton"):
        assert SoftmaxRegression(C=np.inf, solver=solver).fit(X, y).converged_
