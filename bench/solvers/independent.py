"""A second minimiser for the references: Newton-CG in NumPy and SciPy, sharing no code with luce.

Damped Newton steps by conjugate gradients, in columns scaled (and, if dense, centred) to unit
variance, preconditioned by the diagonal blocks of the Hessian where they fit, else by its diagonal.
Slow but sure; nobody's time is measured with it.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from problem import Problem, _losses, _strength
from scipy.linalg import cho_factor, cho_solve

Doubles = NDArray[np.float64]
_LARGEST_BLOCKS = 3e7  # numbers
_MOST_STEPS = 300
_MOST_PRODUCTS = 400  # a step


class _Function:
    """Value, gradient and Hessian of a problem in standardised columns."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        n, d, k = problem.shape
        if problem.sparse:
            self.x = problem.X.astype(np.float64)
            self.centre = np.zeros(d)
            square = np.asarray(self.x.multiply(self.x).mean(axis=0)).ravel()
        else:
            self.x = np.array(problem.X, dtype=np.float64)
            self.centre = self.x.mean(axis=0)
            self.x -= self.centre
            square = np.square(self.x).mean(axis=0)
        self.scale = np.sqrt(np.where(square > 1e-20 * self.centre**2, square, 1.0))
        self.scale[self.scale == 0] = 1.0
        if problem.sparse:
            self.x.data /= self.scale[self.x.indices]
        else:
            self.x /= self.scale
        self.rho = _strength(problem) / self.scale**2
        self.n, self.d, self.k = n, d, k

    def logits(self, theta: Doubles) -> Doubles:
        return np.asarray(self.x @ theta[:, :-1].T + theta[:, -1])

    def pulled(self, r: Doubles) -> Doubles:
        """Return ``sum_i r_i (x_i, 1)``, (k, d + 1)."""
        return np.column_stack([np.asarray(self.x.T @ r).T, r.sum(axis=0)])

    def value(self, z: Doubles, theta: Doubles) -> float:
        losses = _losses(z, self.problem.labels)
        return float(losses.mean() + 0.5 * (self.rho * theta[:, :-1] ** 2).sum())

    def at(self, theta: Doubles) -> tuple[float, Doubles, Doubles, Doubles]:
        """Return value, logits, probabilities and gradient."""
        z = self.logits(theta)
        y = self.problem.labels
        losses = _losses(z, y)
        own = np.arange(self.n), y
        p = np.exp(z - (losses + z[own])[:, None])
        residual = p.copy()
        residual[own] = 0.0
        residual[own] = -residual.sum(axis=1)
        gradient = self.pulled(residual) / self.n
        gradient[:, :-1] += self.rho * theta[:, :-1]
        return self.value(z, theta), z, p, gradient

    def product(self, p: Doubles, v: Doubles) -> Doubles:
        """Return the Hessian times v."""
        u = self.logits(v)
        u = p * (u - (p * u).sum(axis=1)[:, None])
        result = self.pulled(u) / self.n
        result[:, :-1] += self.rho * v[:, :-1]
        return result

    def preconditioner(self, p: Doubles) -> Any:
        w = p * (1 - p) / self.n
        if self.problem.sparse or self.k * self.d**2 > _LARGEST_BLOCKS:
            squares = self.x.multiply(self.x) if self.problem.sparse else self.x**2
            diagonal = np.column_stack([np.asarray(squares.T @ w).T + self.rho, w.sum(axis=0)])
            diagonal = np.maximum(diagonal, 1e-300)
            return lambda g: g / diagonal
        full = np.column_stack([self.x, np.ones(self.n)])
        ridge = np.diag(np.append(self.rho, 0.0))
        factors = []
        for j in range(self.k):
            block = full.T @ (w[:, j : j + 1] * full) + ridge
            block[np.diag_indices_from(block)] *= 1 + 1e-12
            block[np.diag_indices_from(block)] += 1e-18
            factors.append(cho_factor(block))
        return lambda g: np.stack([cho_solve(f, r) for f, r in zip(factors, g, strict=True)])

    def standardised(self, coef: Doubles, intercept: Doubles) -> Doubles:
        """Return the parameters that given coefficients stand for: the inverse of `raw`."""
        shift = intercept + coef @ self.centre
        theta = np.column_stack([coef * self.scale, shift])
        return np.vstack([-theta / 2, theta / 2]) if len(theta) == 1 else theta

    def raw(self, theta: Doubles) -> tuple[Doubles, Doubles]:
        """Return coefficients and intercepts for the columns as they came."""
        coef = theta[:, :-1] / self.scale
        shift = theta[:, -1] - coef @ self.centre
        if self.k == 2:
            return coef[1:] - coef[:1], shift[1:] - shift[:1]
        return coef, shift


def newton_cg(
    problem: Problem, seconds: float, start: tuple[Doubles, Doubles] | None = None
) -> tuple[Doubles, Doubles]:
    """Minimise until rounding ends it, or the time; return coefficients and intercepts."""
    f = _Function(problem)
    theta = np.zeros((f.k, f.d + 1)) if start is None else f.standardised(*start)
    end = time.perf_counter() + seconds
    best, best_value = theta, np.inf
    stalled = 0
    for _ in range(_MOST_STEPS):
        value, z, p, gradient = f.at(theta)
        stalled = stalled + 1 if value > best_value * (1 - 1e-14) else 0
        if value < best_value:
            best, best_value = theta, value
        if time.perf_counter() > end or stalled >= 3:
            break
        step = _direction(f, p, gradient, end)
        along, slope, t = f.logits(step), float(np.vdot(gradient, step)), 1.0
        if not slope < 0:
            break
        allowed = value * (1 + 1e-14)  # the last steps gain less than rounding shows
        while t > 1e-9 and f.value(z + t * along, theta + t * step) > allowed + 1e-4 * t * slope:
            t /= 2
        theta = theta + t * step
    return f.raw(best)


def _direction(f: _Function, p: Doubles, gradient: Doubles, end: float) -> Doubles:
    """Solve for the Newton step by preconditioned conjugate gradients."""

    def centred(m: Doubles) -> Doubles:
        return np.asarray(m - m.mean(axis=0))

    solve = f.preconditioner(p)
    step, r = np.zeros_like(gradient), -gradient
    s = centred(solve(centred(r)))
    v, energy = s, float(np.vdot(r, s))
    first = energy
    for _ in range(_MOST_PRODUCTS):
        if energy <= 1e-6 * first or time.perf_counter() > end:
            break
        h = f.product(p, v)
        bend = float(np.vdot(v, h))
        if not bend > 0:
            break
        step = step + energy / bend * v
        r = r - energy / bend * h
        s = centred(solve(centred(r)))
        energy, before = float(np.vdot(r, s)), energy
        v = s + energy / before * v
    return step if step.any() else -gradient
