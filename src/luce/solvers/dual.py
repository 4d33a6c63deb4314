"""Lower bounds on the minimum: the dual function, and probabilities at which to ask it."""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import entr

from luce import kernels
from luce.solvers.design import Doubles, Floats, Rows

if TYPE_CHECKING:
    from luce.solvers.linear_softmax import LinearSoftmax


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
    value, pulled = _fused(f, theta) if f.fused else _by_blocks(f, theta, logits)
    return value - f.gradient_gap(pulled) if _is_feasible(f, pulled) else -np.inf


def dual_point(
    f: "LinearSoftmax",
    z: Doubles,
    totals: Doubles | None = None,
    excess: Doubles | None = None,
    part: slice | None = None,
) -> tuple[Doubles, Doubles]:
    """Return probabilities q near softmax(z) with the targets' totals, and ``s (q - t)``.

    Without an intercept nothing is asked of the totals, and q is the softmax itself. Where
    these are only some of all rows, such as those of `part`, `totals` are the weights of the
    classes in softmax over all, and `excess` is by how much those differ from the targets'.
    """
    part = slice(0, len(f)) if part is None else part
    q, residual = _softmax(f, z, part)
    if f.intercept:
        weights = f.weights[part]
        totals = weights @ q if totals is None else totals
        excess = residual.sum(axis=0) if excess is None else excess
        change = repair(q, totals, excess)
        q = np.maximum(q + change, 0.0)  # a class that gives all may end at -1e-17
        residual = residual + weights[:, None] * change
    return q, residual


def _fused(f: "LinearSoftmax", theta: Doubles) -> tuple[float, Doubles]:
    """Return entropy and gradient from two fused passes: one for the totals, one for the rest."""
    given, received = np.zeros(f.classes), np.zeros(f.classes)
    rows, labels = f.design.fused_rows, f.targets.plain
    assert rows is not None  # that is what "fused" says
    assert labels is not None
    if f.intercept:  # its gradient is the difference of the totals
        excess = f.scan_loss(theta).gradient[:, -1]
        totals = f.targets.totals(f.weights)
        given, received = shares(np.maximum(totals + excess, 0.0), excess)
    return rows.dual(labels, f.weights, theta, given, received)


def _by_blocks(f: "LinearSoftmax", theta: Doubles, logits: Floats | None) -> tuple[float, Doubles]:
    """Return entropy and gradient, block by block."""
    operand = f.design.operand(theta)

    def logits_of(rows: Rows) -> Doubles:
        z = rows.logits(operand) if logits is None else logits[rows.part]
        return np.asarray(z, dtype=np.float64)

    totals = excess = np.zeros(f.classes)
    if f.intercept:

        def sums_of(rows: Rows) -> tuple[Doubles, Doubles]:
            q, residual = _softmax(f, logits_of(rows), rows.part)
            return f.weights[rows.part] @ q, residual.sum(axis=0)

        for total, difference in f.design.each(sums_of, f.logit_bytes()):
            totals, excess = totals + total, excess + difference

    def of_block(rows: Rows) -> tuple[float, Doubles]:
        q, residual = dual_point(f, logits_of(rows), totals, excess, rows.part)
        offset = None if f.offset is None else f.offset[rows.part]
        shift = 0.0 if offset is None else float(np.vdot(residual, offset))
        pulled: Any = rows.pulled(residual)  # float64, as the residual is
        return float(f.weights[rows.part] @ entropy(q)) + shift, pulled

    value, pulled = 0.0, np.zeros(f.shape)
    for share, gradient in f.design.each(of_block, f.logit_bytes()):
        value += share
        pulled += gradient
    return value, pulled


def _is_feasible(f: "LinearSoftmax", pulled: Doubles) -> bool:
    """Whether the dual allows this gradient: it is 0 in all columns without a penalty.

    The intercept's is, up to rounding, because the totals were repaired.
    """
    free = f.penalty == 0
    free[-1] &= not f.intercept
    return not np.any(pulled[:, free] != 0)


def _softmax(f: "LinearSoftmax", z: Doubles, part: slice) -> tuple[Doubles, Doubles]:
    """Return the softmax of some rows and ``s (p - t)``, not as a difference: t is near p."""
    residual: Doubles = np.array(f.shifted(z, part), dtype=np.float64)
    p = np.empty_like(residual)
    kernels.softmax_rows(residual, p)
    f.targets.residual(residual, part, f.weights[part])
    return p, residual


def repair(p: Doubles, totals: Doubles, excess: Doubles) -> Doubles:
    """Return what moves the weighted totals of p by ``-excess``, each row keeping its sum.

    The classes that have too much give the same share in every row; the others receive it.
    """
    given, received = shares(totals, excess)
    if not received.any():
        return np.zeros_like(p)
    freed = p @ given
    change: Doubles = freed[:, None] * received - p * given
    return change


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
