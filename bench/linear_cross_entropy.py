"""Time the fused cross-entropy of a linear layer against its bare products and against PyTorch.

    python bench/linear_cross_entropy.py [--rounds 5] [--threads 2] [--huge]

Two tables in Markdown, float32. The first compares loss and three gradients with the three matrix
products that they cannot do without, each by NumPy in the best of several blockings, with its
results already allocated; and gives the memory beyond arguments and results, measured in a process
of its own. The second compares with PyTorch: the plain graph, and ``F.linear_cross_entropy`` at the
best of its chunk settings. Everybody takes turns, and the fastest of the rounds counts: what else
the machine does only makes things slower. `--huge` adds a layer of 256,000 classes: ten minutes.
Ends with exit code 1 if a demand is missed.
"""

import argparse
import math
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
from memory import held, peak
from section import Demand, show_figures, show_table, verdict

import luce
from luce.losses import linear_cross_entropy_grad

# After a call the threads of a library go on spinning for a while, on the cores of whoever comes
# next. Everybody waits as long before being timed.
PAUSE = 0.2  # seconds
LIMIT = 64_000_000  # bytes beyond arguments and results
SHAPES = [(2048, 1024, 64_000)]
HUGE = (8192, 2304, 256_000)
BESIDE_TORCH = (2048, 512, 32_000)
Blocks = list[tuple[int, int | None]]
BLOCKS: Blocks = [(512, None), (2048, None), (2048, 8000)]  # rows, classes; None = all
BLOCKS_OF_HUGE = BLOCKS[-1:]  # one product of it takes a minute: one round, and one blocking
CHUNKS = (64, 128, 256, 512, 1024, 2048)
Call = Callable[[], object]


class Layer(NamedTuple):
    """Rows, weights and labels."""

    hidden: np.ndarray
    weight: np.ndarray
    labels: np.ndarray


def layer(n: int, d: int, k: int) -> Layer:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((k, d), dtype=np.float32)
    weight *= np.float32(1 / math.sqrt(d))
    return Layer(rng.standard_normal((n, d), dtype=np.float32), weight, rng.integers(0, k, n))


def bare_products(given: Layer, grad_w: np.ndarray, rows: int, classes: int | None) -> Call:
    """Return a call that does nothing but the products, over all rows and classes in blocks."""
    h, w, _ = given
    (n, d), k = h.shape, len(w)
    rows, classes = min(rows, n), classes or k
    # Where there are more rows than a block, each block overwrites the results of the last.
    g = np.empty(rows * classes, np.float32)
    grad_h = np.empty((rows, d), np.float32)

    def multiply() -> None:
        for i in range(0, n, rows):
            some = h[i : i + rows]
            for j in range(0, k, classes):
                part = w[j : j + classes]
                z = g[: len(some) * len(part)].reshape(len(some), len(part))
                np.matmul(some, part.T, out=z)
                np.matmul(z, part, out=grad_h[: len(some)])
                np.matmul(z.T, some, out=grad_w[j : j + classes])

    return multiply


def blas_limited_to(threads: int) -> AbstractContextManager[object]:
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:  # then OPENBLAS_NUM_THREADS decides, or the number of processors
        return nullcontext()
    limit: AbstractContextManager[object] = threadpool_limits(threads)
    return limit


def timed(call: Call) -> float:
    time.sleep(PAUSE)
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def fastest(calls: dict[str, Call], rounds: int) -> dict[str, float]:
    """Return the shortest time of each call; they take turns."""
    best = dict.fromkeys(calls, math.inf)
    for _ in range(rounds):
        for name, call in calls.items():
            best[name] = min(best[name], timed(call))
    return best


def best_of(calls: dict[str, Call], names: str) -> tuple[str, Call]:
    """Return the fastest call whose name starts so, by two rounds."""
    chosen = {name: call for name, call in calls.items() if name.startswith(names)}
    if len(chosen) == 1:
        return next(iter(chosen.items()))
    found = fastest(chosen, 2)
    name = min(found, key=found.__getitem__)
    return name, chosen[name]


def report_memory(n: int, d: int, k: int) -> None:
    """Print the bytes that the loss and its gradients need beyond arguments and results."""
    given = layer(n, d, k)
    few = given.weight[:1000].copy()
    linear_cross_entropy_grad(given.hidden[:16], few, given.labels[:16] % 1000)
    before = held()
    result = linear_cross_entropy_grad(*given)
    print(peak() - before - result.grad_hidden.nbytes - result.grad_weight.nbytes)


