"""What L-BFGS remembers of the curvature: the last steps, and how the gradient changed on them."""

from collections import deque

import numpy as np

from luce.solvers.inner_product import inner
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.scaled_sum import add_multiple
from luce.solvers.whitening import Metric

_PAIRS = 50
_FEWEST = 8
_PAIRS_A_PASS = 0.25  # so many cost as much as a pass in which each column has one number stored


def pairs_that_pay(objective: LinearSoftmax) -> int:
    """Return how many pairs to keep: together they may cost about as much as one or two passes.

    A pair goes through all parameters four times for each step. That is nothing beside a pass over
    dense rows; but most words of a large vocabulary stand in a few texts only.
    """
    d = objective.design.shape[1]
    return int(min(max(_PAIRS_A_PASS * objective.design.stored / d, _FEWEST), _PAIRS))


class Memory:
    """The last pairs of a step and its change of the gradient; false while there are none."""

    def __init__(self, pairs: int = _PAIRS) -> None:
        self._pairs: deque[tuple[Doubles, Doubles, float]] = deque(maxlen=pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def learn(self, step: Doubles, change: Doubles) -> None:
        """Add a pair, if it has the positive curvature that a convex function must show."""
        curvature = inner(step, change)
        if curvature > 1e-10 * np.linalg.norm(step) * np.linalg.norm(change):
            self._pairs.append((step, change, curvature))

    def with_penalty(self, more: Doubles) -> "Memory":
        """Return what is known of the same function with a diagonal penalty more (or less)."""
        other = Memory(self._pairs.maxlen or _PAIRS)
        for step, change, _ in self._pairs:
            other.learn(step, change + more * step)
        return other

    def clear(self) -> None:
        """Forget all pairs."""
        self._pairs.clear()

    def times_inverse_hessian(
        self, gradient: Doubles, metric: Metric, *, scaled: bool = False
    ) -> Doubles:
        """Nocedal & Wright's two loops (algorithm 7.4), with the whitening in the middle.

        `scaled` gives the whitening the curvature of the last pair (their equation 7.20): whole
        steps do more often, though near separation more of them are needed.
        """
        q = gradient.copy(order="K")
        shares = []
        for step, change, curvature in reversed(self._pairs):
            share = inner(step, q) / curvature
            add_multiple(q, -share, change)
            shares.append(share)
        r = _centred(metric.solve(_centred(q)))
        if scaled and self._pairs:
            _, change, curvature = self._pairs[-1]
            r *= curvature / inner(change, _centred(metric.solve(_centred(change))))
        for (step, change, curvature), share in zip(self._pairs, reversed(shares), strict=True):
            add_multiple(r, share - inner(change, r) / curvature, step)
        return r


def _centred(matrix: Doubles) -> Doubles:
    return np.asarray(matrix - matrix.mean(axis=0))
