"""The optimum of each problem, certified to 1e-9 by a bound that shares no code with any solver.

luce (float64, a far smaller tolerance) and an independent Newton-CG both minimise; the best value
of either is the reference, and the best dual bound at either's point, computed here, says how far
it can be from the minimum. Without a penalty there is no dual bound: there luce's own proof is
taken, and the independent minimiser has to agree. Kept in the cache by the hash of the content.
"""

import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from independent import newton_cg
from problem import Problem, bounds
from registry import store, stored

CERTIFIED = 1e-9
SECONDS = 60.0  # for the independent minimiser


class Optimum(NamedTuple):
    """The reference value, and what is known about it."""

    value: float
    certified: float  # bound on (value - minimum) / minimum
    agree: float  # |difference| of the two minimisers / value; inf where one did not get there
    how: str

    @property
    def good(self) -> bool:
        return self.certified <= CERTIFIED


def optimum(problem: Problem, *, again: bool = False, tell: Any = None) -> Optimum:
    """Return the reference of a problem, from the cache if it is there."""
    held = None if again else stored(problem.key)
    if held is not None:
        return Optimum(**held)
    found = compute(problem, tell or (lambda text: None))
    store(problem.key, found._asdict())
    return found


def compute(problem: Problem, tell: Any) -> Optimum:
    """Minimise twice, and once more from the first point where the proof is not yet good."""
    values, lower, proven = [], -np.inf, np.inf
    first: Any = None

    def polished(problem: Problem) -> tuple[Any, Any, float]:
        return (*newton_cg(problem, SECONDS, first), np.inf)

    for name, minimiser in (("luce", _luce), ("independent", _independent), ("both", polished)):
        if name == "both" and (first is None or min(values) - lower <= CERTIFIED * lower):
            continue
        if name == "both" and not problem.penalised:
            continue
        start = time.perf_counter()
        try:
            coef, intercept, proof = minimiser(problem)
        except (ValueError, TypeError, MemoryError, np.linalg.LinAlgError) as error:
            tell(f"{problem.name}: {name}: {type(error).__name__}: {str(error)[:200]}")
            values.append(np.inf)
            continue
        first = (coef, intercept) if name == "luce" else first
        found = bounds(problem, coef, intercept)
        values.append(found.value)
        lower = max(lower, found.lower)
        proven = min(proven, proof)
        tell(
            f"{problem.name}: {name} {found.value:.15g}, bound {found.lower:.15g},"
            f" {time.perf_counter() - start:.1f} s"
        )
    best = min(values)
    gap = (best - lower) / lower if lower > 0 else np.inf
    how = "dual bound"
    if not problem.penalised:
        gap, how = proven, "luce's own proof"
    return Optimum(best, float(gap), float(abs(values[0] - values[1]) / best), how)


def _luce(problem: Problem) -> tuple[Any, Any, float]:
    from luce import SoftmaxRegression

    X = problem.X.astype(np.float64)
    small = problem.shape[1] * problem.shape[2] <= 1500  # parameters
    sharp = {"tol": 1e-12, "solver": "newton"} if small else {"tol": 5e-10}
    model = SoftmaxRegression(C=problem.C, max_iter=5000, **sharp)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, problem.labels)
    return model.coef_, model.intercept_, float(model.gap_)


def _independent(problem: Problem) -> tuple[Any, Any, float]:
    return (*newton_cg(problem, SECONDS), np.inf)
