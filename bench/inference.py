"""Standard errors beside statsmodels: agreement, time, memory, and amounts in raw units.

    python bench/inference.py [--rows 1000000]

Both fit the same multinomial model without a penalty to the same rows and compute the covariance;
luce's time is that of `fit` and `inference` together. Agreement is the largest relative difference
of a standard error. Memory is the peak of what Python and NumPy allocate beside the rows. Without
statsmodels the columns of its side are dashes. One to two minutes.
"""

import argparse
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from section import Demand, show_figures, show_table, verdict
from sklearn.datasets import load_wine

import luce

Doubles = NDArray[np.float64]
DASH = "–"


class Outcome(NamedTuple):
    """What one side found."""

    params: Doubles
    errors: Doubles
    seconds: float


def rows(n: int, d: int = 10, k: int = 4) -> tuple[Doubles, NDArray[np.intp]]:
    """Return made rows of n whose classes follow a multinomial model."""
    random = np.random.default_rng(0)
    X = random.normal(size=(n, d))
    return X, (X @ random.normal(0, 0.4, (d, k)) + random.gumbel(size=(n, k))).argmax(axis=1)


def invoices(n: int = 1000) -> tuple[Doubles, NDArray[np.intp]]:
    """Return amounts in euros, log-normal, and how they were paid (docs/inference.md)."""
    random = np.random.default_rng(0)
    amount = np.exp(random.normal(7, 2.5, n)).round(2)[:, None]
    z = amount / np.exp(7) * [0, 0.8, 1.5] - [0, 0, 1]
    return amount, (z + random.gumbel(size=z.shape)).argmax(axis=1)


def ours(X: Doubles, y: NDArray[np.intp]) -> Outcome:
    start = time.perf_counter()
    result = luce.inference(luce.SoftmaxRegression(C=np.inf).fit(X, y), X, y)
    return Outcome(result.params, result.bse, time.perf_counter() - start)


def theirs(X: Doubles, y: NDArray[np.intp]) -> Outcome | None:
    if find_spec("statsmodels") is None:
        return None
    from statsmodels.api import MNLogit, add_constant

    start = time.perf_counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result: Any = MNLogit(y, add_constant(X)).fit(disp=0, maxiter=100)
        errors = np.asarray(result.bse)
    return Outcome(np.asarray(result.params), errors, time.perf_counter() - start)


def fastest(run: Callable[[], Outcome | None], rounds: int) -> Outcome | None:
    found = [run() for _ in range(rounds)]
    whole = [outcome for outcome in found if outcome is not None]
    return min(whole, key=lambda outcome: outcome.seconds) if whole else None


def allocated(X: Doubles, y: NDArray[np.intp]) -> float:
    """Return the peak of what `inference` allocates, in MB."""
    model = luce.SoftmaxRegression(C=np.inf).fit(X, y)
    tracemalloc.start()
    luce.inference(model, X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def far(own: Outcome, other: Outcome) -> float:
    """Return the largest relative difference of a standard error."""
    return float(np.max(np.abs(own.errors - other.errors) / other.errors))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    largest = parser.parse_args().rows
    wine = load_wine(return_X_y=True)
    problems = {
        "wine: alcohol, hue": (wine[0][:, [0, 10]], wine[1]),
        "invoices in euros": invoices(),
        f"{largest // 10:,} made rows": rows(largest // 10),
        f"{largest:,} made rows": rows(largest),
    }
    table, ratios, distances, finite = [], {}, {}, True
    for name, (X, y) in problems.items():
        rounds = 3 if len(X) < largest else 1
        own, other = fastest(partial(ours, X, y), rounds), fastest(partial(theirs, X, y), rounds)
        assert own is not None
        finite &= bool(np.isfinite(own.errors).all())
        known = other is not None and bool(np.isfinite(other.errors).all())
        if other is not None and known:
            ratios[name], distances[name] = other.seconds / own.seconds, far(own, other)
        table.append(
            {
                "problem": name,
                "luce": f"{own.seconds:.3g} s",
                "statsmodels": DASH if other is None else f"{other.seconds:.3g} s",
                "ratio": f"{ratios[name]:.1f}" if known else DASH,
                "agreement": f"{distances[name]:.0e}" if known else
                DASH if other is None else "statsmodels: nan",
            }
        )  # fmt: skip
    show_table(table)
    small, large = allocated(*rows(largest // 10)), allocated(*rows(largest))
    print(
        f"\nMemory of `inference` beside the rows: {small:.0f} MB for {largest // 10:,} rows,"
        f" {large:.0f} MB for {largest:,}."
    )
    last = list(problems)[-1]
    show_figures(
        inference_ratio=f"{ratios[last]:.1f}" if last in ratios else DASH,
        inference_memory=f"{large:.0f} MB",
    )
    worst = max(distances.values(), default=np.nan)
    return verdict(
        [
            Demand(
                "standard errors equal to 1e-6 where statsmodels has any",
                f"{worst:.0e}" if distances else "statsmodels is not installed",
                not worst > 1e-6,
            ),
            Demand("every standard error is finite", "all" if finite else "not all", finite),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
