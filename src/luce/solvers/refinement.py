"""From a point that is nearly the minimum to the minimum, in as few passes as can be."""

from collections.abc import Callable, Generator, Sequence
from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np

from luce.solvers.inner_product import inner
from luce.solvers.line_search import flat_point
from luce.solvers.linear_softmax import Doubles, LinearSoftmax
from luce.solvers.memory import Memory
from luce.solvers.whitening import Metric

_SURE = 0.1  # a step that leaves less than this of the gap is followed by one as good,
_UNBENT = 0.05  # (at least this, where the last step was bent: the next one is not)
_SMALL = 0.01  # once the gap is this share of the value: a larger step may leave the model

Enough = Callable[[float, float, float], bool]  # (gap at the start, gap left, value) -> stop


class Point(NamedTuple):
    """Parameters with the value and the gradient of an objective there."""

    theta: Doubles  # (k, d)
    value: float
    gradient: Doubles  # (k, d)


class Refined(NamedTuple):
    """Where a refinement ended."""

    theta: Doubles
    passes: int
    converged: bool
    pairs: Memory
    first: float  # the estimate of the gap at the start
    step: Doubles  # the first one, by the metric: what it missed is what is bent


def gap_below(tol: float) -> Enough:
    """Stop once the gap is at most this share of the value."""
    return lambda first, left, value: left <= tol * value


def score_within(tol: float, ratio: float) -> Enough:
    r"""Stop once the mean loss of the rows left out is known to this share of the value.

    A fold starts at the minimum of all rows, so its way is :math:`H^{-1} g`, g being the
    gradient of the rows left out: all that is left to go changes their loss in first order, by at
    most :math:`|g|_{H^{-1}} \nu`, with :math:`\tfrac12 |g|_{H^{-1}}^2` the gap at the start
    and :math:`\tfrac12 \nu^2` the gap left. Both are those of the mean over the fold's rows, of
    which there are `ratio` times as many as are left out.
    """
    return lambda first, left, value: 2 * ratio * sqrt(first * left) <= tol * value


Evaluated = tuple[float, Doubles]  # value and gradient
Steps = Generator[Doubles, Evaluated, Refined]


def refine(
    objective: LinearSoftmax,
    start: Point,
    metric: Metric,
    enough: Enough,
    *,
    max_iter: int,
    pairs: Memory | None = None,
) -> Refined:
    """Go to the minimum: `refining`, evaluated by the objective."""
    steps = refining(objective, start, metric, enough, max_iter=max_iter, pairs=pairs)
    (found,) = refine_together([steps], lambda _, there: [objective.value_gradient(there[0])])
    return found


def refine_together(
    several: Sequence[Steps],
    evaluate: Callable[[Sequence[int], Sequence[Doubles]], Sequence[Evaluated]],
) -> list[Refined]:
    """Refine several problems step by step; `evaluate` answers all that still run at once."""
    ends: dict[int, Refined] = {}
    asked: dict[int, Doubles] = {}

    def advance(number: int, answer: Evaluated | None) -> None:
        try:
            steps = several[number]
            asked[number] = next(steps) if answer is None else steps.send(answer)
        except StopIteration as end:
            ends[number] = end.value

    for number in range(len(several)):
        advance(number, None)
    while asked:
        running, places = list(asked), list(asked.values())
        asked = {}
        for number, answer in zip(running, evaluate(running, places), strict=True):
            advance(number, answer)
    return [ends[number] for number in range(len(several))]


def refining(
    objective: LinearSoftmax,
    start: Point,
    metric: Metric,
    enough: Enough,
    *,
    max_iter: int,
    pairs: Memory | None = None,
    bend: Doubles | float = 0.0,
) -> Steps:
    r"""Step to the minimum by L-BFGS in a given metric, and stop on an estimate.

    The estimate of the gap is half the squared Newton decrement in the metric, :math:`\tfrac12 g^T
    M^{-1} g`, corrected by the pairs that L-BFGS has learned. It is no proof: the problems
    solved here are compared with each other, and the one that is chosen is solved again with one.

    Parameters
    ----------
    objective : LinearSoftmax
        The function.
    start : Point
        Where to begin, with value and gradient already known: many problems that differ in a few
        rows are evaluated in one pass at the point that they share.
    metric : Metric
        An approximate Hessian.
    enough : callable
        `gap_below` or `score_within`. It is asked about the gap after the next step, too,
        which is expected to be as good as the last: if that will do, the step is taken and
        not evaluated.
    max_iter : int
        At most this many passes.
    pairs : Memory, optional
        What is known of the curvature besides the metric; it is added to.
    bend : (k, d) array, optional
        To be added to the first step: what that missed in a problem much like this one.

    Yields
    ------
    (k, d) array
        Parameters whose value and gradient are to be sent; the return value is `Refined`.
    """
    theta, value, gradient = start
    step = np.zeros_like(theta)
    least = 0.0 if isinstance(bend, float) else _UNBENT
    pairs = Memory() if pairs is None else pairs
    first = before = 0.0
    for passes in range(max_iter + 1):
        direction = -pairs.times_inverse_hessian(gradient, metric)
        slope = inner(gradient, direction)
        left = max(0.0, -0.5 * slope)
        first = first if passes else left
        if enough(first, left, value):
            return Refined(theta, passes, True, pairs, first, step)
        sure = left <= min(_SURE * before, _SMALL * value)  # never at the start
        if sure and enough(first, left * max(left / before, least), value):
            return Refined(theta + direction, passes, True, pairs, first, step)
        if passes == max_iter:
            break
        before = left
        if not passes:
            step = direction
            bent = direction + bend
            if inner(gradient, bent) < 0.5 * slope:  # else it leads astray
                direction, slope = bent, inner(gradient, bent)
        there = theta + direction
        new_value, new_gradient = yield there
        if not new_value <= value + 1e-4 * slope:
            length = flat_point(objective, objective.logits(theta), theta, direction, slope)
            there = theta + length * direction
            new_value, new_gradient = yield there
        if not (isfinite(new_value) and new_value < value):
            return Refined(theta, passes + 1, False, pairs, first, step)
        pairs.learn(there - theta, new_gradient - gradient)
        theta, value, gradient = there, new_value, new_gradient
    return Refined(theta, max_iter, False, pairs, first, step)
