"""Rows that one native pass reads once, to find loss, gradient and accuracy of a softmax model."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from luce import kernels
from luce.solvers.design import Doubles

Labels = NDArray[np.int64]


class FusedRows(Protocol):
    """What such a pass finds, of rows in whatever layout; all in float64."""

    def scan(
        self, labels: Labels, weights: Doubles, theta: Doubles
    ) -> tuple[float, Doubles, float]:
        """Return weighted loss, its gradient (k, d), and the weight of rows that are right."""

    def dual(
        self, labels: Labels, weights: Doubles, theta: Doubles, given: Doubles, received: Doubles
    ) -> tuple[float, Doubles]:
        """Return ``sum_i s_i H(q_i)`` and ``sum_i s_i (q_i - t_i) x_i^T`` (k, d).

        q is the softmax at theta, repaired: ``given`` and ``received`` are `luce.solvers.dual`'s
        shares of each class (k,).
        """


class PanelRows(NamedTuple):
    """Dense rows in panels (`luce.solvers.panels`)."""

    panels: Doubles

    def scan(
        self, labels: Labels, weights: Doubles, theta: Doubles
    ) -> tuple[float, Doubles, float]:
        """Return loss, gradient and accuracy."""
        gradient = np.empty(theta.shape)
        loss, accuracy = kernels.softmax_pass(
            self.panels, labels, weights, np.ascontiguousarray(theta), gradient
        )
        return loss, gradient, accuracy

    def dual(
        self, labels: Labels, weights: Doubles, theta: Doubles, given: Doubles, received: Doubles
    ) -> tuple[float, Doubles]:
        """Return entropies and gradient of the repaired probabilities."""
        pulled = np.empty(theta.shape)
        parameters = np.ascontiguousarray(theta)
        entropies: float = kernels.softmax_dual(
            self.panels, labels, weights, parameters, given, received, pulled
        )
        return entropies, pulled


def starts_of(matrix: Any) -> NDArray[Any]:
    """Return where the rows of a CSR array begin and end, in the type of its column numbers."""
    starts: NDArray[Any] = matrix.indptr.astype(matrix.indices.dtype, copy=False)
    return starts


def shifted_squares(x: Doubles, shift: Doubles) -> Doubles:
    """Return ``(x - shift)^2`` less ``shift^2``, which is all that numbers not stored have."""
    return x * (x - 2 * shift)


@dataclass(frozen=True)
class CompressedRows:
    """Sparse rows of float64, with the shift of their columns beside them.

    Each part of the rows has a gradient of its own, into which it scatters.
    """

    matrix: Any  # CSR array (n, m)
    shift: Doubles  # (m,)
    intercept: bool

    def scan(
        self, labels: Labels, weights: Doubles, theta: Doubles
    ) -> tuple[float, Doubles, float]:
        """Return loss, gradient and accuracy."""
        operand, constant = self.operand(theta)
        sums = np.empty((len(self.shift) + 1, len(theta)))
        loss, accuracy = kernels.sparse_pass(
            *self._stored, constant, labels, weights, operand, sums
        )
        return loss, self._gradient(sums), accuracy

    def dual(
        self, labels: Labels, weights: Doubles, theta: Doubles, given: Doubles, received: Doubles
    ) -> tuple[float, Doubles]:
        """Return entropies and gradient of the repaired probabilities."""
        operand, constant = self.operand(theta)
        sums = np.empty((len(self.shift) + 1, len(theta)))
        entropies: float = kernels.sparse_dual(
            *self._stored, constant, labels, weights, operand, given, received, sums
        )
        return entropies, self._gradient(sums)

    def pulled(self, residual: Doubles) -> Doubles:
        """Return ``residual.T x`` (k, d)."""
        sums = np.empty((len(self.shift) + 1, residual.shape[1]))
        kernels.sparse_pulled(*self._stored, np.ascontiguousarray(residual), sums)
        return self._gradient(sums)

    def weighted_squares(self, weights: Doubles) -> Doubles:
        """Return ``sum_i weights_ij x_ic^2`` (k, d) for weights (n, k)."""
        starts, columns, x = self._stored
        squares = shifted_squares(x, self.shift[columns])  # a fit asks too seldom to keep them
        sums = np.empty((len(self.shift) + 1, weights.shape[1]))
        kernels.sparse_pulled(starts, columns, squares, np.ascontiguousarray(weights), sums)
        sums[:-1] += np.outer(np.square(self.shift), sums[-1])
        return np.maximum(sums[: len(sums) - (not self.intercept)].T, 0.0)

    def operand(self, theta: Doubles) -> tuple[Doubles, Doubles]:
        """Return the weights (m, k), and what shift and intercept add to every logit (k,)."""
        m = len(self.shift)
        weights = np.ascontiguousarray(theta[:, :m].T)
        if not self.intercept:
            return weights, np.zeros(len(theta))
        return weights, theta[:, m] - theta[:, :m] @ self.shift

    @cached_property
    def _stored(self) -> tuple[NDArray[Any], NDArray[Any], Doubles]:
        return starts_of(self.matrix), self.matrix.indices, self.matrix.data

    def _gradient(self, sums: Doubles) -> Doubles:
        """Return the gradient (k, d), column by column, given that without the shift."""
        if not self.intercept:
            return sums[:-1].T
        sums[:-1] -= np.outer(self.shift, sums[-1])
        return sums.T
