"""The temperature of given logits: a convex problem with one unknown, solved to rounding."""

from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce import kernels
from luce.solvers.blocks import blocks, each

Doubles = NDArray[np.float64]

_MAX_ITER = 200  # halvings of a bracket end it earlier
_GAP = 1e-12  # of the mean loss
_STEP = 1e-8  # of the inverse temperature: the step after it is below rounding
_ROUNDING = 1e-15
_GROWTH = 8.0  # the farthest that one step goes where nothing bounds it


class Temperature(NamedTuple):
    """The inverse temperature that fits best, and how good it is known to be."""

    inverse: float
    value: float  # the mean loss
    lower_bound: float  # on the mean loss of any temperature
    n_iter: int


class _At(NamedTuple):
    """Mean loss and its first two derivatives at one inverse temperature."""

    inverse: float
    value: float
    slope: float
    curvature: float


def inverse_temperature(
    logits: Doubles, labels: NDArray[np.int64], weights: Doubles, *, smoothing: float = 0.0
) -> Temperature:
    r"""Minimise the mean loss of ``softmax(beta z)`` over the inverse temperature ``beta >= 0``.

    .. math:: f(\beta) = \sum_i s_i \, CE(t_i, \mathrm{softmax}(\beta z_i)), \qquad
        f'(\beta) = \sum_i s_i \langle p_i - t_i, z_i \rangle, \qquad
        f''(\beta) = \sum_i s_i \mathrm{Var}_{p_i}(z_i)

    f is convex, so two points with slopes of opposite sign prove a bound: no value lies below the
    crossing of their tangents. Newton's method on the slope, kept inside such a bracket.

    Parameters
    ----------
    logits : (n, k) array
        Finite; the largest of each row at most 0 (or near it), so that no multiple overflows.
    labels : (n,) array
        Classes ``0..k-1``.
    weights : (n,) array
        ``s``, positive, with sum 1.
    smoothing : float
        Share of each target that is spread evenly over the classes. Where every label has the
        largest logit of its row, f falls for ever unless this is positive.

    Returns
    -------
    Temperature
        ``inverse`` is 0 where f rises from the start: such logits are worse than none.

    Notes
    -----
    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger (2017), On calibration of modern neural
    networks, ICML, section 4.2. Each iteration is one pass over the rows, about eight in all.
    """

    def at(beta: float) -> _At:
        return _evaluate(logits, labels, weights, beta, smoothing)

    low, high = at(0.0), None
    if low.slope >= 0:
        return Temperature(0.0, low.value, low.value, 1)
    beta, lower_bound, count = 1.0 / _spread(logits, weights), 0.0, 1
    for count in range(2, _MAX_ITER):  # noqa: B007  # the count is told
        here = at(beta)
        low, high = (here, high) if here.slope < 0 else (low, here)
        if high is not None:
            lower_bound = max(lower_bound, _crossing(low, high))
        after = _next(here, low, high)
        near = abs(after - beta)
        proven = lower_bound >= (1 - _GAP) * here.value
        if (proven and near <= _STEP * beta) or near <= _ROUNDING * beta:
            break
        beta = after
    # The last step is taken without being looked at: it changes no digit of the value.
    return Temperature(after, here.value, min(lower_bound, here.value), count)


def _next(here: _At, low: _At, high: _At | None) -> float:
    """Return Newton's point, or one that keeps the bracket falling where Newton's leaves it."""
    aim = here.inverse - here.slope / here.curvature if here.curvature > 0 else inf
    if high is None:
        # Newton comes from below for ever; a little beyond its point closes the bracket.
        return min(aim + (aim - here.inverse) / 2, _GROWTH * here.inverse)
    width = high.inverse - low.inverse
    if low.inverse < aim < high.inverse and width < 4 * abs(high.inverse):
        near = abs(aim - here.inverse)
        # A step that is tiny beside the bracket goes twice as far, to bring the other end near.
        far = near < 0.01 * width and near > _STEP * here.inverse
        beyond = 2 * aim - here.inverse if far else aim
        return beyond if low.inverse < beyond < high.inverse else aim
    return (low.inverse + high.inverse) / 2 if low.inverse > 0 else high.inverse / _GROWTH


def _crossing(low: _At, high: _At) -> float:
    """Return the value at which two tangents of opposite slope cross: a bound from below."""
    width = high.inverse - low.inverse
    fall = low.slope * high.slope / (high.slope - low.slope)
    share = high.slope / (high.slope - low.slope)
    crossing = share * low.value + (1 - share) * high.value + fall * width
    return float(crossing)


def _evaluate(
    logits: Doubles, labels: NDArray[np.int64], weights: Doubles, beta: float, smoothing: float
) -> _At:
    n, k = logits.shape

    def of_block(part: slice) -> tuple[float, float, float]:
        z, s, y = logits[part], weights[part], labels[part]
        residual = beta * z
        loss = np.empty(len(z))
        kernels.softmax_residual(residual, y, s, loss, smoothing=smoothing)
        pull = np.einsum("ij,ij->i", residual, z)  # s <p - t, z>
        own = z[np.arange(len(z)), y]
        target = (1 - smoothing) * own + smoothing * z.mean(axis=1)
        square = (1 - smoothing) * own**2 + smoothing * (z * z).mean(axis=1)
        mean = target + pull / s  # of the logits under p
        moment = square + np.einsum("ij,ij,ij->i", residual, z, z) / s
        return float(loss.sum()), float(pull.sum()), float(s @ np.maximum(moment - mean**2, 0))

    value = slope = curvature = 0.0
    for more in each(of_block, blocks(n, 8 * k)):
        value, slope, curvature = value + more[0], slope + more[1], curvature + more[2]
    return _At(beta, value, slope, curvature)


def _spread(logits: Doubles, weights: Doubles) -> float:
    """Return the weighted root mean square of the logits' deviation within their rows."""
    return float(np.sqrt(weights @ np.var(logits, axis=1)))


def is_separated(logits: NDArray[Any], labels: NDArray[np.int64]) -> bool:
    """Whether every row's label has a largest logit: then no temperature is too cold."""
    own = logits[np.arange(len(logits)), labels]
    return bool((own >= logits.max(axis=1)).all())
