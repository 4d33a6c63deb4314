import mpmath as mp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit

from luce.estimators.one_vs_rest_coupling import COUPLINGS, most_likely, normalised, one_fires

pytestmark = pytest.mark.once


def logits(k, rows=20, size=2.0, seed=0):
    return size * np.random.default_rng(seed).normal(size=(rows, k))


def test_normalised_divides_by_the_sum():
    r = expit(logits(4))
    np.testing.assert_allclose(
        np.exp(normalised(logits(4))), r / r.sum(axis=1, keepdims=True), rtol=1e-13
    )


def test_one_fires_is_the_conditional_probability():
    """Counted over all 2^k cases of independent classes."""
    z = logits(3)
    r = expit(z)
    alone = np.stack(
        [np.prod(np.where(np.arange(3) == j, r, 1 - r), axis=1) for j in range(3)], axis=1
    )
    np.testing.assert_allclose(
        np.exp(one_fires(z)), alone / alone.sum(axis=1, keepdims=True), rtol=1e-12
    )


@pytest.mark.filterwarnings("ignore:Values in x were outside bounds")  # SciPy before 1.14
@pytest.mark.parametrize("k", [3, 6])
def test_most_likely_has_the_least_divergence(k):
    z = logits(k, rows=5)
    for r, got in zip(expit(z), np.exp(most_likely(z)), strict=True):

        def loss(p, r=r):
            return -(r * np.log(p) + (1 - r) * np.log1p(-p)).sum()

        found = minimize(
            loss,
            np.full(k, 1 / k),
            method="SLSQP",
            bounds=[(1e-9, 1 - 1e-9)] * k,
            constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
            options={"ftol": 1e-14},
        )
        assert loss(got) <= loss(found.x) + 1e-12
        np.testing.assert_allclose(got, found.x, atol=1e-5)


@pytest.mark.parametrize("size", [1.0, 30.0, 300.0])
@pytest.mark.parametrize("k", [3, 50])
def test_most_likely_finds_the_multiplier(k, size):
    """The multiplier is the same for all classes; in 400 digits, where 1 - p would be lost."""
    z = logits(k, rows=5, size=size)
    p = np.exp(most_likely(z))
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-13)
    if size == 1:
        r = expit(z)
        multiplier = r / p - (1 - r) / (1 - p)
        np.testing.assert_allclose(multiplier, np.tile(multiplier[:, :1], k), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["normalised", "likelihood"])
def test_estimates_that_sum_to_one_are_kept(name):
    p = np.exp(log_softmax(logits(5), axis=1))
    np.testing.assert_allclose(np.exp(COUPLINGS[name](logit(p))), p, rtol=1e-12)


@pytest.mark.parametrize("name", COUPLINGS)
@pytest.mark.parametrize("size", [1.0, 100.0])
def test_the_order_of_the_classes_is_that_of_their_logits(name, size):
    z = np.sort(logits(6, size=size), axis=1)
    assert (np.diff(COUPLINGS[name](z), axis=1) >= -1e-13).all()


@pytest.mark.parametrize("name", COUPLINGS)
def test_a_confident_row_keeps_the_digits_of_its_logarithms(name):
    z = np.array([[50.0, -40.0, -90.0]])
    with mp.workdps(60):
        r = [1 / (1 + mp.exp(-mp.mpf(x))) for x in z[0]]
        odds = [x / (1 - x) for x in r]
        kept = odds if name == "softmax" else r  # their sum is 1 but for 1e-17
        exact = [float(mp.log(x / mp.fsum(kept))) for x in kept]
    np.testing.assert_allclose(COUPLINGS[name](z)[0, 1:], exact[1:], rtol=1e-12)
    if name != "likelihood":
        np.testing.assert_allclose(COUPLINGS[name](z)[0, 0], exact[0], rtol=1e-6)
