"""A problem of the leaderboard: rows, labels, C - and the function that everybody minimises.

Value and lower bound are computed here, in float64, with NumPy and SciPy alone: the same way for
every solver, and sharing no code with any of them.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import entr

Doubles = NDArray[np.float64]
_BLOCK_CELLS = 1 << 22  # rows times classes, or rows times columns, held in float64 at a time


@dataclass(frozen=True)
class Problem:
    r"""``mean CE + |W|^2 / (2 C n)`` with an intercept that is not penalised.

    For two classes there is one row of coefficients w, the log-odds of the second class, with
    penalty ``|w|^2 / (2 C n)``: scikit-learn's function divided by ``C n`` in both cases.
    """

    name: str
    kind: str  # raw, scaled, separable, rare, one-hot, text, many classes, ...
    X: Any  # (n, d) array or CSR matrix
    labels: NDArray[np.int64]  # (n,) 0..k-1, each of them there
    C: float

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """(n, d, k)."""
        return (*self.X.shape, int(self.labels.max()) + 1)

    @property
    def sparse(self) -> bool:
        return sparse.issparse(self.X)

    @property
    def penalised(self) -> bool:
        return bool(np.isfinite(self.C))

    @cached_property
    def key(self) -> str:
        """A hash of the content: the same problem has the same optimum."""
        digest = hashlib.sha256(f"{self.shape} {self.C!r} 1".encode())
        parts = (self.X.data, self.X.indices, self.X.indptr) if self.sparse else (self.X,)
        for part in (*parts, self.labels):
            digest.update(np.ascontiguousarray(part).view(np.uint8).data)
        return digest.hexdigest()[:32]

    def describe(self) -> dict[str, str]:
        n, d, k = self.shape
        return {
            "problem": self.name,
            "kind": self.kind,
            "rows": f"{n:,}",
            "columns": f"{d:,}",
            "classes": f"{k:,}",
            "C": f"{self.C:g}",
        }


class Bounds(NamedTuple):
    """The value at a point, and what the dual proves of the minimum there."""

    value: float
    lower: float


def value(problem: Problem, coef: Any, intercept: Any) -> float:
    """Return the objective at given coefficients."""
    theta, shift = _full(coef, intercept)
    total = 0.0
    for part in _parts(problem):
        z = np.asarray(problem.X[part] @ theta.T, dtype=np.float64) + shift
        total += _losses(z, problem.labels[part]).sum()
    return float(total / problem.shape[0] + _penalty(problem, theta))


def bounds(problem: Problem, coef: Any, intercept: Any) -> Bounds:
    """Return value and dual bound: ``docs/certificates.md``, section 3."""
    theta, shift = _full(coef, intercept)
    n, d, k = problem.shape
    residuals = np.empty((n, k))  # p - t, each without cancellation
    loss = 0.0
    for part in _parts(problem):
        z = np.asarray(problem.X[part] @ theta.T, dtype=np.float64) + shift
        y = problem.labels[part]
        losses = _losses(z, y)
        loss += losses.sum()
        own = np.arange(len(y)), y
        residual = np.exp(z - (losses + z[own])[:, None])
        residual[own] = 0.0
        residual[own] = -residual.sum(axis=1)
        residuals[part] = residual
    found = float(loss / n + _penalty(problem, theta))
    rho = _strength(problem)
    if rho == 0:
        return Bounds(found, -np.inf)
    q = residuals.copy()
    q[np.arange(n), problem.labels] += 1.0
    excess = residuals.sum(axis=0)
    change = _repair(q, excess)
    q = np.maximum(q + change, 0.0)
    residuals += change
    pulled = np.zeros((k, d))
    # The residuals of a class sum to 0 by now, so any centre may be taken off: less rounding.
    centre = 0.0 if problem.sparse else problem.X.mean(axis=0, dtype=np.float64)
    for part in _parts(problem):
        x = problem.X[part] if problem.sparse else problem.X[part] - centre
        pulled += np.asarray((x.T @ residuals[part]).T, dtype=np.float64)
    quadratic = np.square(pulled / n).sum() / (2 * rho)
    return Bounds(found, float(_entropies(q).sum() / n - quadratic))


def _full(coef: Any, intercept: Any) -> tuple[Doubles, Doubles]:
    """Return a row for each class; two classes share their one row evenly."""
    theta = np.atleast_2d(np.asarray(coef, dtype=np.float64))
    shift = np.atleast_1d(np.asarray(intercept, dtype=np.float64))
    if len(theta) == 1:
        return np.vstack([-theta / 2, theta / 2]), np.append(-shift / 2, shift / 2)
    return theta, shift


def _strength(problem: Problem) -> float:
    """Return rho; doubled for two classes, whose theta is w / 2 and -w / 2."""
    n, _, k = problem.shape
    return (2 if k == 2 else 1) / (problem.C * n)


def _penalty(problem: Problem, theta: Doubles) -> float:
    return 0.5 * _strength(problem) * float(np.vdot(theta, theta))


def _parts(problem: Problem) -> list[slice]:
    n, d, k = problem.shape
    step = max(256, _BLOCK_CELLS // (k if problem.sparse else max(d, k)))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def _losses(z: Doubles, y: NDArray[np.int64]) -> Doubles:
    """Return the cross-entropy of each row, accurate also where its class wins clearly."""
    own = z[np.arange(len(y)), y]
    top = z.max(axis=1)
    e = np.exp(z - top[:, None])
    e[np.arange(len(y)), z.argmax(axis=1)] = 0.0
    result: Doubles = (top - own) + np.log1p(e.sum(axis=1))
    return result


def _entropies(q: Doubles) -> Doubles:
    others = q.copy()
    others[np.arange(len(q)), q.argmax(axis=1)] = 0.0
    lost = others.sum(axis=1)
    result: Doubles = entr(others).sum(axis=1) - (1 - lost) * np.log1p(-lost)
    return result


def _repair(q: Doubles, excess: Doubles) -> Doubles:
    """Return what moves the column sums of q by ``-excess``, each row keeping its sum."""
    given = np.where(excess > 0, excess / np.maximum(q.sum(axis=0), 1e-300), 0.0)
    lacking = np.maximum(-excess, 0.0)
    if not lacking.sum() > 0:
        return np.zeros_like(q)
    change: Doubles = (q @ given)[:, None] * (lacking / lacking.sum()) - q * given
    return change
