"""A linear softmax model with a penalty that has a kink at zero, and the proof for it."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.solvers.dual import entropy
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.penalties import Penalty

_NEAR = 0.1  # of a column's weight
_INSIDE = 2.0**-44  # more than norms of a thousand classes are rounded


class Point(NamedTuple):
    """What is known of the function at some coefficients."""

    W: Doubles  # (r, d)
    logits: Doubles  # (n, k)
    smooth: float  # without the penalty
    value: float
    gradient: Doubles  # (r, d), of the smooth part


@dataclass(frozen=True)
class Penalised:
    r"""The function :math:`F(W) = f(\theta(W)) + \sum_c \lambda_c N(W_{\cdot c})`.

    With k > 2 classes W is theta itself. With two it is a single row, the log-odds of the second
    class, and :math:`\theta = (-W, W) / 2`: so the kink is where the single row is zero.

    Parameters
    ----------
    objective : LinearSoftmax
        f, with its L2 penalty; computed in float64.
    penalty : Penalty
        The norms and their weights; 0 for the intercept.
    """

    objective: LinearSoftmax
    penalty: Penalty

    @property
    def shape(self) -> tuple[int, int]:
        """(r, d), the shape of W."""
        k, d = self.objective.shape
        return (1 if k == 2 else k), d

    @property
    def single(self) -> bool:
        """Whether W is a single row."""
        return self.objective.classes == 2

    @property
    def ridge(self) -> Doubles:
        """The L2 penalty of W (d,)."""
        return self.objective.penalty / 2 if self.single else self.objective.penalty

    def scaled(self, factor: float) -> "Penalised":
        """Return the function with `factor` times the penalty with a kink."""
        return replace(self, penalty=self.penalty.times(factor))

    def theta(self, W: Doubles) -> Doubles:
        """Return the parameters (k, d) that coefficients stand for."""
        return np.vstack([-W / 2, W / 2]) if self.single else W

    def from_theta(self, theta: Doubles) -> Doubles:
        """Return the coefficients of parameters (k, d)."""
        return theta[1:] - theta[:1] if self.single else theta

    def logits(self, W: Doubles) -> Doubles:
        """Return the logits (n, k)."""
        return self.objective.logits(self.theta(W)).astype(np.float64, copy=False)

    def value(self, logits: Doubles, W: Doubles) -> float:
        """Return F, given the logits of W."""
        smooth, _ = self.objective.at_logits(logits, self.theta(W))
        return smooth + self.penalty.value(W)

    def at(self, W: Doubles, logits: Doubles | None = None) -> Point:
        """Return value and gradient."""
        z = self.logits(W) if logits is None else logits
        smooth, residual = self.objective.at_logits(z, self.theta(W))
        gradient = self._down(self.objective.pull_back(residual, self.theta(W)))
        return Point(W, z, smooth, smooth + self.penalty.value(W), gradient)

    def cautious(self, point: Point, share: float) -> Doubles:
        """Return probabilities (n, k) at which to measure curvature: moved towards the targets.

        At a row that is wrong with certainty the loss is straight and its curvature 0, and Newton's
        step leads anywhere. Between prediction and target it has the curvature that the step will
        meet; where a row is right both are the same.
        """
        p = self.objective.probabilities(point.logits).astype(np.float64, copy=False)
        if share == 0:
            return p
        _, residual = self.objective.at_logits(point.logits, np.zeros(self.objective.shape))
        weights = self.objective.weights
        safe = np.where(weights > 0, weights, 1.0)[:, None]
        return np.asarray(np.maximum(p - share * residual / safe, 0.0))

    def near(self, point: Point, violations: Doubles, tol: float) -> bool:
        """Whether the dual bound may be good enough to be worth its pass over the rows."""
        weight, ridge = self.penalty.weight, self.ridge
        kinked, smooth = weight > 0, ridge > 0
        shares = violations[:, kinked] / weight[kinked]
        main = (violations[:, smooth] ** 2 / (2 * ridge[smooth])).sum() if smooth.any() else np.inf
        return bool(shares.max(initial=0.0) <= _NEAR or main <= 10 * tol * point.value)

    def dual_value(self, point: Point) -> float:
        r"""Return a lower bound on the minimum of F, the dual function near a point.

        For any rows q of probabilities whose totals agree with the targets', and with
        :math:`R_{jc} = \sum_i s_i (t_{ij} - q_{ij}) x_{ic}`,

        .. math:: \min F \ge \sum_i s_i H(q_i) - \sum_c h_c^*(R_{\cdot c}), \qquad
                  h_c(w) = \lambda_c N(w) + \tfrac12 \rho_c |w|^2 .

        Without an L2 penalty the conjugate is finite only where the dual norm of R is at most
        lambda: there q is moved towards the targets, which shrinks R, until it is. Derived in
        ``docs/certificates.md``.
        """
        q, residual = self.objective.dual_point(point.logits)
        pulled = self._down(self.objective.pull_back(residual, np.zeros(self.objective.shape)))
        if self.objective.intercept:
            pulled[:, -1] = 0.0  # the totals agree
        norms, weight = self.penalty.dual_norms(pulled), self.penalty.weight
        bound = norms > 0
        # A little less, so that no rounding of the norms puts the shrunk R outside again.
        share = (1 - _INSIDE) * float((weight[bound] / norms[bound]).min(initial=1.0))
        return max(self._dual_at(q, residual, pulled, s) for s in {1.0, share})

    def _dual_at(self, q: Doubles, residual: Doubles, pulled: Doubles, share: float) -> float:
        """Return the dual function at ``t + share (q - t)``; `residual` is ``s (q - t)``."""
        conjugate = self.penalty.conjugate(share * pulled, self.ridge)
        if conjugate == np.inf:
            return -np.inf
        weights, offset = self.objective.weights, self.objective.offset
        shift = 0.0 if offset is None else share * float(np.vdot(residual, offset))
        if share < 1:
            safe = np.where(weights > 0, weights, 1.0)[:, None]
            q = np.maximum(q - (1 - share) * residual / safe, 0.0)
        return float(weights @ entropy(q)) + shift - conjugate

    def _down(self, gradient: Doubles) -> Doubles:
        """Return the gradient in W, given that in theta."""
        return (gradient[1:] - gradient[:1]) / 2 if self.single else gradient


class Chosen(NamedTuple):
    """The coefficients that may move in a step: whole columns, or single ones."""

    classes: NDArray[np.int64]  # (m,) row of W
    columns: NDArray[np.int64]  # (m,)

    def of(self, W: Doubles) -> Doubles:
        """Return these coefficients of W (m,)."""
        return W[self.classes, self.columns]

    def placed(self, v: Doubles, shape: tuple[int, int]) -> Doubles:
        """Return W (r, d) with these coefficients, and zero elsewhere."""
        W = np.zeros(shape)
        W[self.classes, self.columns] = v
        return W


def complement(p: Doubles) -> Doubles:
    """Return ``1 - p`` of rows of probabilities, accurate also where one is nearly 1."""
    rest = 1 - p
    own = np.arange(len(p)), p.argmax(axis=1)
    others = p.copy()
    others[own] = 0.0
    rest[own] = others.sum(axis=1)
    return rest


def curvature(objective: LinearSoftmax, p: Doubles, chosen: Chosen) -> Doubles:
    r"""Return the Hessian (m, m) of the loss among some coefficients, without any penalty.

    .. math:: H_{(jc)(le)} = \sum_i s_i \, p_{ij} ([j = l] - p_{il}) \, x_{ic} x_{ie}

    For a single row of coefficients :math:`\sum_i s_i p_{i0} p_{i1} x_{ic} x_{ie}`.
    """
    kept = np.unique(chosen.columns)
    place = np.searchsorted(kept, chosen.columns)
    classes = chosen.classes
    own = [(j, np.flatnonzero(classes == j)) for j in np.unique(classes)]
    single = objective.classes == 2
    bend = p * complement(p)

    def of_block(part: slice, x: Doubles) -> Doubles:
        x, s = x[:, place], objective.weights[part, None]
        if single:
            root = np.sqrt(s * bend[part, :1]) * x
            return root.T @ root
        flat = (np.sqrt(s) * p[part])[:, classes] * x
        block = -(flat.T @ flat)
        for j, mine in own:
            root = np.sqrt(s * bend[part, j : j + 1]) * x[:, mine]
            block[np.ix_(mine, mine)] = root.T @ root
        return block

    total = np.zeros((len(classes),) * 2)
    for block in objective.design.columns(kept).each_dense(of_block, 8 * len(classes)):
        total += block
    return total
