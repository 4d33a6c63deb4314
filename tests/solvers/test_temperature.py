"""The temperature's solver against 50 digits, and its proof against other temperatures."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luce.solvers import inverse_temperature, is_separated
from luce.solvers.temperature import _At, _crossing


def problem(seed, n=60, k=4, scale=1.0):
    rng = np.random.default_rng(seed)
    honest = rng.normal(size=(n, k))
    y = (honest + rng.gumbel(size=honest.shape)).argmax(axis=1)
    z = scale * honest
    weights = rng.uniform(0.1, 1, n)
    return z - z.max(axis=1, keepdims=True), y, weights / weights.sum()


def mean_loss(beta, z, y, weights, smoothing=0.0):
    z = beta * z
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    own = log_p[np.arange(len(y)), y]
    return weights @ -((1 - smoothing) * own + smoothing * log_p.mean(axis=1))


def test_it_is_the_root_of_the_slope_in_50_digits():
    z, y, weights = problem(3)
    found = inverse_temperature(z, y, weights)
    with mp.workdps(50):

        def slope(beta):
            total = mp.mpf(0)
            for row, label, weight in zip(z, y, weights, strict=True):
                e = [mp.exp(beta * mp.mpf(float(x))) for x in row]
                mean = sum(a * mp.mpf(float(x)) for a, x in zip(e, row, strict=True)) / sum(e)
                total += mp.mpf(float(weight)) * (mean - mp.mpf(float(row[label])))
            return total

        exact = mp.findroot(slope, mp.mpf(found.inverse))
    assert found.inverse == pytest.approx(float(exact), rel=1e-12)


@given(st.integers(0, 10_000), st.sampled_from([1e-8, 0.2, 1.0, 30.0, 1e8]), st.integers(2, 9))
def test_no_other_temperature_is_below_the_bound(seed, scale, k):
    z, y, weights = problem(seed, k=k, scale=scale)
    smoothing = 0.01 if is_separated(z, y) else 0.0
    found = inverse_temperature(z, y, weights, smoothing=smoothing)
    assert found.lower_bound <= found.value
    if found.inverse == 0:
        others = np.array([1e-3, 1e-2, 1]) / scale
    else:
        assert found.value - found.lower_bound <= 1e-11 * found.value
        others = found.inverse * np.array([0.5, 0.99, 1.01, 2.0])
    for beta in others:
        assert mean_loss(beta, z, y, weights, smoothing) >= found.lower_bound * (1 - 1e-12)
    assert found.value == pytest.approx(mean_loss(found.inverse, z, y, weights, smoothing))
    assert found.n_iter <= 40


def test_logits_that_mislead_are_switched_off():
    z, _, weights = problem(0)
    found = inverse_temperature(z, z.argmin(axis=1), weights)
    assert found.inverse == 0
    assert found.value == pytest.approx(np.log(4))


def test_separated_labels_are_seen_also_at_a_tie():
    assert is_separated(np.array([[0.0, -1.0], [0.0, 0.0]]), np.array([0, 1]))
    assert not is_separated(np.array([[0.0, -1.0], [0.0, -1e-9]]), np.array([0, 1]))


def test_separated_labels_with_smoothing_have_a_finite_optimum():
    z, _, weights = problem(1, scale=1e-3)
    y = z.argmax(axis=1)
    found = inverse_temperature(z, y, weights, smoothing=0.02)
    assert 0 < found.inverse < np.inf
    stated = np.exp(found.inverse * z)
    stated /= stated.sum(axis=1, keepdims=True)
    # the slope is 0: the stated logits are right on average with the smoothed targets
    target = 0.98 * np.eye(4)[y] + 0.02 / 4
    assert weights @ ((stated - target) * z).sum(axis=1) == pytest.approx(0, abs=1e-12)


def test_two_tangents_cross_at_a_bound_from_below():
    def at(x):  # of the parabola (x - 1)^2 + 3
        return _At(x, (x - 1) ** 2 + 3, 2 * (x - 1), 2.0)

    # 3.25 - (x - 0.5) and 7 + 4 (x - 3) meet at x = 1.75
    assert _crossing(at(0.5), at(3.0)) == pytest.approx(2.0)
