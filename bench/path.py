"""A path of C with ten folds: how many single fits it costs, and what scikit-learn takes.

    LUCE_DATA=... python bench/path.py [--cap 100] [NAME ...]

For each table: `SoftmaxRegressionCV(cv=10)`, ten values of C from 1e-4 to 1e4, against one fit of
`SoftmaxRegression` at the C that was chosen, both with their defaults; approximate leave-one-out on
the same path; and scikit-learn's `LogisticRegressionCV` with the same folds and values and its
default solver, for as long as the cap allows. All on standardised columns: on raw ones
scikit-learn's default gives up. Times are processor time, all threads together.
"""

import argparse
import math
import multiprocessing as mp
import resource
import sys
import time
import warnings
from collections.abc import Callable
from statistics import geometric_mean
from typing import Any, NamedTuple

import numpy as np
from raw_tables import Data, read
from section import Demand, show_figures, show_table, verdict
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_limits

from luce import SoftmaxRegression, SoftmaxRegressionCV

SETS = ("vehicle", "pendigits", "letter")
ROUNDS = 2
ALIKE = 0.02  # of the best mean log loss: two paths that found the same


class Timed(NamedTuple):
    """What came of a call, and the processor time that it took."""

    result: Any
    seconds: float


def timed(call: Callable[[], Any], rounds: int = ROUNDS) -> Timed:
    """Call it a few times; the shortest time counts."""
    best = Timed(None, np.inf)
    for _ in range(rounds):
        start = time.process_time()
        result = call()
        best = min(best, Timed(result, time.process_time() - start), key=lambda t: t.seconds)
    return best


class Rival(NamedTuple):
    """What scikit-learn found: its mean scores, and its time (None: the cap came first)."""

    scores: list[float] | None
    seconds: float


def _rival(data: Data, answer: Any, cap: float) -> None:
    from sklearn.linear_model import LogisticRegressionCV

    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(cap), math.ceil(cap) + 5))
    warnings.simplefilter("ignore")
    with threadpool_limits(1, user_api="blas"):  # narrow products: more threads only cost
        model = LogisticRegressionCV(
            cv=10,
            scoring="neg_log_loss",
            max_iter=1000,
            l1_ratios=(0.0,),
            use_legacy_attributes=False,
        )
        start = time.process_time()
        model.fit(data.X, data.labels)
        answer.put(Rival(model.scores_.mean(axis=(0, 1)).tolist(), time.process_time() - start))


def rival(data: Data, cap: float) -> Rival:
    """Run scikit-learn in a process of its own, which the system ends at the cap."""
    context = mp.get_context("fork")
    answer = context.SimpleQueue()
    worker = context.Process(target=_rival, args=(data, answer, cap))
    worker.start()
    worker.join()
    return Rival(None, cap) if answer.empty() else answer.get()


class Line(NamedTuple):
    """One table."""

    row: dict[str, str]
    fits: float  # single fits that path and folds cost
    passes: float  # a fold, in the mean
    ratio: float  # times scikit-learn's time
    same: bool | None  # whether both found the same best score


def measure(name: str, cap: float) -> Line:
    raw = read(name)
    data = raw._replace(X=scale(raw.X))
    cv = timed(lambda: SoftmaxRegressionCV(cv=10).fit(data.X, data.labels))
    alo = timed(lambda: SoftmaxRegressionCV(cv="alo").fit(data.X, data.labels))
    chosen = cv.result.C_
    single = timed(lambda: SoftmaxRegression(C=chosen).fit(data.X, data.labels), 2 * ROUNDS)
    theirs = rival(data, cap)
    best = float(cv.result.scores_.mean(axis=(0, 1)).max())
    same = None if theirs.scores is None else abs(best / max(theirs.scores) - 1) < ALIKE
    fits, ratio = cv.seconds / single.seconds, theirs.seconds / cv.seconds
    passes = float(cv.result.n_iter_.mean())
    at_least = "> " if theirs.scores is None else ""
    row = {
        "set": name,
        "rows": f"{len(data.X):,}",
        "parameters": str((data.X.shape[1] + 1) * (int(data.labels.max()) + 1)),
        "C": f"{chosen:.3g}",
        "log loss": f"{-best:.4f}",
        "one fit, s": f"{single.seconds:.3f}",
        "path and folds, s": f"{cv.seconds:.2f}",
        "fits": f"{fits:.1f}",
        "passes a fold": f"{passes:.1f}",
        "leave-one-out: C": f"{alo.result.C_:.3g}",
        "fits ": f"{alo.seconds / single.seconds:.1f}",
        "scikit-learn, s": f"{at_least}{theirs.seconds:.1f}",
        "ratio": f"{at_least}{ratio:.0f}",
    }
    print(" ".join(row.values()), same, file=sys.stderr)
    return Line(row, fits, passes, ratio, same)


def show(lines: list[Line], cap: float) -> int:
    show_table([line.row for line in lines])
    fits = geometric_mean([line.fits for line in lines])
    ratio = geometric_mean([line.ratio for line in lines])
    print(
        "\nTen values of C, ten folds: 110 minima. `fits`: the time of all of them and of the last"
    )
    print("fit with its proof, in fits of all rows at the chosen C. Then the same for approximate")
    print(f"leave-one-out. `>`: scikit-learn was ended after {cap:g} s of processor time.")
    differ = [line.row["set"] for line in lines if line.same is False]
    code = verdict(
        [
            Demand(
                "path and ten folds for at most 3 fits where that is cheapest",
                f"{min(line.fits for line in lines):.1f} at best, {fits:.1f} in the mean",
                min(line.fits for line in lines) <= 3,
            ),
            Demand(
                "at least 10 times less than scikit-learn in the geometric mean",
                f"{ratio:.0f}",
                ratio >= 10,
            ),
            Demand(
                "the same best log loss as scikit-learn, to 2 %",
                f"differing: {', '.join(differ) or 'none'}",
                not differ,
            ),
        ]
    )
    show_figures(fits=f"{fits:.1f}", ratio=f"{ratio:.0f}", sets=str(len(lines)))
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="NAME", help=f"{', '.join(SETS)}; default: all")
    parser.add_argument("--cap", type=float, default=100, help="processor seconds of scikit-learn")
    options = parser.parse_args()
    names = options.sets or SETS
    return show([measure(name, options.cap) for name in names], options.cap)


if __name__ == "__main__":
    sys.exit(main())