def memory(shape: tuple[int, int, int]) -> int:
    """Return what `report_memory` prints in a new process."""
    command = [sys.executable, __file__, "--memory", *map(str, shape)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def check(given: Layer) -> None:
    """Compare a few rows with float64, before anything is timed."""
    h, w, y = given.hidden[:64], given.weight, given.labels[:64]
    result = linear_cross_entropy_grad(h, w, y)
    parts = [slice(i, i + 8000) for i in range(0, len(w), 8000)]  # 256,000 in float64 fill 5 GB
    p = np.concatenate([h.astype(np.float64) @ w[part].T.astype(np.float64) for part in parts], 1)
    p = np.exp(p - p.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    at_label = np.arange(len(y)), y
    np.testing.assert_allclose(result.loss, -np.log(p[at_label]).mean(), rtol=1e-6)
    p[at_label] -= 1
    p /= len(y)
    assert_close(result.grad_hidden, sum(p[:, part] @ w[part] for part in parts))
    for part in parts:
        assert_close(result.grad_weight[part], p[:, part].T @ h)


def assert_close(got: np.ndarray, exact: np.ndarray) -> None:
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-5 * np.abs(exact).max())


def against_products(
    shape: tuple[int, int, int], rounds: int, blocks: Blocks
) -> tuple[dict[str, str], float, int]:
    """Return a row of the first table, the ratio of times, and the extra bytes."""
    n, d, k = shape
    extra = memory(shape) if sys.platform.startswith("linux") else 0
    given = layer(*shape)
    check(given)
    blockings, grad_w = {}, np.empty_like(given.weight)
    for rows, classes in blocks:
        if rows * (classes or k) * 4 <= 3e9:
            what = f"{min(rows, n)} rows" + (f" x {classes} classes" if classes else "")
            blockings[f"bare, {what}"] = bare_products(given, grad_w, rows, classes)
    blocking, products = best_of(blockings, "bare")
    found = fastest({"luce": lambda: linear_cross_entropy_grad(*given), "bare": products}, rounds)
    ratio = found["luce"] / found["bare"]
    speed = 6 * n * d * k / found["luce"] / 1e9
    row = {
        "rows, width, classes": f"{n}, {d}, {k}",
        "three products by NumPy, s": f"{found['bare']:.2f} ({blocking.removeprefix('bare, ')})",
        "luce, loss and gradients, s": f"{found['luce']:.2f}",
        "ratio": f"{ratio:.2f}",
        "luce, GFLOP/s": f"{speed:.0f}",
        "beyond arguments and results, MB": f"{extra / 1e6:.1f}",
    }
    return row, ratio, extra


def torch_calls(given: Layer, threads: int) -> dict[str, Call]:
    """Return PyTorch's ways to the same; none where it is not installed."""
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(threads)
    functional = torch.nn.functional
    h, w = (torch.from_numpy(x).requires_grad_() for x in (given.hidden, given.weight))
    y = torch.from_numpy(given.labels)

    def backward(loss: Callable[[], torch.Tensor]) -> Call:
        def call() -> None:
            h.grad = w.grad = None
            loss().backward()

        return call

    calls = {"plain graph": backward(lambda: functional.cross_entropy(functional.linear(h, w), y))}
    options = getattr(torch.nn, "LinearCrossEntropyOptions", None)
    if options is None:  # before torch 2.13
        return calls
    settings = {"auto": options()}
    for policy in ("accurate", "compact"):
        for rows in CHUNKS:
            settings[f"{rows} rows, {policy}"] = options(
                acc_policy=policy, chunking_method=None, batch_chunk_size=rows
            )
    for name, setting in settings.items():
        calls[f"fused, {name}"] = backward(
            lambda setting=setting: functional.linear_cross_entropy(h, w, y, options=setting)
        )
    return calls


def against_torch(rounds: int, threads: int) -> tuple[dict[str, str], dict[str, float]] | None:
    """Return a row of the second table, and how many times slower PyTorch is in either way."""
    given = layer(*BESIDE_TORCH)
    calls = torch_calls(given, threads)
    if "plain graph" not in calls:
        return None
    contest: dict[str, Call] = {"luce": lambda: linear_cross_entropy_grad(*given)}
    contest["plain graph"] = calls["plain graph"]
    setting = ""
    if len(calls) > 1:
        setting, contest["fused"] = best_of(calls, "fused")
    found = fastest(contest, rounds)
    ratios = {name: time / found["luce"] for name, time in found.items() if name != "luce"}
    row = {"rows, width, classes": ", ".join(map(str, BESIDE_TORCH))}
    row["luce, s"] = f"{found['luce']:.3f}"
    for name, ratio in ratios.items():
        which = f"; {setting.removeprefix('fused, ')}" if name == "fused" else ""
        row[f"torch, {name}, s"] = f"{found[name]:.3f} ({ratio:.2f}x{which})"
    return row, ratios


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--huge", action="store_true", help="256,000 classes too: ten minutes")
    parser.add_argument("--memory", type=int, nargs=3, metavar=("ROWS", "WIDTH", "CLASSES"))
    options = parser.parse_args()
    luce.set_num_threads(options.threads)
    if options.memory:
        report_memory(*options.memory)
        return 0
    demands, figures = [], {}
    with blas_limited_to(options.threads):
        rows = []
        for shape in SHAPES + ([HUGE] if options.huge else []):
            huge = shape == HUGE
            row, ratio, extra = against_products(
                shape, 1 if huge else options.rounds, BLOCKS_OF_HUGE if huge else BLOCKS
            )
            rows.append(row)
            name = f"{shape[2]:,} classes"
            demands += [
                Demand(
                    f"{name}: at most 1.1 times the bare products", f"{ratio:.2f}", ratio <= 1.1
                ),
                Demand(f"{name}: at most 64 MB extra", f"{extra / 1e6:.1f} MB", extra <= LIMIT),
            ]
        figures |= {"ratio": rows[0]["ratio"], "torch": "–"}
        print(f"luce {luce.__version__}, {luce.kernels.simd()}, {options.threads} threads\n")
        show_table(rows)
        beside_torch = against_torch(options.rounds, options.threads)
    if beside_torch is not None:
        row, ratios = beside_torch
        print()
        show_table([row])
        for name, ratio in ratios.items():
            demands.append(Demand(f"faster than PyTorch's {name}", f"{ratio:.2f}x", ratio > 1))
        figures["torch"] = f"{min(ratios.values()):.1f}"
    code = verdict(demands)
    show_figures(**figures)
    return code


if __name__ == "__main__":
    sys.exit(main())
