"""The quadratic model of a step where its matrix is too large: columns and probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from luce import kernels
from luce.solvers.design import Columns
from luce.solvers.linear_softmax import Doubles
from luce.solvers.penalised import Chosen, Penalised, Point, complement

_PASSES = 40
_TURNS = 5
_CONJUGATE = 30


def minimise_by_columns(
    problem: Penalised, point: Point, p: Doubles, chosen: Chosen, damping: float, tol: float
) -> Doubles:
    """Return new values (m,) of the chosen coefficients, by coordinate descent on their model.

    Parameters
    ----------
    problem : Penalised
        The function; its penalty is that of the model.
    point : Point
        Where the model is that of the function in value, gradient and curvature.
    p : (n, k) array
        The probabilities there.
    chosen : Chosen
        The coefficients; blocks of the penalty one after another.
    damping : float
        What is added to the curvature of each coefficient, as a share of it.
    tol : float
        A pass in which no block is farther from its optimum, as a gradient, is the last.

    Notes
    -----
    A pass costs a few operations for each stored value of a chosen column and each of its chosen
    classes, whatever the number of rows and columns.
    """
    kept = np.unique(chosen.columns)
    place = np.searchsorted(kept, chosen.columns).astype(np.int64)
    columns = problem.objective.design.by_column(kept)
    # The columns are worked on without their shift, for a sparse column stays sparse only so; the
    # intercept takes it up.
    last = problem.shape[1] - 1
    shift = columns.shift[place]
    gradient = chosen.of(point.gradient) + shift * point.gradient[chosen.classes, last]
    model = _Model(problem, p, chosen, place, columns, gradient, chosen.of(point.W), damping)
    new = model.minimise(tol)
    moved = chosen.placed(shift * (new - model.origin), problem.shape).sum(axis=1)
    return new + np.where(shift.any() & (chosen.columns == last), moved[chosen.classes], 0.0)


class _Model:
    """The quadratic model in some coefficients, and the penalty on them."""

    def __init__(
        self,
        problem: Penalised,
        p: Doubles,
        chosen: Chosen,
        place: NDArray[np.int64],
        columns: Columns,
        gradient: Doubles,
        origin: Doubles,
        damping: float,
    ) -> None:
        weights = problem.objective.weights
        self.group = problem.penalty.group(problem.shape[0])
        self.columns, self.place, self.classes = columns, place, chosen.classes
        self.gradient, self.origin = gradient, origin
        self.weight = problem.penalty.weight[chosen.columns[:: self.group]]
        self.p = None if problem.single else np.ascontiguousarray(p.T)
        self.scaled = weights * ((p[:, :1] * p[:, 1:]).T if self.p is None else self.p)
        blocks = place[:: self.group]
        bound = _bounds(columns, p, weights, blocks, chosen.classes, self.group)
        self.ridge = problem.ridge[chosen.columns] + damping * np.repeat(bound, self.group)
        self.bound = bound + self.ridge[:: self.group]
        self.stored = _stored(columns, len(weights))

    def minimise(self, tol: float) -> Doubles:
        """Return the minimiser: passes of coordinate descent, Newton steps between them."""
        v = self.origin.copy()
        for turn in range(_TURNS):
            change, mean = self._change(v - self.origin)
            c = self.columns
            farthest = kernels.descend_columns(
                c.start, c.rows, c.values, self.place[:: self.group].copy(), self.classes,
                self.gradient, self.ridge, self.origin, self.bound, self.weight, self.scaled,
                self.p, change, mean, v, self.group, _PASSES, tol,
            )  # fmt: skip
            if not farthest > tol or turn == _TURNS - 1:
                break
            if self.group == 1:
                v = self._newton(v)
        return v

    def _change(self, step: Doubles) -> tuple[Doubles, Doubles]:
        """Return the change of the logits (r, n), and its mean over each row's classes (n,)."""
        spread = np.zeros((self.stored.shape[0], len(self.scaled)))
        spread[self.place, self.classes] = step
        change = np.ascontiguousarray((self.stored.T @ spread).T)
        mean = np.zeros(change.shape[1]) if self.p is None else (self.p * change).sum(axis=0)
        return change, mean

    def _times(self, step: Doubles) -> Doubles:
        """Return the model's matrix times a step (m,)."""
        change, mean = self._change(step)
        pulled = self.stored @ (self.scaled * (change - mean)).T
        return np.asarray(pulled[self.place, self.classes] + self.ridge * step)

    def _newton(self, v: Doubles) -> Doubles:
        """Move the coefficients that are not zero by conjugate gradients; keep what lowers."""
        own = (v != 0) | (self.weight == 0)
        slope = self.gradient + self._times(v - self.origin)
        step = self._solved(np.where(own, -(slope + self.weight * np.sign(v)), 0.0), own)
        before = self._value(v, slope)
        way = np.full(len(v), np.inf)
        crossing = (v * step < 0) & (self.weight > 0)
        way[crossing] = -v[crossing] / step[crossing]
        for length in (1.0, min(1.0, float(way.min(initial=1.0)))):
            after = np.where(way <= length, 0.0, v + length * step)
            if self._value(after, self.gradient + self._times(after - self.origin)) < before:
                return after
        return v

    def _value(self, v: Doubles, slope: Doubles) -> float:
        smooth = 0.5 * float((self.gradient + slope) @ (v - self.origin))
        return smooth + float(self.weight @ np.abs(v))

    def _solved(self, right: Doubles, own: NDArray[np.bool_]) -> Doubles:
        """Return nearly the solution among some coefficients, by conjugate gradients."""
        scale = np.where(own & (self.bound > 0), 1 / np.where(self.bound > 0, self.bound, 1.0), 0.0)
        x, left = np.zeros_like(right), right
        direction = scale * left
        size = first = float(left @ direction)
        for _ in range(_CONJUGATE):
            if not size > 1e-4 * first:
                break
            bent = np.where(own, self._times(direction), 0.0)
            length = size / float(direction @ bent)
            x, left = x + length * direction, left - length * bent
            before, size = size, float(left @ (scale * left))
            direction = scale * left + size / before * direction
        return x


def _stored(columns: Columns, n: int) -> Any:
    """Return the columns as the rows of a matrix (c, n), sparse where they are."""
    c = len(columns.start) - 1
    if columns.rows is None:
        return columns.values.reshape(c, n)
    return sparse.csr_array((columns.values, columns.rows, columns.start), (c, n))


def _bounds(
    columns: Columns,
    p: Doubles,
    weights: Doubles,
    blocks: NDArray[np.int64],
    classes: NDArray[np.int64],
    group: int,
) -> Doubles:
    r"""Return the curvature of each coefficient, or a bound on the largest one in each group.

    With the variance of u about the mean of all but the largest probability p_w taken apart,
    :math:`u^T (\mathrm{diag}\,p - p p^T) u \le \sum_j m_j u_j^2` for :math:`m_w = 2 p_w (1 - p_w)`
    and :math:`m_j = \max(1, 2 p_w) p_j`; where p_w is at most one half, for m = p.
    """
    if group == 1:
        bend = p * complement(p)
    else:
        own = np.arange(len(p)), p.argmax(axis=1)
        top = p[own]
        bend = p * np.maximum(1, 2 * top)[:, None]
        bend[own] = top * np.minimum(1, 2 * complement(p)[own])
    held = _stored(columns._replace(values=columns.values**2), len(p))
    by_class = np.asarray(held @ (weights[:, None] * bend))  # (c, k)
    if group == 1:
        return np.asarray(by_class[blocks, classes])
    return np.asarray(by_class[blocks].max(axis=1))
