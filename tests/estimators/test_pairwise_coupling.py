import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from luce.estimators.pairwise_coupling import (
    COUPLINGS,
    coupled,
    hastie_tibshirani,
    pairs_of,
    wu_lin_weng,
)

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:Values in x were outside bounds"),  # SciPy before 1.14
]

ANY_COUPLING = pytest.mark.parametrize("kind", COUPLINGS)


def estimates(k, rows, size=2.0, seed=0):
    """Log-odds of all pairs, as noisy classifiers give them, and their matrices r (rows, k, k)."""
    z = size * np.random.default_rng(seed).normal(size=(rows, k * (k - 1) // 2))
    first, second = pairs_of(k).T
    r = np.zeros((rows, k, k))
    r[:, second, first], r[:, first, second] = expit(z), expit(-z)
    return z, r


def on_simplex(loss, k):
    found = minimize(
        loss,
        np.full(k, 1 / k),
        method="SLSQP",
        bounds=[(1e-12, 1)] * k,
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return found.x


def test_pairs_come_in_order():
    assert pairs_of(3).tolist() == [[0, 1], [0, 2], [1, 2]]


@ANY_COUPLING
@pytest.mark.parametrize("k", [2, 3, 7])
@pytest.mark.parametrize("size", [1.0, 8.0])
def test_estimates_that_fit_are_kept(kind, k, size):
    u = size * np.random.default_rng(1).normal(size=(20, k))
    first, second = pairs_of(k).T
    z = u[:, second] - u[:, first]
    got = log_softmax(coupled(z, k, np.ones(len(first)), kind), axis=1)
    kept = np.abs(z).max(axis=1) < 20  # Hastie and Tibshirani's are held within 25
    exact = log_softmax(u, axis=1)
    np.testing.assert_allclose(got[kept], exact[kept], rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.exp(got), np.exp(exact), rtol=0, atol=1e-10)


def test_small_probabilities_keep_their_digits():
    """The log-odds are beyond 37, where one minus a probability is 0 or 1."""
    u = np.array([[0.0, 40.0, 55.0]])
    got = log_softmax(coupled(np.array([[40.0, 55.0, 15.0]]), 3, np.ones(3), "wu-lin-weng"), axis=1)
    np.testing.assert_allclose(got, log_softmax(u, axis=1), rtol=1e-6)


@pytest.mark.parametrize("k", [3, 5])
def test_wu_lin_weng_is_the_least_squares_fit(k):
    _, r = estimates(k, 5)
    for row, got in zip(r, wu_lin_weng(r), strict=True):

        def loss(p, row=row):
            return 0.5 * ((row.T * p[:, None] - row * p[None, :]) ** 2).sum()

        assert loss(got) <= loss(on_simplex(loss, k)) + 1e-12
        assert abs(got.sum() - 1) < 1e-14


def test_wu_lin_weng_solves_its_equations_in_each_small_probability():
    rng = np.random.default_rng(0)
    u = rng.normal(size=(50, 6, 1)) * 8
    r = expit(u - np.swapaxes(u, 1, 2) + 1e-6 * rng.normal(size=(50, 6, 6)))
    r = r / (r + np.swapaxes(r, 1, 2)) * (1 - np.eye(6))  # nearly, but not quite, of one model
    p = wu_lin_weng(r)
    assert (p > 0).all()
    assert p.min() < 1e-8
    lost = np.swapaxes(r, 1, 2)
    minimum = 0.5 * ((lost * p[:, :, None] - r * p[:, None, :]) ** 2).sum(axis=(1, 2))
    pulled = (r * lost * p[:, None, :]).sum(axis=2) + minimum[:, None]
    np.testing.assert_allclose((lost**2).sum(axis=2) * p, pulled, rtol=1e-8)


@pytest.mark.parametrize("k", [3, 5])
def test_hastie_tibshirani_is_the_most_likely_fit(k):
    _, r = estimates(k, 5)
    n = np.random.default_rng(2).integers(10, 100, (k, k)).astype(float)
    n = np.triu(n, 1) + np.triu(n, 1).T
    for row, got in zip(r, hastie_tibshirani(r, n), strict=True):

        def loss(p, row=row):
            return -(n * row * np.log(p[:, None] / (p[:, None] + p[None, :]))).sum()

        assert loss(got) <= loss(on_simplex(loss, k)) + 1e-9 * n.sum()
        share = got[:, None] / (got[:, None] + got[None, :])
        np.testing.assert_allclose((n * share).sum(axis=1), (n * row).sum(axis=1), rtol=1e-9)


@ANY_COUPLING
def test_many_rows_are_taken_in_blocks(kind, monkeypatch):
    z, _ = estimates(4, 50)
    whole = coupled(z, 4, np.ones(6), kind)
    monkeypatch.setattr("luce.estimators.pairwise_coupling._BLOCK", 16 * 7)
    np.testing.assert_allclose(coupled(z, 4, np.ones(6), kind), whole, rtol=1e-9, atol=1e-9)


@ANY_COUPLING
def test_certain_estimates_give_numbers(kind):
    """Each pair is decided beyond all doubt: by an order of the classes, or in a circle."""
    order = np.array([[1000.0, 1000.0, 1000.0]])
    p = np.exp(log_softmax(coupled(order, 3, np.ones(3), kind), axis=1))
    np.testing.assert_allclose(p, [[0, 0, 1]], atol=1e-10)
    circle = np.array([[1000.0, -1000.0, 1000.0]])
    p = np.exp(log_softmax(coupled(circle, 3, np.ones(3), kind), axis=1))
    np.testing.assert_allclose(p, [[1 / 3] * 3], atol=1e-12)
