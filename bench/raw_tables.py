"""Real tables in raw units: luce's defaults against scikit-learn's L-BFGS, to the same objective.

    LUCE_DATA=... python bench/raw_tables.py [--cap 600] [NAME ...]

luce must prove its gap without a warning. scikit-learn goes on until its objective is within 1e-4
of luce's, however many iterations that takes, or until the cap (seconds a set). A callback finds
the iteration that suffices; the time is that of a second run without the callback that ends there.
It gets one BLAS thread or all of them, whichever is faster on the set.
Ends with exit code 1 if a demand is missed. At most 20 minutes a set.
"""

import argparse
import os
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from logistic import fit, objective
from numpy.typing import NDArray
from section import Demand, show_figures, show_table, verdict
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from luce import SoftmaxRegression

TABLES = ("wine_quality_white", "segmentation", "shuttle", "vehicle", "letter", "kddcup")
SETS = ("wine", *TABLES)
SHARE = {"kddcup": 0.1}  # of the rows, drawn at random
TOLERANCE = 1e-4
ROUNDS = 3
UNLIMITED = 10**9  # iterations
TRIAL = 30  # iterations
Doubles = NDArray[np.float64]


class Data(NamedTuple):
    """A table in raw units."""

    X: Doubles  # (n, d)
    labels: NDArray[np.intp]  # 0..k-1


class Effort(NamedTuple):
    """What scikit-learn took: its iterations in each fit of the chain, and how it ended."""

    chain: tuple[int, ...]
    seconds: float
    value: float
    ended: str  # "reached", "cap" or "stuck"


class Stop(Exception):
    """Ends a fit of scikit-learn from inside its callback."""


class Watch:
    """Callback of scikit-learn: notes each iterate's objective, stops when it suffices.

    Its own time does not count: `seconds` is the time between its calls.
    """

    def __init__(self, data: Data, target: float, cap: float) -> None:
        self.data, self.target, self.cap = data, target, cap
        self.iterations, self.value, self.seconds = 0, np.inf, 0.0
        self._resumed = time.perf_counter()

    def restart(self) -> None:
        self.iterations, self._resumed = 0, time.perf_counter()

    def setup(self, estimator: Any, context: Any) -> None:
        pass

    def teardown(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any) -> None:
        if fitted_estimator is None or context.task_name != "lbfgs-iter":
            return
        self.seconds += time.perf_counter() - self._resumed
        self.iterations += 1
        self.value = objective(fitted_estimator, *self.data)
        if self.value <= self.target or self.seconds >= self.cap:
            raise Stop
        self._resumed = time.perf_counter()


def read(name: str) -> Data:
    if name == "wine":
        X, y = load_wine(return_X_y=True)
    else:
        frame = pl.read_csv(
            Path(os.environ["LUCE_DATA"], "tabular", f"{name}.csv.gz"), infer_schema_length=None
        )
        X = frame.drop("target").to_numpy().astype(np.float64)
        y = frame["target"].to_numpy()
    size = round(SHARE.get(name, 1) * len(X))
    rows = np.random.default_rng(0).permutation(len(X))[:size]
    return Data(np.ascontiguousarray(X[rows]), np.unique(y[rows], return_inverse=True)[1])


def ours(data: Data) -> tuple[SoftmaxRegression, float]:
    """Fit with the defaults; a warning about convergence is an error, too."""
    fits = [fit(SoftmaxRegression(), *data) for _ in range(ROUNDS)]
    if fits[-1].gave_up:
        raise RuntimeError("luce warned that it has not converged")
    return fits[-1].model, statistics.median(each.seconds for each in fits)


def rival(iterations: int) -> LogisticRegression:
    return LogisticRegression(max_iter=iterations, tol=0, warm_start=True)


def search(data: Data, target: float, cap: float) -> Effort:
    """Let scikit-learn run until its objective suffices.

    SciPy ends L-BFGS after 15,000 evaluations whatever `max_iter` says: then the next fit of the
    chain goes on from there, as long as that helps.
    """
    watch, model, chain = Watch(data, target, cap), rival(UNLIMITED), []
    model.set_callbacks(watch)
    while True:
        before = watch.value
        watch.restart()
        try:
            model.fit(*data)
        except Stop:
            ended = "reached" if watch.value <= target else "cap"
            return Effort((*chain, watch.iterations), watch.seconds, watch.value, ended)
        chain.append(watch.iterations)
        if not watch.value < before * (1 - 1e-9):
            return Effort(tuple(chain), watch.seconds, watch.value, "stuck")


