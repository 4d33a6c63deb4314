"""The function to be minimised where the rows do not fit in memory: sums over blocks of rows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.solvers.dense_design import RawDesign
from luce.solvers.design import Doubles
from luce.solvers.dual import DualTerms, Repair, Sums, bound_of, entropy
from luce.solvers.linear_softmax import LinearSoftmax, Scan
from luce.solvers.row_stream import RowStream, labels_as_codes
from luce.solvers.targets import Labels


@dataclass(frozen=True)
class StreamedSoftmax:
    r"""`LinearSoftmax` of a stream: each call is one pass over its blocks.

    Parameters
    ----------
    stream : RowStream
        The rows.
    class_labels : (k,) array
        The classes, sorted.
    class_weights : (k,) array of float64
        The weight of a row of each class; over all rows they sum to 1.
    class_totals : (k,) array of float64
        The weight of all rows of each class.
    centre, scale : (m,) arrays of float64
        Column c is worked on as ``(x_c - centre_c) / scale_c``.
    penalty : (d,) array of float64
        ``rho``, 0 for the intercept.
    intercept : bool
        Whether a last column of ones is added.
    smoothing : float
        Label smoothing.
    dtype : dtype
        float32 or float64: that of logits and residuals.
    """

    stream: RowStream
    class_labels: NDArray[Any]
    class_weights: Doubles
    class_totals: Doubles
    centre: Doubles
    scale: Doubles
    penalty: Doubles
    intercept: bool
    smoothing: float
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, int]:
        """(k, d), the shape of the parameters."""
        return len(self.class_labels), len(self.penalty)

    def in_double(self) -> "StreamedSoftmax":
        """Return the same function computed in float64."""
        return replace(self, dtype=np.dtype(np.float64))

    def of_rows(self, X: NDArray[Any], codes: NDArray[np.int64], weights: Doubles) -> LinearSoftmax:
        """Return the function of some rows, with the penalty."""
        return LinearSoftmax(
            design=RawDesign(X, self.centre, self.scale, self.intercept, self.dtype),
            targets=Labels(codes, len(self.class_labels), self.smoothing),
            weights=weights,
            penalty=self.penalty,
            intercept=self.intercept,
        )

    def scan(self, theta: Doubles) -> Scan:
        """Return f, its gradient and the accuracy: one pass."""
        penalty = 0.5 * float(np.vdot(self.penalty * theta, theta))
        values, gradient, accuracy = [penalty], self.penalty * theta, 0.0
        for part in self._parts():
            found = part.scan_loss(theta)
            values.append(found.value)
            gradient += found.gradient
            accuracy += found.accuracy
        return Scan(fsum(values), gradient, accuracy)

    def dual_value(self, theta: Doubles, gradient: Doubles) -> float:
        """Return a lower bound on the minimum, `LinearSoftmax.dual_value`.

        `gradient` is that at theta: its last column says by how much the totals of the classes
        are off, so that they can be repaired row by row. The bound is computed in float64; where
        the gradient is not, its totals would not be those of the rows repaired, and another pass
        finds them: one pass, two from float32.
        """
        exact = self.in_double()
        excess = np.zeros(len(gradient))
        if self.intercept:
            excess = gradient[:, -1].copy() if self.dtype == exact.dtype else exact._excess(theta)
        repair = Repair.of(Sums(self.target_totals() + excess, excess))
        entropies, pulled = [], np.zeros(self.shape)
        for part in exact._parts():
            q, residual = part.dual_point(part.logits(theta).astype(np.float64, copy=False), repair)
            entropies.append(float(part.weights @ entropy(q)))
            pulled += part.pulled(residual)
        terms = DualTerms(fsum(entropies), pulled)
        return bound_of(terms, self.penalty, theta[:, -1] if self.intercept else None)

    def curved_sample(self, theta: Doubles, room: int, seed: int) -> LinearSoftmax:
        """Return rows drawn by their share of the curvature at theta: one pass.

        Near separation nearly all of the Hessian comes from few rows, which an even sample would
        miss. Its sum over the sample, with the weights given, has no bias.

        Source: N. Duffield, C. Lund, M. Thorup (2007), Priority sampling for estimation of
        arbitrary subset sums, Journal of the ACM 54.
        """
        random = np.random.default_rng(seed)
        held = _Priorities(room)
        row = 1
        for X, y in self.stream.ahead():
            codes = labels_as_codes(y, self.class_labels, row)
            row += len(y)
            weights = self.class_weights[codes]
            part = self.of_rows(X, codes, weights)
            p = part.probabilities(part.logits(theta)).astype(np.float64, copy=False)
            share = weights * (p * (1 - p)).sum(axis=1) * part.design.squares()
            held.add(share, random.random(len(y)), X, codes)
        X, codes, factor = held.result()
        return self.of_rows(X, codes, self.class_weights[codes] * factor).in_double()

    def target_totals(self) -> Doubles:
        """Return the weight of each class in the targets."""
        spread = self.smoothing * self.class_totals.sum() / len(self.class_totals)
        totals: Doubles = (1 - self.smoothing) * self.class_totals + spread
        return totals

    def _excess(self, theta: Doubles) -> Doubles:
        """Return by how much the totals of the classes are off: a pass without its product."""
        excess = np.zeros(len(theta))
        for part in self._parts():
            excess += part.loss_at(part.logits(theta))[1].sum(axis=0)
        return excess

    def _parts(self) -> Iterator[LinearSoftmax]:
        """Yield the function of each block, without the penalty."""
        none, row = np.zeros_like(self.penalty), 1
        for X, y in self.stream.ahead():
            codes = labels_as_codes(y, self.class_labels, row)
            row += len(y)
            if len(y):
                yield replace(self.of_rows(X, codes, self.class_weights[codes]), penalty=none)


class _Priorities:
    """The rows with the largest ratios of share and random number, and what each stands for."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._threshold, self._held = 0.0, 0

    def add(
        self, share: Doubles, random: Doubles, X: NDArray[Any], codes: NDArray[np.int64]
    ) -> None:
        priority = share / np.maximum(random, np.finfo(float).tiny)
        kept = np.flatnonzero(priority > self._threshold)
        self._parts.append((priority[kept], share[kept], X[kept], codes[kept]))
        self._held += len(kept)
        if self._held > 2 * self._room:
            self._prune()

    def result(self) -> tuple[NDArray[Any], NDArray[np.int64], Doubles]:
        self._prune()
        _, share, X, codes = self._parts[0]
        return X, codes, np.maximum(share, self._threshold) / share

    def _prune(self) -> None:
        joined = tuple(np.concatenate(part) for part in zip(*self._parts, strict=True))
        if len(joined[0]) > self._room:
            self._threshold = float(np.partition(joined[0], -self._room - 1)[-self._room - 1])
        kept = joined[0] > self._threshold
        self._parts = [tuple(part[kept] for part in joined)]
        self._held = int(kept.sum())
