"""Lower bounds on the minimum: the dual function, and probabilities at which to ask it."""

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import entr

from luce import kernels
from luce.solvers.design import Doubles, Floats, Rows

if TYPE_CHECKING:
    from luce.solvers.linear_softmax import LinearSoftmax

_PASSES = 2  # over the rows, which products of all pairs of classes may cost ...
_MOST_CLASSES = 2000  # ... up to so many: 32 MB a block, and a system to solve
_LARGEST_TILT = 0.5  # beyond 1, probabilities would become negative
_ROUNDING = 1e-14
_MISSED = 1e-10  # of the entropies: totals that are off by more are those of other probabilities


def dual_value(f: "LinearSoftmax", theta: Doubles, logits: Floats | None = None) -> float:
    r"""Return a lower bound on the minimum of f, the dual function near theta.

    For any rows q_i of probabilities whose totals agree with the targets'
    (:math:`\sum_i s_i q_i = \sum_i s_i t_i`, needed where there is an intercept)

    .. math:: \min f \ge \sum_i s_i H(q_i)
              - \sum_{jc} \frac{1}{2 \rho_c} \Big(\sum_i s_i (t_{ij} - q_{ij}) x_{ic}\Big)^2

    by Fenchel duality; with an offset o, :math:`\sum_i s_i \langle q_i - t_i, o_i \rangle` is
    added. q is the softmax at theta with its totals repaired; t - q is taken from
    the residual, for in ``t - p`` a confident row would leave nothing but rounding.

    Parameters
    ----------
    f : LinearSoftmax
        The function.
    theta : (k, d) array
        Where it is near its minimum.
    logits : (n, k) array, optional
        Those of theta, where they are known.
    """
    terms = _fused(f, theta) if f.fused else _by_blocks(f, theta, logits)
    return bound_of(terms, f.penalty, theta[:, -1] if f.intercept else None)


class DualTerms(NamedTuple):
    """What the rows add to the dual function."""

    entropies: float  # sum_i s_i H(q_i)
    pulled: Doubles  # (k, d) sum_i s_i (q_i - t_i) x_i^T
    shift: float = 0.0  # sum_i s_i <q_i - t_i, o_i>

    def plus(self, other: "DualTerms") -> "DualTerms":
        """Return those of both."""
        pulled = self.pulled + other.pulled
        return DualTerms(self.entropies + other.entropies, pulled, self.shift + other.shift)


def bound_of(terms: DualTerms, penalty: Doubles, intercept: Doubles | None) -> float:
    """Return the dual function, given what the rows add to it.

    It is -inf unless the gradient is 0 in all columns without a penalty. The intercept's is so
    up to rounding, which the `intercept` (k,) of a theta near the optimum, None where there is
    none, makes an error of the bound: that is taken off.
    """
    free = penalty == 0
    error = 0.0
    if intercept is not None and free[-1]:
        free[-1] = False
        missed = np.abs(terms.pulled[:, -1])
        if missed.max() > _MISSED * terms.entropies:
            return -np.inf
        error = 0.5 * float(missed.sum() * np.ptp(intercept))  # the missed ones sum to 0
    if np.any(terms.pulled[:, free] != 0):
        return -np.inf
    value = terms.entropies + terms.shift - error
    return value - conjugate(terms.pulled, half_inverse(penalty))


def conjugate(gradient: Doubles, inverse: Doubles) -> float:
    """Return the penalty's part of the dual function, given its `half_inverse`."""
    return float(np.square(gradient).sum(axis=0) @ inverse)


def half_inverse(penalty: Doubles) -> Doubles:
    """Return ``1 / 2 rho`` of the columns with a penalty, and 0 for the others."""
    return np.divide(0.5, penalty, out=np.zeros_like(penalty), where=penalty > 0)


def dual_point(
    f: "LinearSoftmax", z: Doubles, repair: "Repair | None" = None, part: slice | None = None
) -> tuple[Doubles, Doubles]:
    """Return probabilities q near softmax(z) with the targets' totals, and ``s (q - t)``.

    Without an intercept nothing is asked of the totals, and q is the softmax itself. Where these
    are only some of all rows, such as those of `part`, `repair` is that of all.
    """
    part = slice(0, len(f)) if part is None else part
    q, residual = _softmax(f, z, part)
    if f.intercept:
        repair = Repair.of(_sums(f, q, residual, part)) if repair is None else repair
        change = repair.change(q)
        q = np.maximum(q + change, 0.0)  # a class that gives all may end at -1e-17
        residual = residual + f.weights[part, None] * change
    return q, residual


def _fused(f: "LinearSoftmax", theta: Doubles) -> DualTerms:
    """Return entropies and gradient from two fused passes: one for the totals, one for the rest."""
    given, received = np.zeros(f.classes), np.zeros(f.classes)
    rows, labels = f.design.fused_rows, f.targets.plain
    assert rows is not None  # that is what "fused" says
    assert labels is not None
    if f.intercept:  # its gradient is the difference of the totals
        excess = f.scan_loss(theta).gradient[:, -1]
        totals = f.targets.totals(f.weights)
        given, received = shares(np.maximum(totals + excess, 0.0), excess)
    return DualTerms(*rows.dual(labels, f.weights, theta, given, received))