def faster_threads(data: Data) -> int | None:
    """Return 1 or None (all): on small tables the threads of BLAS cost more than they bring."""
    seconds = {}
    for threads in (None, 1):
        with threadpool_limits(threads, user_api="blas"):
            start = time.perf_counter()
            rival(TRIAL).fit(*data)
            seconds[threads] = time.perf_counter() - start
    return min(seconds, key=seconds.__getitem__)


def theirs(data: Data, target: float, cap: float) -> Effort:
    """Return what scikit-learn takes to reach the target."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with threadpool_limits(faster_threads(data), user_api="blas"):
            return timed(data, search(data, target, cap))


def timed(data: Data, found: Effort) -> Effort:
    """Run the chain of fits again without the callback, unless it ran into the cap."""
    if found.ended == "cap":
        return found
    model = rival(UNLIMITED)
    start = time.perf_counter()
    for iterations in found.chain:
        model.max_iter = iterations
        model.fit(*data)
    return found._replace(seconds=time.perf_counter() - start, value=objective(model, *data))


class Line(NamedTuple):
    """One set: both efforts."""

    row: dict[str, str]
    seconds: float
    gap: float
    effort: Effort


def measure(name: str, cap: float) -> Line:
    data = read(name)
    model, seconds = ours(data)
    value, gap = objective(model, *data), float(model.gap_)
    effort = theirs(data, value * (1 + TOLERANCE), cap)
    at_least = {"reached": "", "cap": "> ", "stuck": "> "}[effort.ended]
    row = {
        "set": name,
        "rows": f"{len(data.X):,}",
        "features": str(data.X.shape[1]),
        "classes": str(int(data.labels.max()) + 1),
        "luce, s": f"{seconds:.3f}",
        "iterations": str(int(model.n_iter_[0])),
        "gap": f"{gap:.1e}",
        "objective": f"{value:.6g}",
        "scikit-learn, s": f"{at_least}{effort.seconds:.2f}",
        "its iterations": f"{sum(effort.chain):,}",
        "its objective": f"{effort.value:.6g}",
        "ratio": f"{at_least}{effort.seconds / seconds:.1f}",
    }
    print(" ".join(row.values()), effort.ended, file=sys.stderr)
    return Line(row, seconds, gap, effort)


def show(lines: list[Line], cap: float) -> int:
    total, rival_total = (
        sum(s) for s in zip(*((x.seconds, x.effort.seconds) for x in lines), strict=True)
    )
    ratio, short = rival_total / total, sum(x.effort.ended != "reached" for x in lines)
    at_least = "at least " if short else ""
    totals = {"set": "total", "luce, s": f"{total:.2f}", "scikit-learn, s": f"{rival_total:.1f}"}
    totals["ratio"] = f"{at_least}{ratio:.1f}"
    show_table([*(x.row for x in lines), {key: totals.get(key, "") for key in lines[0].row}])
    print(f"\nluce with its defaults, median of {ROUNDS} fits. scikit-learn goes on until its")
    print(
        "objective is within 1e-4 of luce's; `>`: it had not got there when it was stopped, after"
    )
    print(f"{cap:g} s, or when it made no more progress. kddcup is a random tenth of the rows.")
    worst = max(x.gap for x in lines)
    code = verdict(
        [
            Demand(
                "proven gap at most 1e-4 on each, and no warning", f"{worst:.1e}", worst <= 1e-4
            ),
            Demand("total time at least 10 times less", totals["ratio"], ratio >= 10),
        ]
    )
    show_figures(
        sets=str(len(lines)),
        ratio=f"{ratio:.0f}",
        seconds=f"{total:.1f}",
        rival_seconds=f"{rival_total:,.0f}",
        rival_short=str(short),
        cap=f"{cap / 60:.0f}",
    )
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="NAME", help=f"{', '.join(SETS)}; default: all")
    parser.add_argument("--cap", type=float, default=600, help="seconds a set for scikit-learn")
    options = parser.parse_args()
    names = options.sets or SETS
    if unknown := set(names) - set(SETS):
        parser.error(f"there is no set {', '.join(sorted(unknown))}; there are {', '.join(SETS)}")
    if "LUCE_DATA" not in os.environ:
        parser.error("LUCE_DATA must name the folder that holds tabular/*.csv.gz")
    return show([measure(name, options.cap) for name in names], options.cap)


if __name__ == "__main__":
    sys.exit(main())
