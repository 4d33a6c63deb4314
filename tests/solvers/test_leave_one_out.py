"""Approximate leave-one-out against every row left out in earnest."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from reference.softmax_problems import softmax_problem

from luce.solvers import DenseDesign, newton
from luce.solvers.leave_one_out import leave_one_out_logits

pytestmark = pytest.mark.once


def minimum(f):
    return newton(f, np.zeros(f.shape), tol=1e-12, max_iter=100).theta


def left_out(f, row):
    """The logits of a row under the model of all others, with the same penalty on their sum."""
    others = np.delete(np.arange(len(f)), row)
    rest = replace(f.only(others), penalty=f.penalty / (1 - f.weights[row]))
    return f.design.rows[row] @ minimum(rest).T


def losses(f, z):
    z = z - z.max(axis=1, keepdims=True)
    return np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), f.targets.labels]


def both(f):
    theta = minimum(f)
    found = leave_one_out_logits(f, theta)
    exact = np.array([left_out(f, row) for row in range(len(f))])
    return losses(f, found), losses(f, exact), losses(f, f.logits(theta))


@pytest.mark.parametrize(
    ("k", "penalty", "share"), [(2, 1e-3, 0.2), (5, 1e-3, 0.3), (3, 0.03, 0.1), (5, 1.0, 0.1)]
)
def test_comes_close_to_the_exact_leave_one_out(k, penalty, share):
    """The less penalty, the more one row may change, and the less one Newton step can know."""
    f = softmax_problem(k, n=80, d=4, k=k, penalty=penalty)
    found, exact, training = both(f)
    optimism = (exact - training).mean()
    assert abs(found.mean() - exact.mean()) < share * optimism
    assert np.abs(found - exact).mean() < share * optimism


def test_is_exact_to_second_order():
    """Twice the rows: half the influence, a quarter of the error."""
    errors = []
    for copies in (1, 2, 4):
        f = softmax_problem(1, n=60, d=4, k=3, penalty=0.1)
        tiled = replace(
            f,
            design=f.design.take(np.tile(np.arange(60), copies)),
            targets=f.targets.take(np.tile(np.arange(60), copies)),
            weights=np.tile(f.weights, copies) / copies,
        )
        found = leave_one_out_logits(tiled, minimum(tiled))
        errors.append(max(np.abs(found[row] - left_out(tiled, row)).max() for row in range(10)))
    assert errors[1] < 0.35 * errors[0]
    assert errors[2] < 0.35 * errors[1]


@pytest.mark.parametrize("intercept", [True, False])
def test_smoothed_targets_weights_and_empty_rows_are_known(intercept):
    f = softmax_problem(
        3, n=60, d=3, k=3, penalty=0.1, smoothing=0.1, empty_rows=True, intercept=intercept
    )
    theta = minimum(f)
    found, exact = leave_one_out_logits(f, theta), f.logits(theta)
    empty = f.weights == 0
    np.testing.assert_array_equal(found[empty], exact[empty])
    heavy = f.weights.argmax()
    off = np.ptp(left_out(f, heavy) - found[heavy])  # a constant changes no probability
    assert off < 0.1 * np.ptp(left_out(f, heavy) - exact[heavy])


def test_the_blocks_of_the_classes_serve_where_the_hessian_is_too_large(monkeypatch):
    monkeypatch.setattr(import_module("luce.solvers.leave_one_out"), "LARGEST_HESSIAN", 5)
    f = softmax_problem(4, n=150, d=5, k=4, penalty=0.02)
    found, exact, training = both(f)
    optimism = (exact - training).mean()
    assert abs(found.mean() - exact.mean()) < 0.35 * optimism
    assert np.corrcoef(found - training, exact - training)[0, 1] > 0.9


def test_float32_rows_serve_too():
    f = softmax_problem(5, n=60, d=4, k=3)
    theta = minimum(f)
    single = replace(f, design=DenseDesign(f.design.rows.astype(np.float32)))
    np.testing.assert_allclose(
        leave_one_out_logits(single, theta), leave_one_out_logits(f, theta), atol=1e-5
    )
