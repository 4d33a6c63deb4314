"""Time luce.softmax against SciPy and PyTorch over a grid of shapes: float32, either axis.

    python bench/softmax_speed.py [--rounds 7] [--threads 2]

Prints tables in Markdown. The libraries take turns in every round, so that whatever else the
machine does falls on all of them; a cell is the median over the rounds. Results are fresh arrays,
or go into ``out=`` (SciPy has none: its fresh result stands for both). PyTorch's columns are left
out where torch is not installed. Every result is first compared with SciPy's in float64. Ends with
exit code 1 if a demand is missed.
"""

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy
from scipy import special
from section import Demand, show_figures, verdict

import luce

# After a call the threads of an OpenMP library go on spinning for a while, on the cores of whoever
# comes next. Everybody waits as long before being timed.
BENCH = str(Path(__file__).parent)
PAUSE = 0.02  # seconds
ENOUGH = 0.002  # seconds that a timed run takes at least: small calls are repeated
ROWS = (1, 64, 4096, 60_000)
CLASSES = (2, 3, 10, 100, 1000, 32_768, 131_072)
MOST = 64_000_000  # elements
Call = Callable[[], object]

MEMORY = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, luce
from memory import held, peak
x = np.random.default_rng(0).standard_normal((1024, 65536), dtype=np.float32)
out = np.empty_like(x)
out.fill(0)
luce.softmax(x[:64], out=out[:64])
before = held()
luce.softmax(x, out=out)
luce.softmax(x, axis=0, out=out)
print((peak() - before) / 1e6)
"""


class Cell(NamedTuple):
    """One shape, with the classes along one axis."""

    axis: int
    rows: int
    classes: int

    def logits(self) -> np.ndarray:
        shape = (self.rows, self.classes) if self.axis == -1 else (self.classes, self.rows)
        return 3 * np.random.default_rng(self.classes).standard_normal(shape, dtype=np.float32)


def cells() -> Iterator[Cell]:
    for axis in (-1, 0):
        for rows in ROWS:
            for classes in CLASSES:
                if rows * classes <= MOST:
                    yield Cell(axis, rows, classes)


def contestants(x: np.ndarray, axis: int, threads: int) -> dict[str, Call]:
    """Return the calls to be timed, each of which returns its result."""
    out = np.empty_like(x)
    calls: dict[str, Call] = {
        "luce out": lambda: luce.softmax(x, axis, out=out),
        "luce fresh": lambda: luce.softmax(x, axis),
        "scipy": lambda: special.softmax(x, axis),
    }
    try:
        import torch
    except ImportError:
        return calls
    torch.set_num_threads(threads)
    tensor = torch.from_numpy(x)
    result = torch.empty_like(tensor)
    return calls | {
        "torch out": lambda: torch.softmax(tensor, axis, out=result),
        "torch fresh": lambda: torch.softmax(tensor, axis),
    }


def check(calls: dict[str, Call], x: np.ndarray, axis: int) -> None:
    """Raise unless all compute the softmax of `x`, by a sample of its rows."""
    rows = np.moveaxis(x, axis, -1)[: max(1, 100_000 // x.shape[axis])]
    exact = special.softmax(rows.astype(np.float64), axis=-1)
    for call in calls.values():
        got = np.moveaxis(np.asarray(call()), axis, -1)[: len(rows)]
        # coarse, because torch is off by up to 1e-4 on long rows: its sums are plain float32
        np.testing.assert_allclose(got, exact, rtol=1e-3, atol=1e-30)


def timed(call: Call, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def medians(calls: dict[str, Call], rounds: int) -> dict[str, float]:
    """Return the seconds that a call takes, for each of them."""
    repeats = {name: max(1, int(ENOUGH / timed(call, 3))) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(PAUSE)
            call()  # wakes the library's threads and fills the caches
            seconds[name].append(timed(call, repeats[name]))
    return {name: statistics.median(times) for name, times in seconds.items()}


def ratios(found: dict[str, float]) -> dict[str, float]:
    """Return how many times the seconds of luce the others take."""
    pairs = [("scipy", "luce out"), ("scipy", "luce fresh")]
    if "torch out" in found:
        pairs += [("torch out", "luce out"), ("torch fresh", "luce fresh")]
    return {f"{them.split()[0]}, {us.split()[1]}": found[them] / found[us] for them, us in pairs}


def losses(rounds: int, threads: int) -> list[Demand]:
    """Time logsumexp and the cross-entropy with its gradient; print a table."""
    logsumexps, gradients = [], []
    print(
        "\n| shape | logsumexp, µs | scipy | cross_entropy_grad, µs | torch, forward and backward |"
    )
    print("|---|---:|---:|---:|---:|")
    for n, k in ((64, 10), (60_000, 10), (4096, 100), (4096, 1000), (256, 32_768), (64, 131_072)):
        rng = np.random.default_rng(k)
        z, y = 3 * rng.standard_normal((n, k), dtype=np.float32), rng.integers(0, k, n)
        calls: dict[str, Call] = {
            "logsumexp": lambda z=z: luce.logsumexp(z),
            "scipy": lambda z=z: special.logsumexp(z, axis=-1),
            "luce": lambda z=z, y=y: luce.losses.cross_entropy_grad(z, y),
        }
        np.testing.assert_allclose(calls["logsumexp"](), calls["scipy"](), rtol=1e-5, atol=1e-5)
        torch_loss = torch_cross_entropy(z, y, threads)
        if torch_loss:
            calls["torch"] = torch_loss
            expected, ours = torch_loss(), calls["luce"]()
            np.testing.assert_allclose(ours.loss, expected[0], rtol=1e-4)
            np.testing.assert_allclose(ours.grad, expected[1], rtol=1e-2, atol=1e-7)
        found = medians(calls, rounds)
        logsumexps.append(found["scipy"] / found["logsumexp"])
        cell = "–"
        if "torch" in found:
            gradients.append(found["torch"] / found["luce"])
            cell = f"{gradients[-1]:.2f}x"
        print(
            f"| {n} x {k} | {found['logsumexp'] * 1e6:.1f} | {logsumexps[-1]:.1f}x"
            f" | {found['luce'] * 1e6:.1f} | {cell} |",
            flush=True,
        )
    mean = statistics.geometric_mean(logsumexps)
    demands = [Demand("logsumexp at least 10 times faster than SciPy", f"{mean:.1f}", mean >= 10)]
    if gradients:
        mean = statistics.geometric_mean(gradients)
        demands.append(
            Demand(
                "cross_entropy_grad at least 2 times faster than PyTorch's forward and backward",
                f"{mean:.2f}, {min(gradients):.2f} at worst",
                mean >= 2,
            )
        )
    return demands


def torch_cross_entropy(z: np.ndarray, y: np.ndarray, threads: int) -> Call | None:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(threads)
    logits, labels = torch.from_numpy(z).requires_grad_(), torch.from_numpy(y)

    def forward_and_backward() -> tuple[float, np.ndarray]:
        logits.grad = None
        loss = torch.nn.functional.cross_entropy(logits, labels)
        loss.backward()
        return loss.item(), logits.grad.numpy()

    return forward_and_backward


def overhead() -> float:
    """Return the seconds that one call on ten numbers takes."""
    x = np.arange(10, dtype=np.float32)
    return min(timed(lambda: luce.softmax(x), 2000) for _ in range(20))


def extra_memory() -> float:
    """Return the megabytes that softmax takes beyond a result of 256 MB."""
    run = [sys.executable, "-c", MEMORY, BENCH]
    return float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


def judge(table: dict[Cell, dict[str, float]]) -> list[Demand]:
    columns = {name: [row[name] for row in table.values()] for name in next(iter(table.values()))}
    means = {name: statistics.geometric_mean(each) for name, each in columns.items()}
    typical = table[Cell(-1, 60_000, 10)]
    demands = [
        Demand(f"{name}: at least 8 times faster", f"{means[name]:.2f}", means[name] >= 8)
        for name in means
        if name.startswith("scipy")
    ]
    slowest = min(typical["scipy, out"], typical["scipy, fresh"])
    demands.append(Demand("(60000, 10): at least 20 times SciPy", f"{slowest:.1f}", slowest >= 20))
    if "torch, out" in means:
        for name in ("torch, out", "torch, fresh"):
            worst = min(columns[name])
            demands += [
                Demand(
                    f"{name}: at least 1.5 times faster", f"{means[name]:.2f}", means[name] >= 1.5
                ),
                Demand(f"{name}: never slower", f"{worst:.2f} at worst", worst >= 1),
            ]
        slowest = min(typical["torch, out"], typical["torch, fresh"])
        demands.append(
            Demand("(60000, 10): at least 8 times PyTorch", f"{slowest:.1f}", slowest >= 8)
        )
    seconds, megabytes = overhead(), extra_memory()
    demands += [
        Demand("at most 2 µs on ten numbers", f"{seconds * 1e6:.2f} µs", seconds <= 2e-6),
        Demand("no memory beyond the result", f"{megabytes:.1f} MB", megabytes < 2),
    ]
    return demands


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    luce.set_num_threads(options.threads)
    table: dict[Cell, dict[str, float]] = {}
    for cell in cells():
        x = cell.logits()
        calls = contestants(x, cell.axis, options.threads)
        check(calls, x, cell.axis)
        found = medians(calls, options.rounds)
        table[cell] = ratios(found)
        if len(table) == 1:
            print(f"luce {luce.__version__}, {luce.kernels.simd()}, {options.threads} threads;")
            print(f"scipy {scipy.__version__}" + torch_version() + "\n")
            print(
                "| axis | rows | classes | luce out, µs | fresh, µs |", " | ".join(table[cell]), "|"
            )
            print("|---|" + "---:|" * (4 + len(table[cell])))
        times = [f"{found[name] * 1e6:.1f}" for name in ("luce out", "luce fresh")]
        where = "last" if cell.axis == -1 else "first"
        row = [where, f"{cell.rows}", f"{cell.classes}", *times]
        print("|", " | ".join(row + [f"{r:.2f}x" for r in table[cell].values()]), "|", flush=True)
    means = {
        name: statistics.geometric_mean(row[name] for row in table.values())
        for name in table[Cell(-1, 1, 2)]
    }
    print("| geometric mean | | | | |", " | ".join(f"{m:.2f}x" for m in means.values()), "|")
    code = verdict(judge(table) + losses(options.rounds, options.threads))
    show_figures(
        scipy=f"{min(m for name, m in means.items() if 'scipy' in name):.1f}",
        torch=f"{min((m for name, m in means.items() if 'torch' in name), default=math.nan):.1f}",
    )
    return code


def torch_version() -> str:
    try:
        import torch
    except ImportError:
        return ""
    return f", torch {torch.__version__}"


if __name__ == "__main__":
    sys.exit(main())
