"""The log-likelihood of a linear softmax model in free parameters, over blocks of rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import ConvergenceError, DataError
from luce.solvers.blocks import blocks
from luce.solvers.dense_design import DenseDesign
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.scaled_cholesky import ScaledCholesky
from luce.solvers.targets import Labels

_STEPS = 100
_NEAR = 1e-6  # standard errors from the maximum: one more step squares that
_THERE = 1e-8  # as near as rounding lets some come
_SLOW = 0.3  # near a maximum each error is a square; where there is none it shrinks by e^-1/2
_SLOW_FROM = 1e-2
_SLOW_STEPS = 4


class Part(NamedTuple):
    """Some of the rows: a block that fits into memory."""

    rows: Doubles  # (b, d), the last column 1 where there is an intercept
    labels: NDArray[np.int64]  # (b,)
    weights: Doubles  # (b,)


class Quadratic(NamedTuple):
    """Value, gradient (m,) and Hessian (m, m) of the negative log-likelihood at one point."""

    value: float
    gradient: Doubles
    hessian: Doubles


class Maximum(NamedTuple):
    """The point of the largest likelihood, what the function looks like there, and the way."""

    beta: Doubles  # (k - 1, d)
    here: Quadratic
    factor: ScaledCholesky  # of the Hessian
    moved: float  # standard errors from the start to here
    steps: int


@dataclass(frozen=True)
class Likelihood:
    r"""Negative log-likelihood of a softmax model whose `reference` class has the logit 0.

    .. math:: f(\beta) = -\sum_i s_i \log p_{i y_i} + \tfrac12 \sum_c \rho_c
              \Big( \sum_j \beta_{jc}^2 - \tfrac1k \big(\sum_j \beta_{jc}\big)^2 \Big)

    The other :math:`m = (k - 1) d` parameters are free, so the Hessian is regular where the maximum
    is unique. The penalty is that of the symmetric coefficients :math:`\theta_j = \beta_j - \bar
    \beta`, which are the smallest of all with the same probabilities (``docs/certificates.md``).

    Each method is one pass over `parts`, so the memory is that of one part and of the Hessian,
    whatever the number of rows.

    Parameters
    ----------
    parts : callable
        Returns the blocks of rows, from the first, each time it is called.
    classes : int
        k.
    penalty : (d,) array
        rho, in units of the sum (not the mean) over the rows.
    reference : int
        The class whose parameters are 0.
    """

    parts: Callable[[], Iterable[Part]]
    classes: int
    penalty: Doubles
    reference: int = 0

    @property
    def others(self) -> NDArray[np.intp]:
        """The classes with parameters, in order."""
        return np.delete(np.arange(self.classes), self.reference)

    def full(self, beta: Doubles) -> Doubles:
        """Return the parameters (k, d) with the zeros of the reference class."""
        return np.insert(beta, self.reference, 0.0, axis=0)

    def value(self, beta: Doubles) -> float:
        """Return f."""
        theta = self.full(beta)
        total = 0.5 * float(np.vdot(self.penalty_on(beta), beta))
        for part in self.parts():
            f = self._of(part)
            total += f.at_logits(f.logits(theta), theta)[0]
        return total

    def quadratic(self, beta: Doubles) -> Quadratic:
        """Return f with its gradient and Hessian."""
        k, d = self.classes, len(self.penalty)
        theta = self.full(beta)
        value, gradient = 0.0, np.zeros((k, d))
        hessian = np.zeros((k * d, k * d))
        for part in self.parts():
            f = self._of(part)
            z = f.logits(theta)
            more, residual = f.at_logits(z, theta)
            value += more
            gradient += f.pull_back(residual, theta)
            hessian += f.hessian(f.probabilities(z))
        extra = self.penalty_on(beta)
        return Quadratic(
            value + 0.5 * float(np.vdot(extra, beta)),
            (gradient[self.others] + extra).ravel(),
            self.without_reference(hessian) + self._penalty_hessian(),
        )

    def information(self, here: Quadratic) -> Doubles:
        """Return the Fisher information (m, m): the Hessian without the penalty's part."""
        return here.hessian - self._penalty_hessian()

    def scores(self, beta: Doubles, groups: NDArray[np.int64] | None = None) -> Doubles:
        r"""Return the sum of the outer products (m, m) of the scores of rows, or of groups of rows.

        The score of a row is its weighted gradient :math:`s_i (p_i - t_i) \otimes x_i`; `groups`
        holds the number of each row's group, from 0, and the scores of a group are added up first.
        """
        k, d = self.classes, len(self.penalty)
        theta = self.full(beta)
        total = np.zeros((k * d, k * d))
        sums = np.zeros((0 if groups is None else int(groups.max()) + 1, k * d))
        start = 0
        for part in self.parts():
            f = self._of(part)
            _, residual = f.at_logits(f.logits(theta), theta)
            for rows in blocks(len(residual), 8 * k * d):
                flat = (residual[rows, :, None] * part.rows[rows, None, :]).reshape(-1, k * d)
                if groups is None:
                    total += flat.T @ flat
                else:
                    np.add.at(sums, groups[start : start + len(flat)], flat)
                start += len(flat)
        return self.without_reference(total + sums.T @ sums)

    def maximise(self, start: Doubles) -> Maximum:
        """Return the maximum of the likelihood, by Newton's method from `start` (k - 1, d).

        Raises
        ------
        DataError
            No finite parameters have the largest likelihood (classes are separated), or more than
            one point has it (columns are dependent).
        """
        beta, before, slow = start, np.inf, 0
        for steps in range(_STEPS):
            here = self.quadratic(beta)
            factor = ScaledCholesky(here.hessian)
            if factor.dependent is not None:
                raise self._why_singular()
            step = -factor.solve(here.gradient).reshape(beta.shape)
            decrement = sqrt(max(0.0, -float(np.vdot(here.gradient, step))))
            slow = slow + 1 if _SLOW * before < decrement < _SLOW_FROM else 0
            if decrement < _THERE or (decrement < _NEAR and steps > 0 and not slow):
                return self._maximum(start, beta + step, steps + 1)
            if slow == _SLOW_STEPS:
                raise SeparatedError()
            before = decrement
            beta = self._after(beta, step, here)
        raise ConvergenceError(
            f"the likelihood must reach its maximum in {_STEPS} Newton steps, and is still"
            f" {before:.2g} standard errors away. Fit the model with a smaller tol first."
        )

    def penalty_on(self, beta: Doubles) -> Doubles:
        """Return the gradient (k - 1, d) of the penalty."""
        mean = beta.sum(axis=0) / self.classes
        return np.asarray(self.penalty * (beta - mean))

    def without_reference(self, matrix: Doubles) -> Doubles:
        """Return the rows and columns (m, m) of a matrix (kd, kd) that are not the reference's."""
        k, d = self.classes, len(self.penalty)
        cells = matrix.reshape(k, d, k, d)[self.others][:, :, self.others]
        return np.asarray(cells.reshape((k - 1) * d, (k - 1) * d))

    def _maximum(self, start: Doubles, beta: Doubles, steps: int) -> Maximum:
        here = self.quadratic(beta)
        factor = ScaledCholesky(here.hessian)
        if factor.dependent is not None:
            raise self._why_singular()
        way = (beta - start).ravel()
        moved = sqrt(max(0.0, float(way @ here.hessian @ way)))
        return Maximum(beta, here, factor, moved, steps)

    def _why_singular(self) -> DataError:
        """Tell dependent columns from separated classes: only the first make the Gram singular."""
        d = len(self.penalty)
        gram = sum((self._of(part).gram() for part in self.parts()), np.zeros((d, d)))
        column = ScaledCholesky(gram).dependent
        return SeparatedError() if column is None else DependentColumnError(column)

    def _after(self, beta: Doubles, step: Doubles, here: Quadratic) -> Doubles:
        """Return the point a Newton step leads to, halved until the value falls as it must."""
        slope = float(here.gradient @ step.ravel())
        rounding = 1e-13 * abs(here.value)
        length = 1.0
        while self.value(beta + length * step) > here.value + 0.1 * length * slope + rounding:
            length /= 2
            if length < 1e-10:
                break
        return beta + length * step

    def _of(self, part: Part) -> LinearSoftmax:
        return LinearSoftmax(
            design=DenseDesign(part.rows),
            targets=Labels(part.labels, self.classes),
            weights=part.weights,
            penalty=np.zeros(len(self.penalty)),
        )

    def _penalty_hessian(self) -> Doubles:
        free = self.classes - 1
        between = np.eye(free) - 1 / self.classes
        return np.kron(between, np.diag(self.penalty)).astype(np.float64, copy=False)


class SeparatedError(DataError):
    """Classes can be separated, so that no finite coefficients have the largest likelihood."""

    def __init__(self) -> None:
        super().__init__(
            "the largest likelihood must be reached by finite coefficients, but some classes can be"
            " separated and the coefficients grow without end: standard errors do not exist. Fit"
            " with a penalty (a finite C), or leave out the column that separates."
        )


class DependentColumnError(DataError):
    """A column is a combination of the others; `column` is its number."""

    def __init__(self, column: int, name: str | None = None) -> None:
        super().__init__(
            f"the columns must be independent, but column {name or column} is a combination of the"
            " ones before it, or nearly one. Leave it out, or fit with a penalty (a finite C)."
        )
        self.column = column
