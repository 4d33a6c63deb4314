"""The smallest change of all pixels together that changes the answer."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.estimators.held_out import logits_of
from luce.tasks.explaining.effects import Row, slope
from luce.tasks.models import Model
from luce.tasks.reporting.feature_rows import row_of

Doubles = NDArray[np.float64]

_STEPS = 20  # of the walk from piece to piece of a network
_BEYOND = 1.02  # of the way to a boundary, so that rounding does not stop short of it
_POINTS = 64  # along a ray
_HALVINGS = 30


class Nearest(NamedTuple):
    """A row with another answer.

    ``features`` (d,) is the row, ``change`` (d,) what was added to it, ``distance`` its Euclidean
    length; ``exact`` says that no shorter change within the bounds leads to another answer.
    """

    features: Doubles
    change: Doubles
    distance: float
    answer: int
    probability: float
    exact: bool


def nearest_change(
    model: Model, row: Row, *, low: float = 0.0, high: float = 1.0
) -> Nearest | None:
    r"""Find the change of smallest Euclidean length, each feature kept in ``low..high``.

    Of a linear model it is the nearest of the points

    .. math:: \min \lVert \delta \rVert \; : \; (w_b - w_a) \cdot \delta \ge z_a - z_b,
        \; l \le x + \delta \le h

    over the other classes b, each solved exactly. Of a network, whose logits are linear in pieces,
    it is searched for, from piece to piece and along straight lines; a nearer one may exist. A
    calibration other than a temperature also makes it a search.

    Parameters
    ----------
    model : a linear model or a network
    row : one row, as the encoding of the model takes it; encoded, it must lie within the bounds
    low, high : least and largest value of an encoded feature

    Returns
    -------
    The row just beyond the boundary, or None if no change within the bounds was found.
    """
    X = model.encoding.apply(row, where="the row").X
    x = row_of(X, 0)
    if ((x < low) | (x > high)).any():
        raise ParameterError(
            f"the features of the row must lie in {low:g}..{high:g}, got"
            f" {x.min():g}..{x.max():g}. Pass low and high that hold them."
        )
    search = _Search(model, X.dtype)
    answer = search.answer(x)
    if model.linear is not None and search.plain:
        target = _step(model, x, x, answer, low, high)
        return None if target is None else search.finish(x, target, answer, exact=True)
    candidates = [
        row
        for row in (_walk(model, search, x, low, high), _ray(model, search, x, low, high))
        if row is not None
    ]
    if not candidates:
        return None
    ends = [search.back(x, row, answer) for row in candidates]
    best = min(ends, key=lambda row: float(np.linalg.norm(row - x)))
    return search.finish(x, best, answer, exact=False)


def _walk(model: Model, search: "_Search", x: Doubles, low: float, high: float) -> Doubles | None:
    """Go to the nearest boundary of this piece, and from there to that of the piece found there.

    Source: S. Moosavi-Dezfooli et al. (2016), DeepFool, CVPR, with every step taken from x.
    """
    answer, here = search.answer(x), x
    for _ in range(_STEPS):
        step = _step(model, x, here, answer, low, high)
        if step is None:
            return None
        here = np.clip(x + _BEYOND * (step - x), low, high)
        if search.answer(here) != answer:
            return here
    return None


def _ray(model: Model, search: "_Search", x: Doubles, low: float, high: float) -> Doubles | None:
    """Go straight from x in the direction that favours each other class most, until it flips."""
    answer, X = search.answer(x), x[None, :]
    best: Doubles | None = None
    least = np.inf
    for other in range(len(model.names)):
        w = slope(model, X, other, answer) if other != answer else np.zeros_like(x)
        if not w.any():
            continue
        steepest = np.abs(w).max()  # from a step of a thousandth of its range on
        lengths = np.geomspace(1e-3, 1e4, _POINTS) * (high - low) / steepest
        rows = np.clip(x + lengths[:, None] * w, low, high)  # (points, d)
        flipped = np.flatnonzero(search.answers(rows) != answer)
        if len(flipped) and (length := float(np.linalg.norm(rows[flipped[0]] - x))) < least:
            best, least = rows[flipped[0]], length
    return best


def to_half_space(x: Doubles, w: Doubles, needed: float, low: float, high: float) -> Doubles | None:
    r"""Return the nearest y to x with :math:`w \cdot (y - x) \ge needed` and all y in low..high.

    It is :math:`y(t) = \mathrm{clip}(x + t w)` with the least t for which it holds; the product is
    a line with a bend where a feature meets its bound, so t is found exactly. None if even the
    corner is not far enough.

    Examples
    --------
    >>> import numpy as np
    >>> to_half_space(np.array([0.5, 0.5]), np.array([2.0, 1.0]), 1.25, 0.0, 1.0).tolist()
    [1.0, 0.75]
    """
    if needed <= 0:
        return x.copy()
    room = np.where(w > 0, high - x, low - x)  # how far each feature may go
    with np.errstate(divide="ignore", invalid="ignore"):
        bends = np.where(w != 0, room / w, np.inf)
    order = np.argsort(bends, kind="stable")
    squares = w[order] ** 2
    ends = np.where(w[order] != 0, w[order] * room[order], 0.0)
    met = np.concatenate([[0.0], np.cumsum(ends)])[:-1]  # by features that have met their bound
    free = squares[::-1].cumsum()[::-1]  # slope of the product before the bend
    reached = met + free * np.where(np.isfinite(bends[order]), bends[order], 0.0)
    at = np.flatnonzero(np.isfinite(bends[order]) & (reached >= needed) & (free > 0))
    if len(at) == 0:
        return None
    first = int(at[0])
    t = (needed - met[first]) / free[first]
    return np.asarray(np.clip(x + t * w, low, high))


def _step(
    model: Model, x: Doubles, here: Doubles, answer: int, low: float, high: float
) -> Doubles | None:
    """The nearest row to x on a boundary of the answer, as the logits around ``here`` have it."""
    X = here[None, :]
    z = logits_of(model.classifier, X)[0]
    best, least = None, np.inf
    for other in range(len(z)):
        if other == answer:
            continue
        w = slope(model, X, other, answer)
        needed = float(z[answer] - z[other]) + float(w @ (here - x))
        found = to_half_space(x, w, needed, low, high)
        if found is not None and (length := float(np.linalg.norm(found - x))) < least:
            best, least = found, length
    return best


class _Search:
    """The answers of rows, and the way from a boundary to its other side."""

    def __init__(self, model: Model, dtype: Any) -> None:
        self._model, self._dtype = model, dtype
        facts = None if model.calibration is None else model.calibration.facts["kind"]
        self.plain = facts in (None, "temperature")

    def probabilities(self, x: Doubles) -> Doubles:
        return np.asarray(self._model.probabilities(x[None, :].astype(self._dtype))[0], np.float64)

    def answers(self, rows: Doubles) -> NDArray[np.intp]:
        return np.asarray(self._model.probabilities(rows.astype(self._dtype)).argmax(axis=1))

    def answer(self, x: Doubles) -> int:
        return int(self.probabilities(x).argmax())

    def back(self, x: Doubles, there: Doubles, answer: int) -> Doubles:
        """Halve the way between a row with the answer and one with another."""
        near, far = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            if self.answer(x + middle * (there - x)) == answer:
                near = middle
            else:
                far = middle
        return x + far * (there - x)

    def finish(self, x: Doubles, target: Doubles, answer: int, *, exact: bool) -> Nearest | None:
        """Go beyond the boundary by as little as the numbers' precision asks for."""
        for power in range(-24, -5):
            there = x + (1 + 2.0**power) * (target - x)
            p = self.probabilities(there)
            if p.argmax() != answer:
                change = there - x
                length = float(np.linalg.norm(change))
                return Nearest(there, change, length, int(p.argmax()), float(p.max()), exact)
        return None
