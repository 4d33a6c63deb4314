"""The objective of softmax regression and its minimum, by SciPy and dense linear algebra."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax

Doubles = NDArray[np.float64]


class Problem(NamedTuple):
    """sum_i s_i CE(t_i, softmax(theta x_i)) + 1/2 sum_jc rho_c theta_jc^2, targets spelled out."""

    rows: Doubles  # (n, d)
    targets: Doubles  # (n, k)
    weights: Doubles  # (n,)
    penalty: Doubles  # (d,)

    @property
    def shape(self) -> tuple[int, int]:
        return self.targets.shape[1], self.rows.shape[1]

    def value(self, theta: Doubles) -> float:
        z = self.rows @ theta.T
        surprise = logsumexp(z, axis=1) - (self.targets * z).sum(axis=1)
        return float(self.weights @ surprise + 0.5 * (self.penalty * theta**2).sum())

    def gradient(self, theta: Doubles) -> Doubles:
        p = softmax(self.rows @ theta.T, axis=1)
        return ((p - self.targets) * self.weights[:, None]).T @ self.rows + self.penalty * theta

    def hessian(self, theta: Doubles) -> Doubles:
        k, d = self.shape
        p = softmax(self.rows @ theta.T, axis=1)
        bend = np.einsum("ij,jl->ijl", p, np.eye(k)) - np.einsum("ij,il->ijl", p, p)
        full = np.einsum("i,ijl,ic,ie->jcle", self.weights, bend, self.rows, self.rows)
        return full.reshape(k * d, k * d) + np.kron(np.eye(k), np.diag(self.penalty))

    def dual(self, q: Doubles) -> float:
        """Return the dual function at q; where no penalty acts, q must match the targets."""
        pulled = ((self.targets - q) * self.weights[:, None]).T @ self.rows
        free = self.penalty == 0
        np.testing.assert_allclose(pulled[:, free], 0, atol=1e-12)
        entropy = -(q * np.where(q > 0, np.log(np.where(q > 0, q, 1)), 0)).sum(axis=1)
        quadratic = (pulled[:, ~free] ** 2 / (2 * self.penalty[~free])).sum()
        return float(self.weights @ entropy - quadratic)

    def minimum(self) -> tuple[Doubles, float]:
        """Return the minimiser whose columns sum to 0, and the minimum: BFGS, then Newton."""
        found = minimize(
            lambda flat: self.value(flat.reshape(self.shape)),
            np.zeros(self.shape).ravel(),
            jac=lambda flat: self.gradient(flat.reshape(self.shape)).ravel(),
            method="BFGS",
            options={"gtol": 1e-7, "maxiter": 2000},
        )
        theta = found.x.reshape(self.shape)
        for _ in range(6):
            step = np.linalg.lstsq(self.hessian(theta), self.gradient(theta).ravel(), rcond=1e-13)
            theta = theta - step[0].reshape(self.shape)
        theta -= theta.mean(axis=0)
        return theta, self.value(theta)


def with_targets(
    rows: Doubles,
    labels: NDArray[np.int64],
    classes: int,
    *,
    penalty: Doubles,
    weights: Doubles | None = None,
    smoothing: float = 0.0,
) -> Problem:
    """Return the problem with smoothed one-hot targets and weights of sum 1."""
    targets = np.full((len(labels), classes), smoothing / classes)
    targets[np.arange(len(labels)), labels] += 1 - smoothing
    share = np.ones(len(labels)) if weights is None else weights
    return Problem(rows.astype(np.float64), targets, share / share.sum(), penalty)


def of_estimator(
    X: Doubles,
    labels: NDArray[np.int64],
    *,
    C: float = 1.0,
    weights: Doubles | None = None,
    smoothing: float = 0.0,
    intercept: bool = True,
) -> Problem:
    """Return what `LogisticRegression` minimises, divided by ``C * sum(weights)``.

    With two classes the penalty is doubled: theta = (-w, w) / 2 has half the square of w.
    """
    share = np.ones(len(X)) if weights is None else weights
    classes = int(labels.max()) + 1
    strength = (2 if classes == 2 else 1) / (C * share.sum())
    rows = np.column_stack([X, np.ones(len(X))]) if intercept else X
    penalty = np.full(rows.shape[1], strength)
    penalty[X.shape[1] :] = 0
    return with_targets(rows, labels, classes, penalty=penalty, weights=share, smoothing=smoothing)


def proba(coef: Doubles, intercept: Doubles, X: Doubles) -> Doubles:
    """Return the probabilities that fitted coefficients stand for."""
    z = X.astype(np.float64) @ coef.T.astype(np.float64) + intercept
    if z.shape[1] == 1:
        z = np.column_stack([np.zeros(len(z)), z])
    return np.exp(log_softmax(z, axis=1))
