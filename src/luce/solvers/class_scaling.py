"""A factor and a shift for each class of given logits: Newton's method, with a proof."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from luce import kernels
from luce.solvers.blocks import blocks, each
from luce.solvers.certificate import self_concordant_gap
from luce.solvers.linear_softmax import Doubles
from luce.solvers.result import Journal, Result

_DESCENT = 1e-4  # of the fall that the slope promises, at least (Armijo)
_SHORTEST = 1e-10


class _At(NamedTuple):
    """What one pass over the rows finds at one point."""

    value: float
    gradient: Doubles  # (2k,)
    hessian: Doubles  # (2k, 2k)


class ClassScaling(NamedTuple):
    r"""Weighted cross-entropy of logits of which each class is scaled and shifted by itself.

    .. math:: f(\delta) = \sum_i s_i \, CE(y_i, \mathrm{softmax}(z_{ij} + \delta_{j0} x_{ij} +
              \delta_{j1})_j) + \tfrac{\rho}{2} |\delta|^2

    With ``rho > 0`` the minimum exists and is the only one, whatever the rows.

    Parameters
    ----------
    start : (n, k) array of float64
        ``z``, the logits before any change.
    columns : (n, k) array of float64
        ``x``, what the factor of each class multiplies.
    labels : (n,) array of int64
        Classes ``0..k-1``.
    weights : (n,) array of float64
        ``s``, positive, with sum 1.
    penalty : float
        ``rho``, positive.
    """

    start: Doubles
    columns: Doubles
    labels: NDArray[np.int64]
    weights: Doubles
    penalty: float

    def minimise(self, *, tol: float, max_iter: int) -> Result:
        """Minimise by damped Newton steps from 0 until the relative gap is proven to be `tol`.

        The gap is bounded as in `luce.solvers.newton`, by self-concordance: a change of the
        logits of a row by ``v`` changes its curvature by a factor ``exp(-spread(v))`` at least.
        """
        journal = Journal()
        delta = np.zeros(2 * self.start.shape[1])
        here, interrupted = self._at(delta), False
        try:
            for _ in range(max_iter):
                factor = cho_factor(here.hessian, lower=True)
                step = -cho_solve(factor, here.gradient)
                decrement = float(np.sqrt(max(0.0, -(here.gradient @ step))))
                if 0.5 * decrement**2 <= tol * here.value:
                    reach = self._reach(cho_solve(factor, np.eye(len(delta))))
                    gap = self_concordant_gap(decrement, reach)
                    journal.raise_lower_bound(here.value - gap)
                journal.write(objective=here.value, gap=journal.relative_gap(here.value))
                # The step was paid for already: it is taken even where the proof is complete.
                after, there = self._descended(delta, step, here, decrement)
                moved = there.value < here.value
                converged = journal.relative_gap(here.value) <= tol
                if moved:
                    delta, here = after, there
                if converged or not moved:
                    break
        except KeyboardInterrupt:
            interrupted = True
        theta = delta.reshape(2, -1).T.copy()  # (k, 2)
        return journal.result(theta, here.value, tol, interrupted)

    def _descended(
        self, delta: Doubles, step: Doubles, here: _At, decrement: float
    ) -> tuple[Doubles, _At]:
        length = 1.0
        while True:
            after = delta + length * step
            there = self._at(after)
            fall = _DESCENT * length * decrement**2
            if there.value <= here.value - fall or length < _SHORTEST:
                return after, there
            length /= 2

    def _at(self, delta: Doubles) -> _At:
        r"""Return value, gradient and Hessian.

        With ``r_i = (p_ij x_ij, p_ij)`` (2k numbers) the Hessian is
        :math:`D - \sum_i s_i r_i r_i^T + \rho I`, where D holds the diagonals
        :math:`\sum_i s_i p_{ij} x_{ij}^{a+b}` of its four blocks.
        """
        n, k = self.start.shape

        def of_block(part: slice) -> tuple[float, Doubles, Doubles]:
            x, s = self.columns[part], self.weights[part]
            z = self.start[part] + delta[:k] * x + delta[k:]
            p = np.empty_like(z)
            kernels.softmax_rows(z, p)
            loss = np.empty(len(z))
            kernels.softmax_residual(z, self.labels[part], s, loss, smoothing=0.0)
            gradient = np.concatenate([np.einsum("ij,ij->j", z, x), z.sum(axis=0)])
            both = np.concatenate([p * x, p], axis=1) * np.sqrt(s)[:, None]
            hessian = -(both.T @ both)
            sp = s[:, None] * p
            at = np.arange(k)
            hessian[at, at] += np.einsum("ij,ij,ij->j", sp, x, x)
            hessian[k + at, k + at] += sp.sum(axis=0)
            cross = np.einsum("ij,ij->j", sp, x)
            hessian[at, k + at] += cross
            hessian[k + at, at] += cross
            return float(loss.sum()), gradient, hessian

        value = 0.5 * self.penalty * float(delta @ delta)
        gradient, hessian = self.penalty * delta, self.penalty * np.eye(2 * k)
        for more in each(of_block, blocks(n, 8 * k)):
            value += more[0]
            gradient += more[1]
            hessian += more[2]
        return _At(value, gradient, hessian)

    def _reach(self, inverse: Doubles) -> float:
        r"""Return M with ``spread(change of a row) <= M |step|_H``, from the inverse Hessian.

        The logit of class j changes by :math:`\langle a, \delta \rangle` with a = (x_ij, 1) at
        the two places of the class: at most :math:`|\delta|_H (a^T (H^{-1})_{jj} a)^{1/2}`.
        """
        k = self.start.shape[1]
        at = np.arange(k)
        x = self.columns
        size = inverse[at, at] * x * x + 2 * inverse[at, k + at] * x + inverse[k + at, k + at]
        return 2 * float(np.sqrt(size.max()))
