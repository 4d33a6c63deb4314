"""How far to go along a direction: by the logits of both, or by a pass for each trial."""

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

import numpy as np

from luce.solvers.inner_product import inner
from luce.solvers.linear_softmax import Doubles, Floats, LinearSoftmax

_FLAT = 0.25  # of the slope at the start
_DESCENT = 1e-4  # of the fall that the slope at the start promises, at least (Armijo)
_MOST_TRIALS = 24


def falls(before: float, value: float, t: float, slope: float) -> bool:
    """Return whether a value after a step of length t has kept some of what the slope promised."""
    return value <= before + _DESCENT * t * slope


def is_flat(here: float, slope: float) -> bool:
    """Return whether the slope along a line has fallen to a quarter."""
    return abs(here) <= _FLAT * abs(slope)


class Point(NamedTuple):
    """Parameters with what one pass over the rows has found of them."""

    theta: Doubles  # (k, d)
    logits: Floats  # (n, k)
    loss: float  # f without its penalty
    residual: Floats  # (n, k) s (p - t)


def point_at(objective: LinearSoftmax, theta: Doubles) -> Point:
    """Return the point with these parameters: one product with the rows."""
    logits = objective.logits(theta)
    return Point(theta, logits, *objective.loss_at(logits))


def search(
    objective: LinearSoftmax,
    start: Point,
    direction: Doubles,
    slope: float,
) -> tuple[float, Point]:
    """Return the step length at which the slope along `direction` has fallen to a quarter, and
    the point there.

    Newton's method on the slope, kept inside a bracket. The logits are linear in the step, so
    one product with the rows serves all trials.

    Parameters
    ----------
    objective : LinearSoftmax
        The function.
    start : Point
        Where the line begins.
    direction : (k, d) array
        In which f falls.
    slope : float
        Of f along `direction` at the start.

    Returns
    -------
    tuple of float and Point
        The length, positive, and the point.
    """
    along = objective.logits(direction)
    value = start.loss + objective.penalty_at(start.theta)
    penalty = objective.penalty * direction
    low, high, t = 0.0, np.inf, 1.0
    for trial in range(_MOST_TRIALS):
        theta = start.theta + t * direction
        logits = start.logits + t * along
        here = Point(theta, logits, *objective.loss_at(logits))
        lower = falls(value, here.loss + objective.penalty_at(theta), t, slope)
        here_slope = float(np.vdot(here.residual, along)) + inner(penalty, theta)
        if lower and is_flat(here_slope, slope):
            break
        low, high = (low, t) if here_slope > 0 else (t, high)
        curvature = objective.curvature_along(logits, along, direction)
        aim = t - here_slope / curvature if curvature > 0 else np.inf
        if high == np.inf:
            t = min(max(aim, 1.5 * t), 4 * t)
        else:
            # The right length may be many orders below 1, where a tail of rows comes to life.
            middle = 0.5 * (low + high) if low > 0 else 0.1 * high
            t = aim if low < aim < high and trial % 3 < 2 else middle
    else:
        theta = start.theta + t * direction
        logits = start.logits + t * along
        here = Point(theta, logits, *objective.loss_at(logits))
    return t, here


def flat_point(
    objective: LinearSoftmax, logits: Floats, theta: Doubles, direction: Doubles, slope: float
) -> float:
    """Return the step length that `search` finds from parameters whose logits are known."""
    start = Point(theta, logits, *objective.loss_at(logits))
    return search(objective, start, direction, slope)[0]


def flat_length(
    at: Callable[[float], tuple[float, float]],
    value: float,
    slope: float,
    *,
    content: bool = False,
    enough: float = 0.0,
) -> float:
    """Return the step length at which the slope has fallen to a quarter, found by secants.

    For functions whose value and slope take a pass each time; `search` keeps the logits.

    Parameters
    ----------
    at : callable
        Gives value and slope at a length; the length returned is the last one asked for.
    value, slope : float
        At the start.
    content : bool
        Whether the whole step will do if the value falls there, however steep f still is.
    enough : float
        A length that should be below it is not looked for: 0 is returned.
    """
    low, low_slope, high, high_slope, t = 0.0, slope, np.inf, np.nan, 1.0
    for trial in range(_MOST_TRIALS):
        here, here_slope = at(t)
        lower = falls(value, here, t, slope)
        if lower and ((content and trial == 0) or is_flat(here_slope, slope)):
            break
        if here_slope <= 0:
            low, low_slope, before = t, here_slope, (low, low_slope)
        else:  # or it is no number at all
            high, high_slope, before = t, here_slope, (low, low_slope)
            if t <= enough:
                return 0.0
        if high == np.inf:
            bend = (here_slope - before[1]) / (t - before[0])
            aim = t - here_slope / bend if bend > 0 else np.inf  # a straight line has no end
            t = min(max(aim, 1.5 * t), 4 * t)
            continue
        aim = low - low_slope * (high - low) / (high_slope - low_slope)
        # The right length may be many orders below 1, where a tail of rows comes to life.
        if low == 0:
            middle = 0.1 * high
        else:
            middle = 0.5 * (low + high) if high < 10 * low else sqrt(low * high)
        t = aim if low < aim < high and trial % 3 < 2 else middle
        if low < enough < high:
            t = enough  # whether it is more is all that counts
    else:
        t = low if low > 0 else t  # no rise, at least
        at(t)
    return t
