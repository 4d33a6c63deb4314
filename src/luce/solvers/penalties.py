"""Penalties with a kink at zero, which make coefficients exactly zero: lasso and group lasso.

Both act on coefficients ``W`` (r, d), one row a class (one row in all for two classes), column by
column, with a weight :math:`\\lambda_c \\ge 0` for each column. What a proximal method and its
proof ask of a penalty is here and nowhere else.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Penalty(ABC):
    r"""A penalty :math:`\sum_c \lambda_c N(W_{\cdot c})` with a norm N on the columns.

    Parameters
    ----------
    weight : (d,) array of float64
        ``lambda``, not negative; 0 for columns without a penalty, the intercept's among them.
    """

    weight: Doubles

    def times(self, factor: float) -> Self:
        """Return the penalty with all weights multiplied."""
        return type(self)(factor * self.weight)

    @abstractmethod
    def group(self, rows: int) -> int:
        """Return how many neighbouring coefficients of a column of so many are zero together."""

    @abstractmethod
    def violations(self, gradient: Doubles, W: Doubles) -> Doubles:
        """Return how far minus the gradient (r, d) is from the subdifferential, for each group."""

    def value(self, W: Doubles) -> float:
        """Return the penalty."""
        return float(self.weight @ self.norms(W))

    @abstractmethod
    def norms(self, W: Doubles) -> Doubles:
        """Return N of each column (d,)."""

    @abstractmethod
    def dual_norms(self, R: Doubles) -> Doubles:
        r"""Return the dual norm :math:`\max_{N(w) \le 1} w \cdot r` of each column (d,)."""

    @abstractmethod
    def conjugate(self, R: Doubles, ridge: Doubles) -> float:
        r"""Return :math:`\sum_c \max_w w \cdot R_c - \lambda_c N(w) - \tfrac12 \rho_c |w|^2`.

        `ridge` is rho (d,); inf where a column has none and R exceeds its lambda.
        """


class Lasso(Penalty):
    r"""The L1 norm, :math:`\sum_{jc} \lambda_c |W_{jc}|`: single coefficients become zero."""

    def norms(self, W: Doubles) -> Doubles:
        return np.asarray(np.abs(W).sum(axis=0))

    def dual_norms(self, R: Doubles) -> Doubles:
        return np.asarray(np.abs(R).max(axis=0))

    def group(self, rows: int) -> int:
        return 1

    def violations(self, gradient: Doubles, W: Doubles) -> Doubles:
        at_zero = np.maximum(np.abs(gradient) - self.weight, 0.0)
        return np.asarray(np.where(W == 0, at_zero, np.abs(gradient + self.weight * np.sign(W))))

    def conjugate(self, R: Doubles, ridge: Doubles) -> float:
        return _half_squares(np.maximum(np.abs(R) - self.weight, 0.0), ridge)


class GroupLasso(Penalty):
    r"""The 2-norm of each column, :math:`\sum_c \lambda_c |W_{\cdot c}|_2`.

    All classes of a feature are zero together or none is.
    """

    def norms(self, W: Doubles) -> Doubles:
        return np.asarray(np.linalg.norm(W, axis=0))

    def dual_norms(self, R: Doubles) -> Doubles:
        return np.asarray(np.linalg.norm(R, axis=0))

    def group(self, rows: int) -> int:
        return rows

    def violations(self, gradient: Doubles, W: Doubles) -> Doubles:
        size = np.linalg.norm(W, axis=0)
        at_zero = np.maximum(np.linalg.norm(gradient, axis=0) - self.weight, 0.0)
        elsewhere = gradient + self.weight * W / np.where(size > 0, size, 1.0)
        return np.asarray(np.where(size == 0, at_zero, np.linalg.norm(elsewhere, axis=0))[None])

    def conjugate(self, R: Doubles, ridge: Doubles) -> float:
        size = np.linalg.norm(R, axis=0, keepdims=True)
        return _half_squares(np.maximum(size - self.weight, 0.0), ridge)


def _half_squares(excess: Doubles, ridge: Doubles) -> float:
    """Return ``sum excess^2 / 2 ridge``, inf where an excess meets no ridge."""
    squares = np.square(excess).sum(axis=0)
    if squares[ridge == 0].any():
        return np.inf
    smooth = ridge > 0
    return float((squares[smooth] / (2 * ridge[smooth])).sum())
