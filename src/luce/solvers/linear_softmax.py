"""The function to be minimised: weighted cross-entropy of a linear model plus an L2 penalty."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce import kernels
from luce.solvers import dual
from luce.solvers.design import Design, Rows
from luce.solvers.design import Doubles as Doubles
from luce.solvers.design import Floats as Floats
from luce.solvers.grams import weighted_gram
from luce.solvers.inner_product import inner
from luce.solvers.targets import Targets


class OnLine(NamedTuple):
    """Value and first two derivatives of the objective at one point of a line."""

    value: float
    slope: float
    curvature: float


class Scan(NamedTuple):
    """What one pass over the rows finds."""

    value: float
    gradient: Doubles  # (k, d)
    accuracy: float


@dataclass(frozen=True)
class LinearSoftmax:
    r"""Weighted cross-entropy of ``softmax(rows @ theta.T)`` plus a diagonal L2 penalty.

    .. math:: f(\theta) = \sum_i s_i \, CE(t_i, \mathrm{softmax}(\theta x_i))
              + \tfrac12 \sum_{jc} \rho_c \theta_{jc}^2

    A constant added to every class changes no probability; with one penalty for all classes the
    minimum therefore has columns that sum to 0, and all directions here are kept in that space.

    Parameters
    ----------
    design : Design
        The rows; the last column is 1 where there is an intercept.
    targets : Targets
        Labels or distributions over the classes, one a row.
    weights : (n,) array of float64
        ``s``, not negative, with sum 1.
    penalty : (d,) array of float64
        ``rho``, 0 for columns that are not penalised.
    intercept : bool
        Whether the last column is the (unpenalised) intercept.
    offset : (n, k) array of float64, optional
        Logits that are there already, to which those of theta are added: the penalty then draws
        towards them.
    """

    design: Design
    targets: Targets
    weights: Doubles
    penalty: Doubles
    intercept: bool = True
    offset: Doubles | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(k, d), the shape of the parameters."""
        return self.targets.classes, self.design.shape[1]

    @property
    def classes(self) -> int:
        """``k``."""
        return self.targets.classes

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: the dtype of the logits."""
        return self.design.dtype

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.weights)

    def with_penalty(self, extra: float) -> "LinearSoftmax":
        """Return the same function with `extra` added to the penalty of all but the intercept."""
        more = np.full(self.design.shape[1], extra)
        more[-1] *= not self.intercept
        return replace(self, penalty=self.penalty + more)

    def only(self, rows: NDArray[np.intp]) -> "LinearSoftmax":
        """Return the function of some of the rows, their weights brought to the sum 1."""
        weights = self.weights[rows]
        return self.sample(rows, weights / weights.sum())

    def sample(self, rows: NDArray[np.intp], weights: Doubles) -> "LinearSoftmax":
        """Return the function of some of the rows with these weights, whatever their sum."""
        design, targets = self.design.take(rows), self.targets.take(rows)
        offset = None if self.offset is None else self.offset[rows]
        return replace(self, design=design, targets=targets, weights=weights, offset=offset)

    def in_double(self) -> "LinearSoftmax":
        """Return the same function computed in float64."""
        return replace(self, design=self.design.in_double())

    def in_single(self) -> "LinearSoftmax":
        """Return the same function computed in float32, where the design allows it."""
        return replace(self, design=self.design.in_single())

    def for_steps(self) -> "LinearSoftmax":
        """Return the same function computed in float32, its gradient included: for steps alone."""
        penalty: Any = self.penalty.astype(np.float32)
        return replace(self, design=self.design.for_steps(), penalty=penalty)

    def by_panels(self) -> "LinearSoftmax":
        """Return the same function, ready for many passes: fused ones, where rows allow it."""
        if self.offset is not None or self.targets.plain is None:
            return self
        return replace(self, design=self.design.with_panels())

    @property
    def fused(self) -> bool:
        """Whether `scan` is one native pass, which reads the rows once."""
        plain = self.offset is None and self.targets.plain is not None
        return plain and self.design.fused_rows is not None

    @property
    def paneled(self) -> bool:
        """Whether such a pass finds the Hessian, too."""
        return self.fused and self.design.panels is not None

    def value_gradient(self, theta: Doubles) -> tuple[float, Doubles]:
        """Return f and its gradient (k, d)."""
        value, gradient, _ = self.scan(theta)
        return value, gradient

    def scan(self, theta: Doubles) -> Scan:
        """Return f, its gradient and the accuracy: one pass over blocks of rows, read once."""
        loss, gradient, accuracy = self.scan_loss(theta)
        return Scan(loss + self.penalty_at(theta), gradient + self.penalty * theta, accuracy)

    def scan_loss(self, theta: Doubles) -> Scan:
        """Return the same of the loss alone, f without its penalty."""
        rows, labels = self.design.fused_rows, self.targets.plain
        if self.fused and rows is not None and labels is not None:
            return Scan(*rows.scan(labels, self.weights, theta))
        operand = self.design.operand(theta)

        def of_block(rows: Rows) -> tuple[float, float, Floats]:
            z = self.shifted(rows.logits(operand), rows.part)  # (b, k)
            weights = self.weights[rows.part]
            right = self.targets.accuracy(z, rows.part, weights)
            loss = self.targets.residual(z, rows.part, weights)
            return loss, right, rows.pulled(z)

        total, accuracy, gradient = 0.0, 0.0, np.zeros_like(theta)
        for loss, right, pulled in self.design.each(of_block, self.logit_bytes()):
            total += loss
            accuracy += right
            gradient += pulled
        return Scan(total, gradient, accuracy)

    def accuracy(self, z: Floats) -> float:
        """Return the weight of the rows whose largest logit is that of their label."""
        whole = slice(0, len(self))
        return self.targets.accuracy(self.shifted(z, whole), whole, self.weights)

    def logits(self, theta: Doubles) -> Floats:
        """Return the logits (n, k) of theta alone, without the offset."""
        operand = self.design.operand(theta)
        z = np.empty((len(self), self.classes), self.dtype)

        def write(rows: Rows) -> None:
            z[rows.part] = rows.logits(operand)

        for _ in self.design.each(write, self.logit_bytes()):
            pass
        return z

    def at_logits(self, z: Floats, theta: Doubles) -> tuple[float, Floats]:
        """Return f and the weighted residual ``s (p - t)`` (n, k), given the logits of theta."""
        loss, residual = self.loss_at(z)
        return loss + self.penalty_at(theta), residual

    def loss_at(self, z: Floats) -> tuple[float, Floats]:
        """Return the weighted loss, f without its penalty, and the weighted residual (n, k)."""
        whole = slice(0, len(self))
        residual = z.copy() if self.offset is None else self.shifted(z, whole)
        return self.targets.residual(residual, whole, self.weights), residual

    def penalty_at(self, theta: Doubles) -> float:
        """Return the penalty's share in f."""
        return 0.5 * inner(self.penalty * theta, theta)

    def gradient_gap(self, gradient: Doubles) -> float:
        r"""Return :math:`\sum g_{jc}^2 / 2 \rho_c`, the main term of the dual gap.

        The sum is over the columns with a penalty.
        """
        return dual.conjugate(gradient, self._half_inverse)

    @cached_property
    def _half_inverse(self) -> Doubles:
        return dual.half_inverse(self.penalty)

    def laid_out(self, theta: Doubles) -> Doubles:
        """Return parameters without a common shift, in the order of memory that suits the rows."""
        return np.asarray(theta - theta.mean(axis=0), order=self.design.order)

    def pull_back(self, residual: Floats, theta: Doubles) -> Doubles:
        """Return the gradient (k, d), given the residual at theta."""
        return self.pulled(residual) + self.penalty * theta

    def probabilities(self, z: Floats, part: slice | None = None) -> Floats:
        """Return the softmax of all rows, or of a part of them, given the logits of theta."""
        p = np.empty_like(z)
        kernels.softmax_rows(self.shifted(z, part or slice(0, len(self))), p)
        return p

    def on_line(self, z: Floats, dz: Floats, theta: Doubles, step: Doubles, t: float) -> OnLine:
        """Evaluate ``theta + t step``, whose logits are ``z + t dz``, without touching the rows."""
        here = z + t * dz
        there = theta + t * step
        value, residual = self.at_logits(here, there)
        slope = float(np.vdot(residual, dz)) + inner(self.penalty * there, step)
        return OnLine(value, slope, self.curvature_along(here, dz, step))

    def curvature_along(self, z: Floats, dz: Floats, step: Doubles) -> float:
        """Return the second derivative of f along a step, from its logits and those here."""
        bend = np.empty_like(dz)
        scale = self.weights.astype(dz.dtype)
        kernels.softmax_curvature(self.probabilities(z), dz, scale, bend)
        return float(np.vdot(bend, dz)) + 2 * self.penalty_at(step)

    def reduced_hessian_at(self, theta: Doubles, left_out: int) -> Doubles:
        """Return `reduced_hessian` at theta: one pass over the rows."""
        if not self.paneled:
            return self.reduced_hessian(self.probabilities(self.logits(theta)), left_out)
        k, d = self.shape
        hessian, gradient = np.empty(((k - 1) * d,) * 2), np.empty(self.shape)
        kernels.softmax_pass(
            self.design.panels,
            self.targets.plain,
            self.weights,
            np.ascontiguousarray(theta),
            gradient,
            hessian,
            left_out,
        )
        return self._with_reduced_penalty(hessian)

    def reduced_hessian(self, p: Floats, left_out: int) -> Doubles:
        r"""Return the Hessian in the classes but one, whose parameters follow from the others'.

        Where all columns sum to 0, f is a function of the parameters of k - 1 classes *relative*
        to those of the class left out. Its Hessian holds the cells of those classes, and the
        penalty's :math:`(I - 11^T / k) \otimes \mathrm{diag}\,\rho`; it is regular without filling
        the gauge, and smaller: half the size, for two classes.
        """
        k, d = self.shape
        kept = np.delete(np.arange(k), left_out)
        winner = np.arange(len(p)), p.argmax(axis=1)
        others = p.astype(np.float64)
        others[winner] = 0.0
        others_sum = others.sum(axis=1)
        np.subtract(1.0, others, out=others)
        others[winner] = others_sum  # 1 - p of a sure class would cancel
        own = others
        own *= p
        own *= self.weights[:, None]  # s p (1 - p)
        own = own.T[kept]
        root = np.ascontiguousarray(np.sqrt(self.weights)[:, None] * p[:, kept])

        def of_rows(part: slice, x: Doubles) -> tuple[Doubles, list[Doubles]]:
            diagonal = [(x * share[part, None]).T @ x for share in own]
            if k == 2:
                return np.zeros((d, d)), diagonal
            flat = (root[part, :, None] * x[:, None, :]).reshape(len(x), -1)
            return flat.T @ flat, diagonal  # a symmetric product: half the work

        cells = np.zeros((k - 1, d, k - 1, d))
        diagonal = np.zeros((k - 1, d, d))
        for product, own_products in self.design.each_dense(of_rows, 8 * k * d):
            cells -= product.reshape(cells.shape)
            diagonal += own_products
        for j in range(k - 1):
            cells[j, :, j] = diagonal[j]
        return self._with_reduced_penalty(cells.reshape((k - 1) * d, (k - 1) * d))

    def _with_reduced_penalty(self, hessian: Doubles) -> Doubles:
        k, d = self.shape
        same_column = np.einsum("jclc->jlc", hessian.reshape(k - 1, d, k - 1, d))
        same_column += (np.eye(k - 1) - 1 / k)[:, :, None] * self.penalty
        return hessian

    def hessian(self, p: Floats) -> Doubles:
        r"""Return the Hessian (kd, kd), given the probabilities.

        .. math:: H = \sum_i s_i (\mathrm{diag}\,p_i - p_i p_i^T) \otimes x_i x_i^T
                  + I \otimes \mathrm{diag}\,\rho
        """
        k, d = self.shape

        def of_rows(part: slice, x: Doubles) -> Doubles:
            root = np.sqrt(self.weights[part])[:, None]
            flat = ((root * p[part])[:, :, None] * x[:, None, :]).reshape(len(x), k * d)
            return flat.T @ flat  # a symmetric product: half the work

        dense = np.zeros((k * d, k * d))
        for product in self.design.each_dense(of_rows, 8 * k * d):
            dense -= product
        cells = dense.reshape(k, d, k, d)
        for j in range(k):  # p_j - p_j^2 would cancel; p_j times the others' probabilities cannot
            others = np.delete(cells[j], j, axis=1).sum(axis=1)
            cells[j, :, j] = np.diag(self.penalty) - others
        return dense

    def gram(self) -> Doubles:
        """Return ``sum_i s_i x_i x_i^T`` (d, d)."""
        return weighted_gram(self.design, self.weights)

    def column_squares(self) -> Doubles:
        """Return ``sum_i s_i x_ic^2`` (d,), the diagonal of `gram`."""
        return self.weighted_squares(self.weights)

    def class_squares(self, p: Floats) -> Doubles:
        """Return the diagonal of the Hessian (k, d), without the penalty."""
        return self.weighted_squares(self.weights[:, None] * (p * (1.0 - p)))

    def weighted_squares(self, weights: Doubles) -> Doubles:
        """Return ``sum_i weights_i x_ic^2`` (d,), or (k, d) for weights (n, k)."""
        order = self.design.order
        total: Doubles = np.zeros((*weights.shape[1:], self.design.shape[1]), order=order)
        for squares in self.design.each(
            lambda rows: rows.column_squares(weights[rows.part]), self.logit_bytes()
        ):
            total += squares
        return total

    def dual_value(self, theta: Doubles, logits: Floats | None = None) -> float:
        """Return a lower bound on the minimum of f: `luce.solvers.dual.dual_value`."""
        return dual.dual_value(self, theta, logits)

    def dual_point(self, z: Doubles, repair: dual.Repair | None = None) -> tuple[Doubles, Doubles]:
        """Return probabilities near softmax(z), and residuals: `luce.solvers.dual.dual_point`."""
        return dual.dual_point(self, z, repair)

    def reach(self, inverse: Doubles) -> float:
        r"""Return M with ``spread(step x_i) <= M |step|_H`` for all rows that count.

        `inverse` is the inverse (kd, kd) of the Hessian, or that of the reduced one, in which the
        step of the class left out is 0; the spread of a row of logits is its
        largest minus its smallest element, at most twice the largest
        :math:`|step_j x_i| \le |step|_H \, (x_i^T (H^{-1})_{jj} x_i)^{1/2}`.
        """
        d = self.design.shape[1]
        k = len(inverse) // d
        cells = inverse.reshape(k, d, k, d)

        def of_block(part: slice, x: Doubles) -> float:
            x = x[self.weights[part] > 0]
            sizes = (np.einsum("nc,nc->n", x @ cells[j, :, j], x) for j in range(k))
            return max(float(size.max(initial=0.0)) for size in sizes)

        return 2 * float(np.sqrt(max(self.design.each_dense(of_block, 8 * d))))

    def shifted(self, z: Floats, part: slice) -> Floats:
        """Return logits of some rows with the offset; the very array where there is none."""
        if self.offset is None:
            return z
        return z + self.offset[part].astype(z.dtype, copy=False)

    def logit_bytes(self) -> int:
        """Return the memory that the logits of a row take."""
        return self.classes * self.dtype.itemsize

    def pulled(self, residual: Floats) -> Doubles:
        """Return ``residual.T @ rows`` (k, d), the blocks added up in float64."""

        def of_block(rows: Rows) -> Floats:
            return rows.pulled(residual[rows.part])

        parts = self.design.each(of_block, self.logit_bytes())
        total: Any = next(parts, np.zeros(self.shape))
        total = total.astype(self.penalty.dtype, copy=False)  # float64, but for `for_steps`
        for pulled in parts:
            total += pulled
        return np.asarray(total)
