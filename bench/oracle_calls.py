"""How often value and gradient are computed until the optimum is near: counts, no times.

    LUCE_DATA=... python bench/oracle_calls.py [--cap 60] [NAME ...]

Plain L-BFGS is SciPy's, set up as scikit-learn 1.9 does for LogisticRegression: raw columns, start
at 0, ten pairs, at most 50 trials a search; a call is one pass over the rows for value and
gradient. It ends at the cap (seconds a set), and may end earlier by itself. luce minimises the same
function (C = 1) in standardised columns. Newton's figure is its steps, each with one Hessian.
Not counted: the Gram matrix and the sampled blocks that whiten, and trials on a line of logits.
Without LUCE_DATA only the sets that scikit-learn brings are counted. At most 20 minutes.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from raw_tables import read
from scipy.optimize import minimize
from section import show_table
from sklearn.datasets import load_digits

from luce.estimators.standardised import units
from luce.solvers import DenseDesign, Journal, Labels, LinearSoftmax, lbfgs, newton

GAPS = (1e-4, 1e-6)
BUNDLED = ("digits / 16", "digits", "wine")
TABLES = ("segmentation", "vehicle", "vowel", "yeast", "wine_quality_white", "pendigits",
          "optdigits", "letter", "shuttle")  # fmt: skip
Doubles = NDArray[np.float64]


class Capped(Exception):
    """Ends a run of SciPy from inside its function."""


class Effort(NamedTuple):
    """The lowest value after each call."""

    values: list[float]
    ended: str  # "", "cap" or "by itself"

    def until(self, minimum: float, gap: float) -> str:
        """Return the calls until (f - f*) / f* is at most `gap`."""
        for calls, value in enumerate(self.values, 1):
            if value <= minimum * (1 + gap):
                return f"{calls:,}"
        return f"more than {len(self.values):,}" if self.ended == "cap" else "never"


def features(name: str) -> tuple[Doubles, NDArray[np.int64]]:
    if name.startswith("digits"):
        X, labels = load_digits(return_X_y=True)
        return X / (16 if name.endswith("16") else 1), labels.astype(np.int64)
    X, labels = read(name)
    return X, labels.astype(np.int64)


def problem(X: Doubles, labels: NDArray[np.int64], *, raw: bool) -> LinearSoftmax:
    """Return the objective of LogisticRegression(C=1) over n, in raw or standardised columns."""
    n, d = X.shape
    weights = np.full(n, 1 / n)
    measured = units(X, weights, intercept=True, strength=1 / n)
    rows = np.column_stack([X, np.ones(n)]) if raw else measured.rows(X, np.float64)
    penalty = np.append(np.full(d, 1 / n), 0.0) if raw else measured.penalty
    design = DenseDesign(rows) if raw else measured.design(X, np.dtype(np.float64))
    return LinearSoftmax(design, Labels(labels, int(labels.max()) + 1), weights, penalty)


def plain(f: LinearSoftmax, target: float, cap: float) -> Effort:
    """Minimise with SciPy's L-BFGS until the target, the cap or its own end."""
    values: list[float] = []
    end = time.perf_counter() + cap

    def call(flat: Doubles) -> tuple[float, Doubles]:
        value, gradient = f.value_gradient(flat.reshape(f.shape))
        values.append(min(value, values[-1]) if values else value)
        if value <= target or time.perf_counter() > end:
            raise Capped
        return value, gradient.ravel()

    options = {"maxiter": 10**9, "maxfun": 10**9, "maxls": 50, "gtol": 0.0,
               "ftol": 64 * np.finfo(float).eps}  # fmt: skip
    try:
        minimize(call, np.zeros(f.shape).ravel(), jac=True, method="L-BFGS-B", options=options)
    except Capped:
        return Effort(values, "" if values[-1] <= target else "cap")
    return Effort(values, "by itself")


@contextmanager
def counted() -> Iterator[list[float]]:
    """Collect the lowest value after each pass of luce over the rows."""
    values: list[float] = []
    scan: Callable[..., Any] = LinearSoftmax.scan

    def call(self: LinearSoftmax, theta: Doubles) -> Any:
        found = scan(self, theta)
        values.append(min(found.value, values[-1]) if values else found.value)
        return found

    LinearSoftmax.scan = call  # type: ignore[method-assign]  # for the length of the count
    try:
        yield values
    finally:
        LinearSoftmax.scan = scan  # type: ignore[method-assign]


def row(name: str, cap: float) -> dict[str, str]:
    X, labels = features(name)
    f = problem(X, labels, raw=False)
    start = np.zeros(f.shape)
    minimum = newton(f, start, tol=1e-11, max_iter=200).value
    journal = Journal()
    newton(f, start, tol=1e-7, max_iter=200, journal=journal)
    steps = [entry["objective"] for entry in journal.entries]
    with counted() as values:
        lbfgs(f, start, tol=1e-7, max_iter=1000)
    peer = plain(problem(X, labels, raw=True), minimum * (1 + GAPS[-1]), cap)
    result = {"set": name, "rows x columns x classes": " x ".join(map(str, (*X.shape, f.classes)))}
    result["f*"] = f"{minimum:.4g}"
    efforts = (("plain L-BFGS", peer), ("luce L-BFGS", Effort(values, "")),
               ("luce Newton", Effort(steps, "")))  # fmt: skip
    for who, effort in efforts:
        for gap in GAPS:
            result[f"{who}, {gap:.0e}".replace("e-0", "e-")] = effort.until(minimum, gap)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cap", type=float, default=60, help="seconds of plain L-BFGS a set")
    parser.add_argument("names", nargs="*", metavar="NAME")
    chosen = parser.parse_args()
    here = (*BUNDLED, *(TABLES if "LUCE_DATA" in os.environ else ()))
    show_table([row(name, chosen.cap) for name in chosen.names or here])


if __name__ == "__main__":
    main()
