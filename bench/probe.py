"""A linear probe in ImageNet's shape: 1000 classes on embeddings, luce and scikit-learn.

    python bench/probe.py [--rows 128000] [--columns 512] [--classes 1000] [--C 0.01]
        [--cap 120] [--full]

The embeddings are made (float32): classes lie in groups of ten around common centres, so that
they overlap the way that breeds and makes do; a linear probe gets about three rows in four right.
luce goes on until it has proven its gap; scikit-learn's L-BFGS runs on the same rows for as long
as luce took and at least until the cap, and the objective that it has reached is told. Both get
all threads. `--full` fits 1,280,000 rows from a file mapped into memory, once, with luce alone.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from memory import peak
from numpy.typing import NDArray
from section import show_figures, show_table

sys.path.insert(1, str(Path(__file__).parent / "solvers"))

from contestants import Reached, ScikitLearn, Watch, watching  # next to this file
from problem import Problem, value

from luce import SoftmaxRegression

TOLERANCE = 1e-4
IMAGENET = 1_281_167
Floats = NDArray[np.float32]


class Made:
    """Embeddings of classes in groups; any block of rows can be made by itself."""

    def __init__(self, columns: int, classes: int) -> None:
        random = np.random.default_rng(0)
        groups = -(-classes // 10)
        far = random.normal(size=(groups, 1, columns))
        near = random.normal(size=(groups, 10, columns))
        centres = ((0.5 * far + 0.24 * near) * np.sqrt(128 / columns)).reshape(-1, columns)
        self.centres = centres[:classes].astype(np.float32)
        # Neural embeddings have a spectrum that falls: few directions hold most of the spread.
        self.spread = (2.2 * np.arange(1, columns + 1) ** -0.15).astype(np.float32)

    def block(self, number: int, rows: int) -> tuple[Floats, NDArray[np.int64]]:
        random = np.random.default_rng([1, number])
        y = random.integers(len(self.centres), size=rows)
        noise = random.standard_normal((rows, self.centres.shape[1]), dtype=np.float32)
        return self.centres[y] + noise * self.spread, y

    def rows(self, n: int) -> Iterator[tuple[Floats, NDArray[np.int64]]]:
        step = 8000
        for number, start in enumerate(range(0, n, step)):
            yield self.block(number, min(step, n - start))


class Standing(NamedTuple):
    """What one of them came to."""

    name: str
    seconds: float
    passes: int
    objective: float
    ended: str


def ours(X: Floats, y: NDArray[np.int64], strength: float) -> tuple[Standing, Any]:
    start = time.perf_counter()
    model = SoftmaxRegression(C=strength, tol=TOLERANCE).fit(X, y)
    seconds = time.perf_counter() - start
    ended = f"gap {model.gap_:.1e}, proven"
    return Standing("luce", seconds, int(model.n_iter_[0]), np.nan, ended), model


def theirs(problem: Problem, target: float, cap: float) -> Standing:
    """Run scikit-learn's L-BFGS until the target or the cap, on a clock of its own."""

    class Capped(Watch):
        def tick(self, *arguments: Any) -> None:
            super().tick(*arguments)
            if self.seconds > cap:
                raise Reached

    watch = Capped(problem, target, lambda *_: None)
    with watching(watch):
        watch.start()
        with suppress(Reached):
            ScikitLearn("lbfgs")._fit(problem, max_iter=10**9, tol=0.0)
    ended = "reached luce's objective" if watch.value <= target else "stopped at the cap"
    name = "scikit-learn lbfgs"
    return Standing(name, watch.seconds, watch.iterations, watch.value, ended)


def line(standing: Standing, rows: int, best: float) -> dict[str, str]:
    a_pass = standing.seconds / standing.passes
    return {
        "": standing.name,
        "seconds": f"{standing.seconds:.1f}",
        "iterations": str(standing.passes),
        "seconds an iteration": f"{a_pass:.2f}",
        "objective": f"{standing.objective:.6f}",
        "above the lower": f"{standing.objective / best - 1:.1e}",
        "ended": standing.ended,
        "hours for 1.28 M rows": f"{standing.seconds * IMAGENET / rows / 3600:.2f}",
    }


def probe(rows: int, columns: int, classes: int, strength: float, cap: float) -> None:
    parts = list(Made(columns, classes).rows(rows))
    X, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    del parts
    y = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    problem = Problem("probe", "made", X, y, strength)
    first, model = ours(X, y, strength)
    first = first._replace(objective=value(problem, model.coef_, model.intercept_))
    second = theirs(problem, first.objective, max(cap, first.seconds))
    best = min(first.objective, second.objective)
    print(f"{rows:,} rows, {columns} columns, {classes} classes, float32, C = {strength:g}.\n")
    show_table([line(one, rows, best) for one in (first, second)])
    held_out, truth = Made(columns, classes).block(10**6, 4000)
    right = float((model.predict(held_out) == np.searchsorted(np.unique(labels), truth)).mean())
    print(f"\nHeld-out accuracy of luce's model: {right:.3f}. An iteration is one pass over the")
    print("rows or a little more; the last column multiplies the seconds by the rows.")
    show_figures(
        seconds=f"{first.seconds:.0f}",
        hours=f"{first.seconds * IMAGENET / rows / 3600:.1f}",
        rival_seconds=f"{second.seconds:.0f}",
        rival_above=f"{second.objective / best - 1:.1e}",
    )


def full(rows: int, columns: int, classes: int, strength: float) -> None:
    """Fit all rows of ImageNet's number from a file."""
    from luce.data import stream

    with tempfile.TemporaryDirectory() as folder:
        X = np.memmap(Path(folder, "X"), np.float32, "w+", shape=(rows, columns))
        y = np.empty(rows, np.int64)
        start = 0
        for block, labels in Made(columns, classes).rows(rows):
            X[start : start + len(labels)] = block
            y[start : start + len(labels)] = labels
            start += len(labels)
        X.flush()
        begin, busy = time.perf_counter(), time.process_time()
        model = SoftmaxRegression(C=strength, tol=TOLERANCE).fit(stream(X, y))
        seconds, busy = time.perf_counter() - begin, time.process_time() - busy
    held_out, truth = Made(columns, classes).block(10**6, 4000)
    right = float((model.predict(held_out) == truth).mean())
    hours = seconds / 3600
    print(f"{rows:,} rows, {columns} columns, {classes} classes, float32, C = {strength:g}.\n")
    print(f"{hours:.2f} hours from the file to the model ({busy / 3600:.2f} of processor time):")
    print(
        f"{model.n_passes_} passes over the rows, {seconds / model.n_passes_:.1f} seconds each; gap"
    )
    print(
        f"{model.gap_:.1e}, proven; held-out accuracy {right:.3f}; at most {peak() / 1e6:,.0f} MB"
    )
    print("of memory, of which the pages of the file that the system keeps are a part.")
    show_figures(hours=f"{hours:.1f}", passes=str(model.n_passes_))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int)
    parser.add_argument("--columns", type=int, default=512)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--C", type=float, default=0.01, help="as in scikit-learn")
    parser.add_argument("--cap", type=float, default=120, help="seconds for scikit-learn")
    parser.add_argument("--full", action="store_true", help="all rows, out of core, luce alone")
    options = parser.parse_args()
    if options.full:
        full(options.rows or IMAGENET, options.columns, options.classes, options.C)
    else:
        rows = options.rows or 128_000
        probe(rows, options.columns, options.classes, options.C, options.cap)


if __name__ == "__main__":
    main()
