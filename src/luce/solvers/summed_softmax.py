"""The function to be minimised where the rows lie in parts, in this process or on many machines."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from luce.solvers.dual import DualTerms, Repair, Sums, bound_of, entropy
from luce.solvers.linear_softmax import Doubles, LinearSoftmax, Scan
from luce.solvers.sampled_grams import sampled_grams

T = TypeVar("T")


class Parts(Protocol):
    """Parts of the rows, each a `LinearSoftmax` without penalty, wherever they lie.

    The weights of all parts together sum to 1.
    """

    def each(self, function: Callable[[LinearSoftmax], T]) -> Iterable[T]:
        """Return ``function(part)`` of every part in order, computed where the part lies.

        The function, its arguments and its results travel; rows do not.
        """
        ...


class Bend(NamedTuple):
    """Value, gradient (k, d) and Hessian (kd, kd) at one point, and the accuracy."""

    value: float
    gradient: Doubles
    accuracy: float
    hessian: Doubles


@dataclass(frozen=True)
class SummedSoftmax:
    r"""`LinearSoftmax` as the sum over parts of the rows: each call is one pass over them.

    Parameters
    ----------
    parts : Parts
        The rows.
    classes : int
        k.
    penalty : (d,) array of float64
        ``rho``, 0 for columns that are not penalised.
    totals : (k,) array of float64
        The weight of each class in the targets.
    intercept : bool
        Whether the last column is the (unpenalised) intercept.
    """

    parts: Parts
    classes: int
    penalty: Doubles
    totals: Doubles
    intercept: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        """(k, d), the shape of the parameters."""
        return self.classes, len(self.penalty)

    def scan(self, theta: Doubles) -> Scan:
        """Return f, its gradient and the accuracy."""
        value, gradient, accuracy = self._penalty_at(theta)
        for found in self.parts.each(partial(_scan, theta=theta)):
            value += found.value
            gradient += found.gradient
            accuracy += found.accuracy
        return Scan(value, gradient, accuracy)

    def bend(self, theta: Doubles) -> Bend:
        """Return f, its gradient, the accuracy and the Hessian."""
        value, gradient, accuracy = self._penalty_at(theta)
        hessian = np.diag(np.tile(self.penalty, self.classes))
        for found in self.parts.each(partial(_bend, theta=theta)):
            value += found.value
            gradient += found.gradient
            accuracy += found.accuracy
            hessian += found.hessian
        return Bend(value, gradient, accuracy, hessian)

    def gram(self) -> Doubles:
        """Return ``sum_i s_i x_i x_i^T`` (d, d)."""
        return np.asarray(sum(self.parts.each(_gram), np.zeros((len(self.penalty),) * 2)))

    def class_grams(self, theta: Doubles, draws: int, seed: int) -> list[Doubles]:
        """Return the diagonal blocks (d, d) of the Hessian, one a class, each from a sample."""
        total = [np.zeros((len(self.penalty),) * 2) for _ in range(self.classes)]
        for grams in self.parts.each(partial(_class_grams, theta=theta, draws=draws, seed=seed)):
            for gram, more in zip(total, grams, strict=True):
                gram += more
        return total

    def reach(self, inverse: Doubles) -> float:
        """Return the reach over all rows, as `LinearSoftmax.reach`."""
        return max(self.parts.each(partial(_reach, inverse=inverse)))

    def dual_value(self, theta: Doubles, gradient: Doubles) -> float:
        """Return a lower bound on the minimum of f, as `LinearSoftmax.dual_value`.

        `gradient` is that at theta: its last column says by how much the totals of the classes
        are off, so that each part can repair its rows by itself. Parts of float32 prove nothing:
        their totals are not those of the rows that are repaired, in float64.
        """
        excess = gradient[:, -1].copy() if self.intercept else np.zeros(self.classes)
        repair = Repair.of(Sums(self.totals + excess, excess))
        terms = self.parts.each(partial(_dual_terms, theta=theta, repair=repair))
        return bound_of(
            reduce(DualTerms.plus, terms), self.penalty, theta[:, -1] if self.intercept else None
        )

    def _penalty_at(self, theta: Doubles) -> Scan:
        return Scan(0.5 * float(np.vdot(self.penalty * theta, theta)), self.penalty * theta, 0.0)


# What is done to one part, where it lies. Functions of a module: they travel by name.


def _scan(part: LinearSoftmax, theta: Doubles) -> Scan:
    return part.scan(theta)


def _bend(part: LinearSoftmax, theta: Doubles) -> Bend:
    z = part.logits(theta)
    value, residual = part.at_logits(z, theta)
    hessian = part.hessian(part.probabilities(z))
    return Bend(value, part.pull_back(residual, theta), part.accuracy(z), hessian)


def _gram(part: LinearSoftmax) -> Doubles:
    return part.gram()


def _class_grams(part: LinearSoftmax, theta: Doubles, draws: int, seed: int) -> list[Doubles]:
    return sampled_grams(part, part.probabilities(part.logits(theta)), draws, seed)


def _reach(part: LinearSoftmax, inverse: Doubles) -> float:
    return part.reach(inverse)


def _dual_terms(part: LinearSoftmax, theta: Doubles, repair: Repair) -> DualTerms:
    """Return the part's share of `LinearSoftmax.dual_value`; the repair is that of all rows."""
    q, residual = part.dual_point(part.logits(theta).astype(np.float64, copy=False), repair)
    return DualTerms(float(part.weights @ entropy(q)), part.pulled(residual))


def without_penalty(part: LinearSoftmax) -> LinearSoftmax:
    """Return the function without its penalty, which is counted once for all parts."""
    return replace(part, penalty=np.zeros_like(part.penalty))
