"""Softmax regression with a lasso or group-lasso penalty, minimised by SciPy and by FISTA."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from reference.softmax_regression import Problem

Doubles = NDArray[np.float64]


class Kinked(NamedTuple):
    """smooth(theta(W)) + sum_c weight_c |W_c|; W is one row for two classes, theta otherwise."""

    smooth: Problem
    weight: Doubles  # (d,)
    grouped: bool

    @property
    def shape(self) -> tuple[int, int]:
        k, d = self.smooth.shape
        return (1 if k == 2 else k), d

    def theta(self, W: Doubles) -> Doubles:
        return np.vstack([-W, W]) / 2 if len(W) == 1 else W

    def value(self, W: Doubles) -> float:
        sizes = np.sqrt((W**2).sum(axis=0)) if self.grouped else np.abs(W).sum(axis=0)
        return self.smooth.value(self.theta(W)) + float(self.weight @ sizes)

    def gradient(self, W: Doubles) -> Doubles:
        """Return the gradient of the smooth part in W."""
        g = self.smooth.gradient(self.theta(W))
        return (g[1:] - g[:1]) / 2 if len(W) == 1 else g

    def violation(self, W: Doubles) -> float:
        """Return the largest distance of minus the gradient from the subdifferential."""
        g = self.gradient(W)
        worst = 0.0
        for c in range(W.shape[1]):
            cells = [slice(None)] if self.grouped else [slice(j, j + 1) for j in range(len(W))]
            for cell in cells:
                w, slope = W[cell, c], g[cell, c]
                size = np.linalg.norm(w)
                if size > 0:
                    worst = max(worst, np.linalg.norm(slope + self.weight[c] * w / size))
                else:
                    worst = max(worst, np.linalg.norm(slope) - self.weight[c])
        return float(worst)

    def minimum_by_halves(self) -> tuple[Doubles, float]:
        """Minimise with W = u - v, u and v not negative: smooth, with bounds. Lasso only."""
        assert not self.grouped
        r, d = self.shape
        weight = np.tile(self.weight, r)

        def of(flat: Doubles) -> tuple[float, Doubles]:
            u, v = np.split(flat, 2)
            W = (u - v).reshape(r, d)
            slope = self.gradient(W).ravel()
            value = self.smooth.value(self.theta(W)) + weight @ (u + v)
            return value, np.append(slope + weight, weight - slope)

        free = np.tile(self.weight == 0, 2 * r)
        options: Any = {"maxiter": 20000, "maxfun": 100000, "ftol": 1e-16, "gtol": 1e-10}
        found = minimize(
            of, np.where(free, 0.0, 0.1), jac=True, method="L-BFGS-B",
            bounds=[(0, None)] * (2 * r * d), options=options,
        )  # fmt: skip
        u, v = np.split(found.x, 2)
        W = (u - v).reshape(r, d)
        return W, self.value(W)

    def minimum(self, steps: int = 1500) -> tuple[Doubles, float]:
        """Minimise by accelerated proximal gradient steps that start anew where they rise."""
        rows = self.smooth.rows * np.sqrt(self.smooth.weights)[:, None]
        largest = 0.5 * np.linalg.norm(rows, 2) ** 2 + self.smooth.penalty.max()
        W = ahead = np.zeros(self.shape)
        t = 1.0
        for _ in range(steps):
            new = self._shrunk(ahead - self.gradient(ahead) / largest, self.weight / largest)
            if np.vdot(ahead - new, new - W) > 0:
                t, ahead = 1.0, W
                continue
            later = (1 + np.sqrt(1 + 4 * t * t)) / 2
            ahead, W, t = new + (t - 1) / later * (new - W), new, later
        return W, self.value(W)

    def _shrunk(self, V: Doubles, by: Doubles) -> Doubles:
        size = np.linalg.norm(V, axis=0) * np.ones_like(V) if self.grouped else np.abs(V)
        return V * np.maximum(0.0, 1 - by / np.maximum(size, 1e-300))
