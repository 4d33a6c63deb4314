"""Time the fused linear loss of `luce.nn` against PyTorch's, and measure its memory and errors.

    python bench/nn_linear_cross_entropy.py [--rounds 5] [--threads 2] [--quick]

float32, loss and gradients in one step: luce, the plain graph (linear, then cross_entropy), and
``F.linear_cross_entropy`` with its automatic chunks where this torch has it. Everybody takes turns,
and the fastest of the rounds counts: what else the machine does only makes things slower. Memory is
what a step needs beyond arguments and gradients, in a process of its own. Errors of gradients are
root mean squares, beside PyTorch in float64. The largest shape needs about 12 GB and ten minutes;
`--quick` leaves it out. Ends with exit code 1 if a demand is missed.
"""

import argparse
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from linear_cross_entropy import fastest, timed
from memory import held, peak
from section import Demand, show_figures, show_table, verdict
from torch import Tensor
from torch.nn import functional

import luce
from luce.nn.functional import linear_cross_entropy

SHAPES = [
    (700, 200, 10_000),
    (700, 200, 50_000),
    (256, 64, 12_101),
    (2048, 512, 32_000),
    (4096, 1024, 128_000),
]
SLOW = 20.0  # seconds: a call that takes longer is timed once
ROWS_OF_REFERENCE = 256
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def layer(n: int, d: int, k: int) -> tuple[Tensor, Tensor, Tensor]:
    source = torch.Generator().manual_seed(0)
    hidden = torch.randn(n, d, generator=source).requires_grad_()
    weight = torch.randn(k, d, generator=source).mul_(1 / math.sqrt(d)).requires_grad_()
    return hidden, weight, torch.randint(k, (n,), generator=source)


