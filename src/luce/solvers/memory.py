"""What L-BFGS remembers of the curvature: the last steps, and how the gradient changed on them."""

from collections import deque

import numpy as np

from luce.solvers.linear_softmax import Doubles
from luce.solvers.whitening import Metric

_PAIRS = 50


class Memory:
    """The last pairs of a step and its change of the gradient; false while there are none."""

    def __init__(self) -> None:
        self._pairs: deque[tuple[Doubles, Doubles]] = deque(maxlen=_PAIRS)

    def __len__(self) -> int:
        return len(self._pairs)

    def learn(self, step: Doubles, change: Doubles) -> None:
        """Add a pair, if it has the positive curvature that a convex function must show."""
        if np.vdot(step, change) > 1e-10 * np.linalg.norm(step) * np.linalg.norm(change):
            self._pairs.append((step, change))

    def with_penalty(self, more: Doubles) -> "Memory":
        """Return what is known of the same function with a diagonal penalty more (or less)."""
        other = Memory()
        for step, change in self._pairs:
            other.learn(step, change + more * step)
        return other

    def clear(self) -> None:
        """Forget all pairs."""
        self._pairs.clear()

    def times_inverse_hessian(self, gradient: Doubles, metric: Metric) -> Doubles:
        """Nocedal & Wright's two loops (algorithm 7.4), with the whitening in the middle."""
        q = gradient.copy()
        shares = []
        for step, change in reversed(self._pairs):
            share = np.vdot(step, q) / np.vdot(step, change)
            q -= share * change
            shares.append(share)
        r = _centred(metric.solve(_centred(q)))
        for (step, change), share in zip(self._pairs, reversed(shares), strict=True):
            r += (share - np.vdot(change, r) / np.vdot(step, change)) * step
        return r


def _centred(matrix: Doubles) -> Doubles:
    return np.asarray(matrix - matrix.mean(axis=0))
