"""Time softmax and cross-entropy of `luce.nn.functional` against PyTorch's, on the CPU.

    python bench/nn_functional.py [--rounds 9] [--threads 2]

float32, eager mode; forward alone, and forward with backward. Everybody takes turns, and the
fastest of the rounds counts: what else the machine does only makes things slower. Small calls are
repeated, and cost what Python costs; the demands are for the others. Errors are those of the first
rows, beside PyTorch in float64. Two minutes. Ends with exit code 1 if a demand is missed.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from section import Demand, show_figures, show_table, verdict
from torch import Tensor
from torch.nn import functional

import luce
from luce.nn import functional as ours

SHAPES = [
    (1, 10), (64, 10), (64, 1000), (4096, 10), (4096, 100), (1024, 1000), (256, 32_768),
    (64, 131_072),
]  # fmt: skip
MANY = 2**15  # numbers, from which a call is more than what Python costs
ENOUGH = 0.01  # seconds that a timed run takes at least
# The threads of a library go on spinning for a moment, on the cores of whoever comes next.
PAUSE = 0.02  # seconds
COMPARED = 64  # rows whose errors are measured
SMOOTHED = 0.1
Function = Callable[[Tensor], Tensor]


class Both(NamedTuple):
    """The same function by luce and by PyTorch."""

    luce: Function
    torch: Function


def functions(y: Tensor) -> dict[str, Both]:
    """Return what is timed, for logits with these labels."""
    return {
        "softmax": Both(ours.softmax, lambda z: functional.softmax(z, -1)),
        "log_softmax": Both(ours.log_softmax, lambda z: functional.log_softmax(z, -1)),
        "cross_entropy": Both(
            lambda z: ours.cross_entropy(z, y[: len(z)]),
            lambda z: functional.cross_entropy(z, y[: len(z)]),
        ),
        f"cross_entropy, label_smoothing={SMOOTHED}": Both(
            lambda z: ours.cross_entropy(z, y[: len(z)], label_smoothing=SMOOTHED),
            lambda z: functional.cross_entropy(z, y[: len(z)], label_smoothing=SMOOTHED),
        ),
    }


def with_gradient(function: Function, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return the result and its gradient in `x`, for slopes `v` of a result that is no scalar."""
    result = function(x)
    (grad,) = torch.autograd.grad(result, x, v if result.ndim else None)
    return result.detach(), grad


def errors(function: Function, exact: tuple[Tensor, Tensor], z: Tensor, v: Tensor) -> str:
    """Return the largest relative error of the result, and that of the gradient's length."""
    got, grad = with_gradient(function, z.clone().requires_grad_(), v)
    right, slope = exact
    worst = float(((got.double() - right) / right).abs().max())
    off = float((grad.double() - slope).norm() / slope.norm())
    assert worst < 1e-3, f"a result is wrong by {worst}"
    assert off < 1e-3, f"a gradient is wrong by {off}"
    return f"{worst:.0e}, {off:.0e}"


def seconds_of(call: Callable[[], object], times: int) -> float:
    time.sleep(PAUSE)
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times


def fastest(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the shortest seconds that a call takes, for each of them."""
    best = {name: min(seconds_of(call, 1) for _ in range(2)) for name, call in calls.items()}
    times = {name: max(1, math.ceil(ENOUGH / seconds)) for name, seconds in best.items()}
    for _ in range(rounds):
        for name, call in calls.items():
            best[name] = min(best[name], seconds_of(call, times[name]))
    return best


def measured(shape: tuple[int, int], rounds: int) -> dict[str, tuple[dict[str, str], list[float]]]:
    """Return a row of each function's table, and its ratios: forward, and with backward."""
    n, k = shape
    source = torch.Generator().manual_seed(k)
    z, v = (3 * torch.randn(n, k, generator=source) for _ in range(2))
    y = torch.randint(k, (n,), generator=source)
    x = z.clone().requires_grad_()
    few, slopes = z[:COMPARED], v[:COMPARED]
    found = {}
    for name, both in functions(y).items():
        exact = with_gradient(both.torch, few.double().requires_grad_(), slopes.double())
        off = {who: errors(one, exact, few, slopes) for who, one in both._asdict().items()}
        forward = fastest(
            {who: (lambda f=one: f(z)) for who, one in both._asdict().items()}, rounds
        )
        whole = fastest(
            {who: (lambda f=one: with_gradient(f, x, v)) for who, one in both._asdict().items()},
            rounds,
        )
        ratios = [times["torch"] / times["luce"] for times in (forward, whole)]
        row = {"rows, classes": f"{n:,}, {k:,}"}
        for title, times, ratio in zip(
            ("forward, µs", "and backward, µs"), (forward, whole), ratios, strict=True
        ):
            row[title] = f"{1e6 * times['luce']:,.1f} ({ratio:.2f}x)"
        row["errors, luce"], row["errors, torch"] = off["luce"], off["torch"]
        found[name] = row, ratios
        print(name, row, file=sys.stderr)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    luce.set_num_threads(options.threads)
    found = {shape: measured(shape, options.rounds) for shape in SHAPES}
    print(f"torch {torch.__version__}, {options.threads} threads. In brackets how many times what")
    print(
        "luce takes PyTorch takes. Errors, of the first 64 rows: the largest of a result, relative"
    )
    print("to it, and that of the whole gradient, relative to its length.")
    demands, figures = [], {}
    for name in next(iter(found.values())):
        print(f"\n**{name}**\n")
        show_table([of_shape[name][0] for of_shape in found.values()])
        large = [one[name][1] for (n, k), one in found.items() if n * k >= MANY]
        for place, kind in enumerate(("forward", "forward and backward")):
            least = min(ratios[place] for ratios in large)
            what = f"{name}, {kind}: not slower than PyTorch from {MANY:,} numbers on"
            demands.append(Demand(what, f"at least {least:.2f}x", least >= 1))
            figures[f"{name.partition('=')[0]}, {kind}"] = f"{least:.1f}"
    code = verdict(demands)
    show_figures(**figures)
    return code


if __name__ == "__main__":
    sys.exit(main())
