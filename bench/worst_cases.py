"""Search for rows on which softmax and its family err most, judged by proven enclosures.

Run ``python bench/worst_cases.py [--effort 1] [--seed 0] [--rows]``; LUCE_SIMD chooses the kernels.
From rows built to be hard (near ties, probabilities just below powers of two, sums in which every
addition rounds the same way, ...) a search climbs to worse ones: it nudges logits by a few units
in the last place, moves the row, makes ties, and keeps what errs more, now and then what does not.
Errors are in ULP, against ball arithmetic (tests/reference/balls.py). The exit code is 1 if a
promise is broken; ``--rows`` prints the worst short rows, to be copied into the tests.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flint import arb
from section import Demand, show_table, verdict

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import reference
from reference import balls

import luce
from luce.kernels import simd
from luce.losses import cross_entropy, cross_entropy_grad

LENGTHS = (2, 3, 4, 5, 7, 8, 9, 16, 17, 32, 33, 64, 100, 1000, 4096, 5000)
EFFORT = 60_000  # logits looked at for each function, dtype and length
Row = np.ndarray


class Problem(NamedTuple):
    """A function with its promise, and its largest error on a row whose label is `y`."""

    promise: Callable[[str], float]
    error: Callable[[Row, int], float]


def error_of_logsumexp(row: Row, y: int) -> float:
    """Return the error in units of the result, or of twice a negative largest logit."""
    exact = balls.logsumexp(row)
    unit = max(abs(exact.mid()), -2 * arb(float(row.max())))
    scale = balls.spacing(unit, row.dtype) / balls.spacing(exact, row.dtype)
    return balls.ulp_error(float(luce.logsumexp(row)), exact, row.dtype) / float(scale)


def one_hot(row: Row, y: int) -> list[arb]:
    return [arb(int(j == y)) for j in range(len(row))]


def worst_of(function: Callable[[Row], Any], exact: Callable[[Row], Any]) -> Callable[..., float]:
    return lambda row, y: balls.worst_ulp_error(function(row), exact(row), row.dtype)


PROBLEMS = {
    "softmax": Problem(
        lambda dtype: reference.promised(luce.softmax, dtype),
        worst_of(luce.softmax, balls.softmax),
    ),
    "log_softmax": Problem(
        lambda dtype: reference.promised(luce.log_softmax, dtype),
        worst_of(luce.log_softmax, balls.log_softmax),
    ),
    "logsumexp": Problem(
        lambda dtype: reference.promised(luce.logsumexp, dtype),
        error_of_logsumexp,
    ),
    "cross_entropy": Problem(
        lambda dtype: reference.promised(cross_entropy, dtype),
        lambda row, y: balls.ulp_error(
            float(cross_entropy(row, y)), balls.cross_entropy(row, one_hot(row, y)), row.dtype
        ),
    ),
    "its gradient": Problem(
        lambda dtype: reference.promised(cross_entropy_grad, dtype, "gradient"),
        lambda row, y: balls.worst_ulp_error(
            cross_entropy_grad(row, y).grad,
            balls.cross_entropy_gradient(row, one_hot(row, y)),
            row.dtype,
        ),
    ),
}


# ---- rows to start from ----------------------------------------------------------------------


def ties(n: int, info: np.finfo, rng: np.random.Generator) -> Row:
    return rng.normal(0, 5) * (1 + float(info.eps) * rng.integers(-4, 5, n))


def spread(n: int, info: np.finfo, rng: np.random.Generator) -> Row:
    return rng.normal(0, rng.choice([0.1, 1, 5, 20]), n)


def log_spaced(n: int, info: np.finfo, rng: np.random.Generator) -> Row:
    ends = np.log(rng.uniform(1e-6, 1)), np.log(-float(np.log(info.tiny)))
    return np.append(-np.exp(rng.uniform(*ends, n - 1)), 0)


def below_powers_of_two(n: int, info: np.finfo, rng: np.random.Generator) -> Row:
    powers = rng.integers(1, 20, n) * np.log(2)
    return np.append(-powers[1:] - rng.uniform(0, 1e-3, n - 1), -np.log(2) * rng.integers(0, 3))


def cancelling(n: int, info: np.finfo, rng: np.random.Generator) -> Row:
    row = rng.normal(0, rng.choice([0.01, 0.3, 1]), n)
    return row - np.log(np.exp(row).sum()) + rng.normal(0, 0.1)


def confident(n: int, info: np.finfo, rng: np.random.Generator) -> Row:
    least = float(np.log(info.tiny))
    return np.append(rng.uniform(0.1, 0.95) * least + rng.normal(0, 1, n - 1), 0)


def rounding_alike(n: int, info: np.finfo, rng: np.random.Generator) -> Row:
    """Losers that are alike, so that each addition of one to the sum rounds like the one before."""
    least = rng.choice([float(info.eps), 2.0**-52, 2.0**-16 / n, 2.0**-15 / n])
    logits = np.log(least * rng.uniform(1, 2, 100)).astype(info.dtype)
    steps = np.exp(logits.astype(float)) * 2.0**52
    return np.append(np.full(n - 1, logits[np.abs(steps % 1 - 0.5).argmin()]), 0)


def just_normal(n: int, info: np.finfo, rng: np.random.Generator) -> Row:
    """Probabilities that are the smallest normal numbers."""
    top = rng.uniform(0, 1, max(1, n // 64))
    least = np.log(np.exp(top).sum()) + float(np.log(info.tiny))
    return np.append(least + rng.uniform(0, np.log(2), n - len(top)), top)


def subnormal(n: int, info: np.finfo, rng: np.random.Generator) -> Row:
    least = float(np.log(info.tiny))
    return np.append(rng.uniform(least - 12, least + 3, n - 1), 0)


def far_out(n: int, info: np.finfo, rng: np.random.Generator) -> Row:
    return rng.normal(0, 3, n) + rng.choice([-1, 1]) * 10.0 ** rng.uniform(1, 6)


STARTS = (
    ties, spread, log_spaced, below_powers_of_two, cancelling, confident, rounding_alike,
    just_normal, subnormal, far_out,
)  # fmt: skip


# ---- the climb -------------------------------------------------------------------------------


def nudged(row: Row, rng: np.random.Generator) -> Row:
    """Return a row near by: one or a few logits moved, a tie made, or all moved."""
    moved, n = row.copy(), len(row)
    places = rng.choice(n, rng.integers(1, min(n, 4) + 1), replace=False)
    kind = rng.integers(6)
    if kind <= 1:
        moved[places] += np.spacing(np.abs(row[places])) * rng.integers(-9, 10, len(places))
    elif kind == 2:
        moved[places] += rng.normal(0, 10.0 ** rng.uniform(-6, 0), len(places))
    elif kind == 3:
        moved[places] = row[rng.integers(n)]
    elif kind == 4:
        moved += rng.normal(0, 10.0 ** rng.uniform(-3, 1))
    else:  # all the logits of one value together
        same = row == row[places[0]]
        moved[same] += np.spacing(np.abs(row[places[0]])) * rng.integers(-99, 100)
    return moved


class Found(NamedTuple):
    """A row, with the label its loss is of, and which of the starts led to it."""

    error: float
    row: Row
    label: int
    start: str


def climbs(problem: Problem, dtype: str, n: int, effort: float, seed: int) -> Iterator[Found]:
    """Yield the worst row of each climb; the number of climbs and steps follows from `effort`."""
    looks = max(24, int(EFFORT * effort / n))
    steps = max(4, min(60, looks // len(STARTS)))
    rng = np.random.default_rng([seed, n])
    for climb in range(max(1, looks // steps)):
        start = STARTS[climb % len(STARTS)]
        row = start(n, np.finfo(dtype), rng).astype(dtype)
        label = int(rng.choice([row.argmax(), row.argmin(), rng.integers(n)]))
        now = best = Found(problem.error(row, label), row, label, start.__name__)
        for step in range(1, steps):
            row = nudged(now.row, rng)
            error = problem.error(row, label)
            if error >= now.error - rng.exponential(0.02) * (1 - step / steps):
                now = now._replace(error=error, row=row)
            best = max(best, now, key=lambda found: found.error)
        yield best


def worst(name: str, dtype: str, effort: float, seed: int) -> dict[int, Found]:
    """Return the worst row of each length."""
    return {
        n: max(climbs(PROBLEMS[name], dtype, n, effort, seed), key=lambda found: found.error)
        for n in LENGTHS
    }


def main() -> int:
    parser = ArgumentParser(description="Search for rows on which luce errs most.")
    parser.add_argument("--effort", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", action="store_true", help="print the worst short rows, too")
    options = parser.parse_args()
    table, demands, rows = [], [], []
    for name, problem in PROBLEMS.items():
        line = {f"largest error in ULP ({simd()})": name}
        for dtype in reference.DTYPES:
            found = worst(name, dtype, options.effort, options.seed)
            for label, lengths in (("up to 4096", (0, 4096)), ("longer", (4097, max(LENGTHS)))):
                of = [one for n, one in found.items() if lengths[0] <= n <= lengths[1]]
                most = max(of, key=lambda one: one.error)
                shown = f"{most.error:.3f} ({most.start.replace('_', ' ')}, {len(most.row)})"
                line[f"{dtype}, {label}"] = shown
            bound = problem.promise(dtype)
            most = max(found.values(), key=lambda one: one.error)
            demands.append(
                Demand(f"{name}, {dtype}: {bound:g} ULP", f"{most.error:.3f}", most.error <= bound)
            )
            short = max((found[n] for n in LENGTHS if n <= 9), key=lambda one: one.error)
            for one in {short.error: short, most.error: most}.values():
                if len(one.row) <= 33:
                    rows.append((name, dtype, one))
        table.append(line)
    show_table(table)
    code = verdict(demands)
    for name, dtype, one in rows if options.rows else []:
        print(f"\n# {name}, {dtype}, label {one.label}, {one.error:.3f} ULP, {one.start}")
        print([float(z) for z in one.row])
    return code


if __name__ == "__main__":
    raise SystemExit(main())
