"""Batches that are not kept: exact for the first one, near the minimum of all after many."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem

from luce.solvers import Stream, newton

pytestmark = pytest.mark.once


def problem(n, seed=0):
    """Rows of weight 1; the penalty, on the sum, also of the intercept."""
    f = softmax_problem(seed, n=n, d=5, k=4, penalty=0.0)
    return replace(f, weights=np.ones(n)), np.array([0.5, 0.5, 0.5, 0.5, 1e-3])


def minimum(f, penalty):
    n = len(f)
    scaled = replace(f, weights=f.weights / n, penalty=penalty / n)
    return newton(scaled, np.zeros(f.shape), tol=1e-12, max_iter=100).theta


def streamed(f, penalty, size):
    stream = Stream.begin(f.shape, penalty)
    for rows in np.array_split(np.arange(len(f)), len(f) // size):
        stream.learn(f.sample(rows, f.weights[rows]))
    return stream.theta


def test_the_first_batch_is_fitted_exactly():
    f, penalty = problem(100)
    np.testing.assert_allclose(streamed(f, penalty, 100), minimum(f, penalty), atol=1e-3)


@pytest.mark.parametrize("n", [500, 5000])
def test_many_batches_come_near_the_minimum_over_all_rows(n):
    """Measured by the Hessian, a fifteenth of the noise of the data: one a parameter."""
    f, penalty = problem(n)
    exact = minimum(f, penalty)
    off = (streamed(f, penalty, 50) - exact).ravel()
    hessian = f.hessian(f.probabilities(f.logits(exact)))
    assert off @ hessian @ off < 15 / 15  # 3 free classes of 5 columns


def test_the_diagonal_alone_comes_near_more_slowly(monkeypatch):
    f, penalty = problem(4000)
    exact, whole = minimum(f, penalty), streamed(f, penalty, 50)
    monkeypatch.setattr(import_module("luce.solvers.stream"), "LARGEST_PRECISION", 1)
    coarse = streamed(f, penalty, 50)
    assert np.linalg.norm(whole - exact) < np.linalg.norm(coarse - exact) < 0.5
