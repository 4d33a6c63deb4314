"""A stream leads to the optimum that the rows in memory have."""

import sys
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris, load_wine

from luce import SoftmaxRegression
from luce.data import stream
from luce.errors import DataError, ParameterError


def made(n=6000, d=8, k=5, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, d)) * 10 ** random.uniform(-3, 3, d)
    z = (X / X.std(axis=0)) @ random.normal(size=(d, k)) + random.gumbel(size=(n, k))
    return X, z.argmax(axis=1)


@pytest.fixture
def few_rows(monkeypatch):
    """Let the sample hold 500 rows, so that the passes have something left to do."""
    monkeypatch.setattr(
        sys.modules["luce.solvers.survey"]._Sample, "_room", staticmethod(lambda _: 500)
    )


SETS = {
    "iris": lambda: load_iris(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "digits": lambda: load_digits(return_X_y=True),
    "made": made,
    "binary": lambda: made(k=2),
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("C", [1.0, 1e3])
def test_the_optimum_is_that_in_memory(name, C):
    X, y = SETS[name]()
    held = SoftmaxRegression(C=C, tol=1e-8).fit(X, y)
    model = SoftmaxRegression(C=C, tol=1e-6).fit(stream(X, y))
    assert model.converged_
    assert model.gap_ <= 1e-6
    assert_allclose(model.objective_, held.objective_, rtol=1e-6)
    assert model.lower_bound_ <= held.objective_ * (1 + 1e-12)
    assert_array_equal(model.classes_, held.classes_)
    assert model.coef_.shape == held.coef_.shape
    assert_allclose(model.predict_proba(X), held.predict_proba(X), atol=2e-2)
    assert model.n_passes_ >= 3


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize("k", [2, 5, 40])
def test_a_small_sample_costs_passes_and_nothing_else(k):
    X, y = made(k=k)
    held = SoftmaxRegression(tol=1e-9).fit(X, y)
    model = SoftmaxRegression(tol=1e-6).fit(stream(X, y))
    assert model.gap_ <= 1e-6
    assert_allclose(model.objective_, held.objective_, rtol=1e-6)
    assert 3 < model.n_passes_ < 60


@pytest.mark.usefixtures("few_rows")
def test_with_too_many_classes_for_a_matrix_each_no_pass_is_spent_on_samples(monkeypatch):
    newton = sys.modules["luce.solvers.sampled_newton"]
    monkeypatch.setattr(newton, "_LARGEST_HESSIAN", 0)
    monkeypatch.setattr(newton, "_LARGEST_BLOCKS", 1)
    monkeypatch.delattr(newton.StreamedSoftmax, "curved_sample")
    X, y = made(k=12)
    held = SoftmaxRegression(tol=1e-9).fit(X, y)
    model = SoftmaxRegression(tol=1e-6).fit(stream(X, y))
    assert model.gap_ <= 1e-6
    assert_allclose(model.objective_, held.objective_, rtol=1e-6)
    assert model.n_passes_ < 60


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize(
    "options",
    [
        {"class_weight": "balanced"},
        {"class_weight": {0: 3.0, 1: 0.5}},
        {"fit_intercept": False},
        {"label_smoothing": 0.1},
    ],
    ids=str,
)
def test_options_mean_what_they_mean_in_memory(options):
    X, y = made(n=3000)
    held = SoftmaxRegression(tol=1e-9, **options).fit(X, y)
    model = SoftmaxRegression(tol=1e-6, **options).fit(stream(X, y))
    assert_allclose(model.objective_, held.objective_, rtol=1e-6)
    assert model.gap_ <= 1e-6


def test_float32_is_enough_for_an_ordinary_gap_and_left_for_a_small_one():
    X, y = made(n=3000)
    X = (X / X.std(axis=0)).astype(np.float32)
    held = SoftmaxRegression(tol=1e-9).fit(X.astype(np.float64), y)
    for tol in (1e-4, 1e-7):
        model = SoftmaxRegression(tol=tol).fit(stream(X, y))
        assert model.coef_.dtype == np.float32
        assert held.objective_ * (1 - 1e-6) <= model.objective_ <= held.objective_ * (1 + tol)


@pytest.mark.usefixtures("few_rows")
def test_a_column_that_the_sample_does_not_know_and_constant_ones():
    X, y = made(n=4000)
    X = np.column_stack([X, np.full(len(X), 7.0), np.zeros(len(X)), np.zeros(len(X))])
    X[3990, -1] = 1e6
    held = SoftmaxRegression(tol=1e-9).fit(X, y)
    model = SoftmaxRegression(tol=1e-6).fit(stream(X, y))
    assert_allclose(model.objective_, held.objective_, rtol=1e-6)


def test_the_history_is_told_and_ctrl_c_keeps_the_best_model():
    X, y = made()
    seen = []

    def stop(entry):
        seen.append(entry)
        raise KeyboardInterrupt

    model = SoftmaxRegression(callbacks=[stop]).fit(stream(X, y))
    assert model.interrupted_
    assert len(seen) == 1
    assert model.score(X, y) > 0.5


@pytest.mark.usefixtures("few_rows")
def test_no_iteration_left_is_told():
    X, y = made(n=2000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = SoftmaxRegression(tol=1e-13, max_iter=1).fit(stream(X, y))
    assert not model.converged_
    assert "tol=1e-13" in str(caught[0].message)
    assert model.lower_bound_ > -np.inf


@pytest.mark.usefixtures("few_rows")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_no_point_is_proven_twice(monkeypatch):
    objective = sys.modules["luce.solvers.sampled_newton"].StreamedSoftmax
    prove, proven = objective.dual_value, []

    def counted(self, theta, gradient):
        proven.append((self.dtype, theta.tobytes()))
        return prove(self, theta, gradient)

    monkeypatch.setattr(objective, "dual_value", counted)
    X, y = made(n=2000)
    most = 0
    for max_iter in range(1, 16):
        proven.clear()
        SoftmaxRegression(tol=1e-9, max_iter=max_iter).fit(stream(X, y))
        assert len(set(proven)) == len(proven) >= 1
        most = max(most, len(proven))
    assert most > 1


@pytest.mark.parametrize(
    ("options", "beside", "words"),
    [
        ({"solver": "adam"}, {}, "solver must be 'auto'"),
        ({"l1_ratio": 0.5}, {}, r"l1_ratio must be 0\.0"),
        ({}, {"y": [0, 1]}, "y must be left out"),
        ({}, {"sample_weight": [1, 1]}, "sample_weight must be left out"),
    ],
)
def test_what_a_stream_cannot_have_is_refused(options, beside, words):
    X, y = made(n=100)
    with pytest.raises(ParameterError, match=words):
        SoftmaxRegression(**options).fit(stream(X, y), **beside)


def test_a_bad_cell_far_down_is_found():
    X, y = made(n=3000)
    X[2900, 3] = np.inf
    with pytest.raises(DataError, match="row 2901"):
        SoftmaxRegression().fit(stream(X, y))
