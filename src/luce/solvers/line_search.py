"""How far to go along a direction: a search on the logits, which needs no pass over the rows."""

import numpy as np

from luce.solvers.linear_softmax import Doubles, Floats, LinearSoftmax

_FLAT = 0.25  # of the slope at the start
_DESCENT = 1e-4  # of the fall that the slope at the start promises, at least (Armijo)
_MOST_TRIALS = 24


def flat_point(
    objective: LinearSoftmax, logits: Floats, theta: Doubles, direction: Doubles, slope: float
) -> float:
    """Return the step length at which the slope along `direction` has fallen to a quarter.

    Newton's method on the slope, kept inside a bracket. The logits are linear in the step, so
    one product with the rows serves all trials.

    Parameters
    ----------
    objective : LinearSoftmax
        The function.
    logits : (n, k) array
        Of `theta`.
    theta, direction : (k, d) arrays
        The point, and a direction in which f falls.
    slope : float
        Of f along `direction` at `theta`.

    Returns
    -------
    float
        The length, positive.
    """
    along = objective.logits(direction)
    value, _ = objective.at_logits(logits, theta)
    low, high, t = 0.0, np.inf, 1.0
    for trial in range(_MOST_TRIALS):
        here = objective.on_line(logits, along, theta, direction, t)
        lower = here.value <= value + _DESCENT * t * slope
        if lower and abs(here.slope) <= _FLAT * abs(slope):
            break
        low, high = (low, t) if here.slope > 0 else (t, high)
        aim = t - here.slope / here.curvature if here.curvature > 0 else np.inf
        if high == np.inf:
            t = min(max(aim, 1.5 * t), 4 * t)
        else:
            # The right length may be many orders below 1, where a tail of rows comes to life.
            middle = 0.5 * (low + high) if low > 0 else 0.1 * high
            t = aim if low < aim < high and trial % 3 < 2 else middle
    return t
