"""Along one number of a row: where the answer changes first, upwards and downwards."""

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse

from luce.estimators import TemperatureScaling
from luce.estimators.held_out import logits_of
from luce.tasks.models import Model
from luce.tasks.reporting.feature_rows import row_of
from luce.tasks.reporting.mistakes import class_rows

Doubles = NDArray[np.float64]

_POINTS, _ROUNDS = 129, 6  # of a search: points on each side, and how often it closes in
_MOST_ROWS = 512  # of a wide row of texts that are written out at a time
_SLACK = 0.01  # of the change, that a short number may cost


class Point(NamedTuple):
    """A value at which the answer is another one."""

    value: float  # beyond the boundary, with as few digits as may be
    boundary: float
    answer: int
    probability: float
    exact: bool  # whether no nearer value changes the answer


class Line:
    """All rows that differ from one in a single number.

    Parameters
    ----------
    model : linear or a network
    X : the encoded row
    feature : the number's place in it
    flag : the feature that is 1 where the number is missing; along the line it is 0
    """

    def __init__(self, model: Model, X: Any, feature: int, flag: int | None = None) -> None:
        self._model, self._feature = model, feature
        self._sparse, self._dtype = issparse(X), X.dtype
        self.answer = int(model.probabilities(X).argmax())
        self._row = row_of(X, 0)
        if flag is not None:
            self._row[flag] = 0.0

    def probabilities(self, values: Doubles) -> Doubles:
        """Return the probabilities (m, k) of the rows with these values (m,)."""
        parts = [
            self._model.probabilities(self._encoded(values[start : start + _MOST_ROWS]))
            for start in range(0, len(values), _MOST_ROWS)
        ]
        return np.concatenate(parts).astype(np.float64)

    def straight(self) -> tuple[Doubles, Doubles] | None:
        """Return a and b (k,) of the logits ``a + b v``; None where they are no straight lines.

        Those of a linear model are, also where a temperature divides them all alike.
        """
        model = self._model
        bent = model.calibration is not None and not isinstance(
            model.calibration.calibrator, TemperatureScaling
        )
        if model.linear is None or bent:
            return None
        at_zero = logits_of(model.classifier, self._encoded(np.zeros(1)))[0]
        slopes = class_rows(model.linear.coef_)[:, self._feature]
        return at_zero, slopes.astype(np.float64)

    def _encoded(self, values: Doubles) -> Any:
        rows = np.repeat(self._row[None, :], len(values), axis=0)
        rows[:, self._feature] = values
        rows = rows.astype(self._dtype, copy=False)
        return csr_matrix(rows) if self._sparse else rows


def crossings(
    line: Line, now: float, low: float, high: float, *, whole: bool = False
) -> list[Point]:
    """Return where the answer changes first, below and above a value.

    For straight lines it is found exactly, wherever it lies; else by a search of ``low..high``.
    ``whole`` asks for the next whole number beyond the boundary, if the answer is another there.
    """
    straight = line.straight()
    found = []
    for end in (low, high):
        upward = end == high
        if straight is not None:
            point = _exact(line, *straight, now, upward, whole)
        else:
            point = _searched(line, now, end, whole)
        if point is not None:
            found.append(point)
    return found


def _exact(
    line: Line, a: Doubles, b: Doubles, now: float, upward: bool, whole: bool
) -> Point | None:
    r"""The nearest :math:`v = (a_w - a_j) / (b_j - b_w)` with w the answer, on one side."""
    sign = 1.0 if upward else -1.0
    faster = np.flatnonzero(sign * (b - b[line.answer]) > 0)
    if len(faster) == 0:
        return None
    values = (a[line.answer] - a[faster]) / (b[faster] - b[line.answer])
    boundary = float(sign * (sign * values).min())
    if not np.isfinite(boundary):
        return None
    boundary = max(boundary, now) if upward else min(boundary, now)  # rounding of a tie
    return _point(line, now, boundary, upward, whole, exact=True)


def _searched(line: Line, now: float, end: float, whole: bool) -> Point | None:
    """Look at points between here and the end, then closer before the first other answer."""
    low, high = now, end
    for attempt in range(_ROUNDS):
        values = np.linspace(low, high, _POINTS)[1:]
        other = np.flatnonzero(line.probabilities(values).argmax(axis=1) != line.answer)
        if len(other) == 0:
            if attempt == 0:
                return None
            break
        first = int(other[0])
        low, high = (low if first == 0 else float(values[first - 1])), float(values[first])
    return _point(line, now, high, end > now, whole, exact=False)


def _point(
    line: Line, now: float, boundary: float, upward: bool, whole: bool, exact: bool
) -> Point | None:
    def changes(value: float) -> bool:
        return int(line.probabilities(np.array([value])).argmax()) != line.answer

    value = beyond(boundary, upward, _SLACK * abs(boundary - now), changes)
    if whole and value is not None:
        next_whole = math.ceil(value) if upward else math.floor(value)
        value = float(next_whole) if changes(float(next_whole)) else value
    if value is None:
        return None
    p = line.probabilities(np.array([value]))[0]
    return Point(value, boundary, int(p.argmax()), float(p.max()), exact)


def beyond(
    boundary: float, upward: bool, slack: float, holds: Callable[[float], bool]
) -> float | None:
    """Return the number of fewest digits at most ``slack`` beyond a boundary that holds.

    Past all digits a few units in the last place and more are tried, for in 32 bits the two sides
    of a boundary may be further apart; None if none of them holds.

    Examples
    --------
    >>> beyond(3.14159, True, 0.1, lambda value: True)
    3.2
    >>> beyond(3.14159, False, 0.001, lambda value: True)
    3.141
    """
    rounding = ROUND_CEILING if upward else ROUND_FLOOR
    for digits in range(1, 18):
        value = float(Context(prec=digits, rounding=rounding).create_decimal(boundary))
        if abs(value - boundary) <= slack and holds(value):
            return value
    step = max(abs(boundary), np.finfo(np.float64).tiny) * np.finfo(np.float64).eps
    for power in range(0, 40, 2):
        value = boundary + (step if upward else -step) * 2.0**power
        if holds(value):
            return value
    return None
