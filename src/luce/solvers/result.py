"""What a solver returns, and the record it keeps while it works."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Entry = dict[str, Any]
Callback = Callable[[Entry], object]


class Result(NamedTuple):
    """The best parameters found, and how good they are known to be."""

    theta: Doubles  # (k, d) in the coordinates of the objective
    value: float
    lower_bound: float  # proven, on the minimum; -inf where nothing is proven
    gap: float  # proven bound on (value - minimum) / minimum; inf where nothing is proven
    n_iter: int
    converged: bool
    interrupted: bool
    history: list[Entry]


@dataclass
class Journal:
    """The history of one run: an entry an iteration, told to the callback as it is written.

    It also remembers the best lower bound on the minimum: a bound proven at any iterate holds
    for all later ones. A value below `negligible` is its own proof, for the minimum is not
    negative: without a penalty, classes that can be separated have the infimum 0.
    """

    callback: Callback | None = None
    entries: list[Entry] = field(default_factory=list)
    lower_bound: float = -np.inf
    negligible: float = 0.0
    _start: float = field(default_factory=perf_counter)

    def raise_lower_bound(self, bound: float) -> None:
        self.lower_bound = max(self.lower_bound, bound)

    def relative_gap(self, value: float) -> float:
        """Return the proven bound on (value - minimum) / minimum (or on value, if negligible)."""
        if 0 <= value <= self.negligible:
            return value
        if not (self.lower_bound > 0 and isfinite(value)):
            return np.inf
        return max(0.0, value - self.lower_bound) / self.lower_bound

    def step(self, value: float, gradient: Doubles, accuracy: float, **more: Any) -> None:
        """Write the entry of an iteration."""
        self.write(
            iteration=len(self.entries) + 1,
            objective=value,
            gap=self.relative_gap(value),
            gradient_norm=float(np.linalg.norm(gradient)),
            train_accuracy=accuracy,
            **more,
        )

    def amend(self, value: float) -> None:
        """Bring the gap of the last entry up to what has been proven since."""
        gap = self.relative_gap(value)
        self.entries[-1]["gap"] = gap if isfinite(gap) else None

    def write(self, **entry: Any) -> None:
        """Add an entry; numbers that are not finite become None, for JSON has no word for them."""
        entry["seconds"] = perf_counter() - self._start
        finite = {
            name: None if isinstance(value, float) and not isfinite(value) else value
            for name, value in entry.items()
        }
        self.entries.append(finite)
        if self.callback is not None:
            self.callback(finite)

    def result(self, theta: Doubles, value: float, tol: float, interrupted: bool) -> Result:
        """Return the result that this history ends with."""
        gap = self.relative_gap(value)
        count, done = len(self.entries), gap <= tol
        return Result(theta, value, self.lower_bound, gap, count, done, interrupted, self.entries)