def plain(hidden: Tensor, weight: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(functional.linear(hidden, weight), target)


def auto(hidden: Tensor, weight: Tensor, target: Tensor) -> Tensor:
    options = torch.nn.LinearCrossEntropyOptions()
    return functional.linear_cross_entropy(hidden, weight, target, options=options)


WAYS: dict[str, Loss] = {"luce": linear_cross_entropy, "plain": plain}
if hasattr(torch.nn, "LinearCrossEntropyOptions"):  # torch 2.13
    WAYS["auto"] = auto


def step(loss: Loss, given: tuple[Tensor, Tensor, Tensor]) -> Callable[[], None]:
    def call() -> None:
        given[0].grad = given[1].grad = None
        loss(*given).backward()

    return call


def report_memory(way: str, shape: tuple[int, int, int]) -> None:
    """Print the bytes that a step needs beyond arguments and gradients."""
    few, given = layer(64, shape[1], 1000), layer(*shape)
    step(WAYS[way], few)()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak until here
    before = held()
    step(WAYS[way], given)()
    print(peak() - before - sum(4 * one.numel() for one in given[:2]))


def memory(way: str, shape: tuple[int, int, int], threads: int) -> int:
    """Return what `report_memory` prints in a new process."""
    command = [sys.executable, __file__, "--threads", str(threads), "--memory", way]
    done = subprocess.run(
        [*command, *map(str, shape)], check=True, stdout=subprocess.PIPE, text=True
    )
    return int(done.stdout)


def exact_gradients(given: tuple[Tensor, Tensor, Tensor]) -> list[Tensor]:
    """Return the gradients by PyTorch in float64, a few rows at a time."""
    hidden, weight, target = given
    h = hidden.detach().double().requires_grad_()
    w = weight.detach().double().requires_grad_()
    for start in range(0, len(h), ROWS_OF_REFERENCE):
        part = slice(start, start + ROWS_OF_REFERENCE)
        share = len(target[part]) / len(target)
        (share * plain(h[part], w, target[part])).backward()
    assert h.grad is not None
    assert w.grad is not None
    return [h.grad, w.grad]


def errors(loss: Loss, given: tuple[Tensor, Tensor, Tensor], exact: list[Tensor]) -> list[float]:
    """Return the root mean square error of each gradient, relative to that of the gradient."""
    step(loss, given)()
    found = []
    for one, right in zip(given[:2], exact, strict=True):
        assert one.grad is not None
        rows = [slice(i, i + 4096) for i in range(0, len(right), 4096)]
        wrong = sum(float((one.grad[i] - right[i]).square().sum()) for i in rows)
        found.append(math.sqrt(wrong / float(right.square().sum())))
    return found


def best_times(calls: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Return the shortest time of each call; they take turns, slow ones in the first round only."""
    first = {name: timed(call) for name, call in calls.items()}
    quick = {name: call for name, call in calls.items() if first[name] < SLOW}
    later = fastest(quick, rounds - 1)
    return {name: min(first[name], later.get(name, math.inf)) for name in calls}


def measured(
    shape: tuple[int, int, int], rounds: int, threads: int
) -> tuple[dict[str, str], list[Demand], dict[str, float]]:
    extra = {way: memory(way, shape, threads) for way in ("luce", "plain")}
    given = layer(*shape)
    exact = exact_gradients(given)
    ours, theirs = (errors(WAYS[way], given, exact) for way in ("luce", "plain"))
    del exact
    found = best_times({way: step(loss, given) for way, loss in WAYS.items()}, rounds)
    ratios = {way: time / found["luce"] for way, time in found.items() if way != "luce"}
    name = ", ".join(map(str, shape))
    row = {
        "rows, width, classes": name,
        "luce, ms": f"{1e3 * found['luce']:.1f}",
        "torch, plain, ms": f"{1e3 * found['plain']:.1f} ({ratios['plain']:.2f}x)",
    }
    demands = [
        Demand(
            f"{name}: not slower than the plain graph",
            f"{ratios['plain']:.2f}x as fast",
            ratios["plain"] >= 1,
        ),
        Demand(
            f"{name}: at most an eighth of its extra memory",
            f"{extra['luce'] / 1e6:.1f} of {extra['plain'] / 1e6:.1f} MB",
            8 * extra["luce"] <= extra["plain"],
        ),
        Demand(
            f"{name}: gradients closer to float64",
            ", ".join(f"{a:.1e} and {b:.1e}" for a, b in zip(ours, theirs, strict=True)),
            all(a < b for a, b in zip(ours, theirs, strict=True)),
        ),
    ]
    if "auto" in ratios:
        row["torch, auto, ms"] = f"{1e3 * found['auto']:.1f} ({ratios['auto']:.2f}x)"
        demands.append(
            Demand(
                f"{name}: at least 3 times as fast as torch's auto",
                f"{ratios['auto']:.2f}x",
                ratios["auto"] >= 3,
            )
        )
    row |= {
        "extra memory, luce, MB": f"{extra['luce'] / 1e6:.1f}",
        "extra memory, plain, MB": f"{extra['plain'] / 1e6:.1f}",
        "error of grad hidden, luce / torch": f"{ours[0]:.1e} / {theirs[0]:.1e}",
        "error of grad weight, luce / torch": f"{ours[1]:.1e} / {theirs[1]:.1e}",
    }
    return row, demands, ratios | {"memory": extra["plain"] / max(1, extra["luce"])}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="leave the largest shape out")
    parser.add_argument("--memory", nargs=4, metavar=("WAY", "ROWS", "WIDTH", "CLASSES"))
    options = parser.parse_args()
    luce.set_num_threads(options.threads)
    torch.set_num_threads(options.threads)
    if options.memory:
        way, *shape = options.memory
        n, d, k = map(int, shape)
        report_memory(way, (n, d, k))
        return 0
    rows, demands, ratios = [], [], []
    for shape in SHAPES[:-1] if options.quick else SHAPES:
        row, asked, ratio = measured(shape, options.rounds, options.threads)
        rows.append(row)
        demands += asked
        ratios.append(ratio)
        print(row, file=sys.stderr)
    print(
        f"luce {luce.__version__}, {luce.kernels.simd()}, torch {torch.__version__},"
        f" {options.threads} threads\n"
    )
    show_table(rows)
    code = verdict(demands)
    show_figures(
        **{f"least_{name}": f"{min(one[name] for one in ratios):.1f}" for name in ratios[0]}
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
