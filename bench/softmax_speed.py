"""Time luce.softmax against SciPy and PyTorch: float32, last axis, ``out=`` given, two threads.

    python bench/softmax_speed.py [--rounds 9] [--threads 2]

Prints a table in Markdown. The libraries take turns in every round, so that whatever else the
machine does falls on all of them; a cell is the median over the rounds. PyTorch's column is left
out where torch is not installed. Every result is first compared with SciPy's in float64. Ends with
exit code 1 if a demand is missed.
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import scipy
from scipy import special
from section import Demand, show_figures, verdict

import luce

# After a call the threads of an OpenMP library go on spinning for a while, on the cores of whoever
# comes next. Everybody waits as long before being timed.
PAUSE = 0.05  # seconds
SHAPES = [(60_000, 10), (4096, 1000), (512, 32_768), (128, 131_072), (8, 1_000_000)]
Call = Callable[[], object]


def contestants(x: np.ndarray, threads: int) -> dict[str, tuple[Call, Callable[[], np.ndarray]]]:
    """Return, for each library, a call to be timed and a way to see its result."""
    out = np.empty_like(x)
    calls = {
        "luce": (lambda: luce.softmax(x, out=out), lambda: out),
        f"scipy {scipy.__version__}": (
            lambda: special.softmax(x, axis=-1),
            lambda: special.softmax(x, axis=-1),
        ),
    }
    try:
        import torch
    except ImportError:
        return calls
    torch.set_num_threads(threads)
    tensor = torch.from_numpy(x)
    result = torch.empty_like(tensor)
    calls[f"torch {torch.__version__}"] = (
        lambda: torch.softmax(tensor, -1, out=result),
        result.numpy,
    )
    return calls


def check(calls: dict[str, tuple[Call, Callable[[], np.ndarray]]], x: np.ndarray) -> None:
    rows = slice(0, max(1, 100_000 // x.shape[1]))
    exact = special.softmax(x[rows].astype(np.float64), axis=-1)
    for call, result in calls.values():
        call()
        # coarse, because torch is off by up to 1e-4 on long rows: its sums are plain float32
        np.testing.assert_allclose(result()[rows], exact, rtol=1e-3, atol=1e-30)


def medians(calls: dict[str, tuple[Call, object]], rounds: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (call, _) in calls.items():
            time.sleep(PAUSE)
            call()  # wakes the library's threads and fills the caches: the second call is timed
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def overhead() -> float:
    """Return the seconds that one call on ten numbers takes."""
    x = np.arange(10, dtype=np.float32)
    best = math.inf
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(2000):
            luce.softmax(x)
        best = min(best, (time.perf_counter() - start) / 2000)
    return best


def judge(ratios: dict[str, list[float]], seconds: float) -> int:
    """Print how the demands fare, and the figures; return the exit code."""
    means = {name.split()[0]: statistics.geometric_mean(each) for name, each in ratios.items()}
    slowest = min((min(each) for name, each in ratios.items() if "torch" in name), default=None)
    demands = [
        Demand("at least 6 times faster than SciPy", f"{means['scipy']:.2f}", means["scipy"] >= 6),
        Demand("at most 3 µs on ten numbers", f"{seconds * 1e6:.2f} µs", seconds <= 3e-6),
    ]
    if slowest is not None:
        torch = means["torch"]
        demands += [
            Demand("at least 1.3 times faster than PyTorch", f"{torch:.2f}", torch >= 1.3),
            Demand("never slower than PyTorch", f"{slowest:.2f} at worst", slowest >= 1),
        ]
    code = verdict(demands)
    show_figures(**{"torch": "–"} | {name: f"{mean:.1f}" for name, mean in means.items()})
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    luce.set_num_threads(options.threads)
    ratios: dict[str, list[float]] = {}
    for i, shape in enumerate(SHAPES):
        x = (3 * np.random.default_rng(i).standard_normal(shape)).astype(np.float32)
        calls = contestants(x, options.threads)
        check(calls, x)
        found = medians(calls, options.rounds)
        if i == 0:
            print(f"luce {luce.__version__}, {luce.kernels.simd()}, {options.threads} threads\n")
            print("| shape |", " | ".join(f"{name}, ms" for name in found), "|")
            print("|---|" + "---:|" * len(found))
        cells = [f"{found['luce'] * 1e3:.2f}"]
        for name in list(found)[1:]:
            ratio = found[name] / found["luce"]
            ratios.setdefault(name, []).append(ratio)
            cells.append(f"{found[name] * 1e3:.2f} ({ratio:.2f}x)")
        print(f"| {shape[0]} x {shape[1]} |", " | ".join(cells), "|", flush=True)
    means = [f"{statistics.geometric_mean(ratio):.2f}x" for ratio in ratios.values()]
    print("| geometric mean | |", " | ".join(means), "|")
    seconds = overhead()
    print(f"\none call on ten numbers: {seconds * 1e6:.2f} microseconds")
    return judge(ratios, seconds)


if __name__ == "__main__":
    sys.exit(main())