def _by_blocks(f: "LinearSoftmax", theta: Doubles, logits: Floats | None) -> DualTerms:
    """Return entropies and gradient, block by block."""
    operand = f.design.operand(theta)

    def logits_of(rows: Rows) -> Doubles:
        z = rows.logits(operand) if logits is None else logits[rows.part]
        return np.asarray(z, dtype=np.float64)

    repair = None
    if f.intercept:

        def sums_of(rows: Rows) -> Sums:
            q, residual = _softmax(f, logits_of(rows), rows.part)
            return _sums(f, q, residual, rows.part)

        repair = Repair.of(reduce(Sums.plus, f.design.each(sums_of, f.logit_bytes())))

    def of_block(rows: Rows) -> DualTerms:
        q, residual = dual_point(f, logits_of(rows), repair, rows.part)
        offset = None if f.offset is None else f.offset[rows.part]
        shift = 0.0 if offset is None else float(np.vdot(residual, offset))
        pulled: Any = rows.pulled(residual)  # float64, as the residual is
        return DualTerms(float(f.weights[rows.part] @ entropy(q)), pulled, shift)

    return reduce(DualTerms.plus, f.design.each(of_block, f.logit_bytes()))


def _softmax(f: "LinearSoftmax", z: Doubles, part: slice) -> tuple[Doubles, Doubles]:
    """Return the softmax of some rows and ``s (p - t)``, not as a difference: t is near p."""
    residual: Doubles = np.array(f.shifted(z, part), dtype=np.float64)
    p = np.empty_like(residual)
    kernels.softmax_rows(residual, p)
    f.targets.residual(residual, part, f.weights[part])
    return p, residual


class Sums(NamedTuple):
    """What rows of probabilities come to: enough to repair them."""

    totals: Doubles  # (k,) sum_i s_i p_i
    excess: Doubles  # (k,) by how much that differs from the targets'
    products: Doubles | None = None  # (k, k) sum_i s_i p_i p_i^T, where that is worth its price

    def plus(self, other: "Sums") -> "Sums":
        """Return those of both."""
        products = None
        if self.products is not None and other.products is not None:
            products = self.products + other.products
        return Sums(self.totals + other.totals, self.excess + other.excess, products)


def _sums(f: "LinearSoftmax", q: Doubles, residual: Doubles, part: slice) -> Sums:
    weights, products, k = f.weights[part], None, f.classes
    # n k^2 operations, and 4 k for each stored number in a pass
    if k <= _MOST_CLASSES and k * len(f) <= 4 * _PASSES * f.design.stored:
        root = np.sqrt(weights)[:, None] * q
        products = root.T @ root
    return Sums(weights @ q, residual.sum(axis=0), products)


@dataclass(frozen=True)
class Repair:
    """What moves the weighted totals of probabilities to the targets', each row keeping its sum.

    Parameters
    ----------
    given, received : (k,) arrays
        The classes that have too much give the same share in every row; the others receive it.
    tilt : (k,) array, optional
        To be used instead: the logits of each class are shifted by it, to first order. So an
        intercept would do it; rows that are sure of their class are left nearly as they are.
    """

    given: Doubles
    received: Doubles
    tilt: Doubles | None = None

    @classmethod
    def of(cls, sums: Sums) -> "Repair":
        """Return the repair of rows with these sums."""
        return cls(*shares(sums.totals, sums.excess), _tilt(sums))

    def change(self, p: Doubles) -> Doubles:
        """Return what is to be added to probabilities (n, k)."""
        change: Doubles
        if self.tilt is not None:
            # Measured from the winner's: that of a row sure of its class would cancel in p tilt.
            change = np.tile(self.tilt, (len(p), 1))
            kernels.softmax_gradient(p, change, change, 1.0)
        elif self.received.any():
            change = (p @ self.given)[:, None] * self.received - p * self.given
        else:
            change = np.zeros_like(p)
        return change


def _tilt(sums: Sums) -> Doubles | None:
    """Return the tilt, if there is one that is small enough to leave all probabilities positive."""
    totals, excess, products = sums
    if products is None:
        return None
    tilt = np.zeros_like(totals)
    rest = np.arange(len(totals)) != totals.argmax()  # all together can be shifted by anything
    others = products.copy()
    np.fill_diagonal(others, 0.0)
    shares = others.sum(axis=1)  # sum_i s_i p_ij (1 - p_ij), which would cancel as a difference
    curvature = np.diag(shares) - others
    try:
        tilt[rest] = np.linalg.solve(curvature[np.ix_(rest, rest)], -excess[rest])
    except np.linalg.LinAlgError:
        return None
    left = np.abs(curvature @ tilt + excess).max()
    good = np.ptp(tilt) <= _LARGEST_TILT and left <= _ROUNDING * shares.sum()
    return tilt if good else None


def shares(totals: Doubles, excess: Doubles) -> tuple[Doubles, Doubles]:
    """Return what share of its probability a class gives, and of what is given receives."""
    given = np.where(excess > 0, excess / np.maximum(totals, np.finfo(float).tiny), 0.0)
    lacking = np.maximum(-excess, 0.0)
    if not lacking.sum() > 0:
        return np.zeros_like(given), np.zeros_like(given)
    return np.minimum(given, 1.0), lacking / lacking.sum()


def entropy(p: Doubles) -> Doubles:
    """Return the entropy of each row, accurate also where one probability rounds to 1."""
    others = p.copy()
    others[np.arange(len(p)), p.argmax(axis=1)] = 0.0
    lost = others.sum(axis=1)
    entropy: Doubles = entr(others).sum(axis=1) - (1 - lost) * np.log1p(-lost)
    return entropy
