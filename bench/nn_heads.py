"""Measure every head of `luce.nn` at one shape: parameters, a step, the top 10 and memory.

    python bench/nn_heads.py [--rounds 5] [--threads 2]

512 rows of width 128, 20,000 classes numbered from frequent to rare, labels by Zipf's law; float32,
defaults but for what the name says. A step is loss and gradients in training mode. The heads take
turns and the fastest of the rounds counts. Memory is what a step needs beyond parameters, their
gradients and the rows, in a process of its own. A head joins by a line in `HEADS`; one that this
luce does not have is left out. A second table sets `PHMLinear` beside ``torch.nn.Linear``. Ends
with exit code 1 if a demand is missed.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from linear_cross_entropy import fastest
from memory import held, peak
from section import Demand, show_figures, show_table, verdict
from torch import Tensor

from luce import nn

ROWS, WIDTH, CLASSES, BEST = 512, 128, 20_000, 10
PLAIN = "torch: Linear, cross_entropy"
LAYER = 1024


class Plain(torch.nn.Module):
    """What there is without a head."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(WIDTH, CLASSES)

    def forward(self, hidden: Tensor, target: Tensor) -> Tensor:
        return torch.nn.functional.cross_entropy(self.linear(hidden), target)

    def topk(self, hidden: Tensor, k: int) -> object:
        return self.linear(hidden).log_softmax(-1).topk(k)


def counts() -> Tensor:
    """Return how often each class occurs, by Zipf's law."""
    return 1e7 / torch.arange(1, CLASSES + 1)


def sizes() -> tuple[int, int]:
    return WIDTH, CLASSES


def tree() -> torch.nn.Module:
    return nn.HierarchicalSoftmax(WIDTH, nn.ClassTree.huffman(counts().numpy()))


HEADS: dict[str, Callable[[], torch.nn.Module]] = {
    PLAIN: Plain,
    "FullSoftmax": lambda: nn.FullSoftmax(*sizes()),
    "LowRankSoftmax, rank 32": lambda: nn.LowRankSoftmax(*sizes(), rank=32),
    "PHMSoftmax, n 4": lambda: nn.PHMSoftmax(*sizes(), n=4),
    "MixtureOfSoftmaxes, 4": lambda: nn.MixtureOfSoftmaxes(*sizes(), 4),
    "MultiScaleSoftmax, 3": lambda: nn.MultiScaleSoftmax(*sizes()),
    "SparsemaxHead": lambda: nn.SparsemaxHead(*sizes()),
    "EntmaxHead, 1.5": lambda: nn.EntmaxHead(*sizes()),
    "AdaptiveSoftmax, 2000, 8000": lambda: nn.AdaptiveSoftmax(*sizes(), [2000, 8000]),
    "HierarchicalSoftmax, Huffman": tree,
    "SampledSoftmax, 1024": lambda: nn.SampledSoftmax(*sizes()),
    "NCE, 1024": lambda: nn.NCE(*sizes()),
    "MarginSoftmax, all centres": lambda: nn.MarginSoftmax(*sizes()),
    "MarginSoftmax, 1024 centres": lambda: nn.MarginSoftmax(*sizes(), n_samples=1024),
}


def there_is(name: str) -> bool:
    return name == PLAIN or hasattr(nn, name.partition(",")[0])


def batch(rows: int) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, WIDTH, generator=source)
    return hidden.requires_grad_(), counts().multinomial(rows, True, generator=source)


def step(head: torch.nn.Module, given: tuple[Tensor, Tensor]) -> Callable[[], None]:
    def call() -> None:
        head.zero_grad()
        given[0].grad = None
        head(*given).backward()

    return call


def best(head: torch.nn.Module, hidden: Tensor) -> Callable[[], None]:
    @torch.no_grad()
    def call() -> None:
        head.topk(hidden, BEST)

    return call


def numbers(module: torch.nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def report_memory(name: str) -> None:
    """Print the bytes that a step needs beyond parameters, gradients and rows."""
    head, given = HEADS[name]().train(), batch(ROWS)
    step(head, batch(2))()  # makes the gradients, and whatever else is made once
    head.zero_grad()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak until here
    before = held()
    step(head, given)()
    taken = numbers(head) + given[0].numel() if all_dense(head) else 0
    print(max(0, peak() - before - 4 * taken))


def all_dense(head: torch.nn.Module) -> bool:
    return not any(one.grad is not None and one.grad.is_sparse for one in head.parameters())


def memory(name: str, threads: int) -> int:
    command = [sys.executable, __file__, "--threads", str(threads), "--memory", name]
    # Memory that is given back leaves the process at once, and is seen again when it is taken.
    how = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "100000"}
    done = subprocess.run(command, env=how, check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout)


def layers(rounds: int) -> list[dict[str, str]]:
    """Return the table of PHMLinear beside the plain layer of the same sizes."""
    made = {"torch.nn.Linear": torch.nn.Linear(LAYER, LAYER)}
    made |= {f"PHMLinear, n {n}": nn.PHMLinear(LAYER, LAYER, n) for n in (2, 4, 8, 16)}
    x = torch.randn(ROWS, LAYER, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def pass_through(layer: torch.nn.Module) -> Callable[[], None]:
        def call() -> None:
            layer.zero_grad()
            x.grad = None
            layer(x).sum().backward()

        return call

    found = fastest({name: pass_through(layer) for name, layer in made.items()}, rounds)
    base = found["torch.nn.Linear"]
    return [
        {
            f"{LAYER} to {LAYER}, {ROWS} rows": name,
            "parameters": f"{numbers(layer):,}",
            "forward and backward, ms": f"{1e3 * found[name]:.1f} ({found[name] / base:.2f}x)",
        }
        for name, layer in made.items()
    ]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", metavar="NAME")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.memory:
        report_memory(given.memory)
        return 0
    names = [name for name in HEADS if there_is(name)]
    extra = {name: memory(name, given.threads) for name in names}
    torch.manual_seed(0)
    rows, heads = batch(ROWS), {name: HEADS[name]() for name in names}
    steps = fastest({n: step(head.train(), rows) for n, head in heads.items()}, given.rounds)
    tops = fastest({n: best(head.eval(), rows[0]) for n, head in heads.items()}, given.rounds)
    print(f"{ROWS} rows of width {WIDTH}, {CLASSES:,} classes, labels by Zipf's law:\n")
    show_table([
        {
            "head": name,
            "parameters": f"{numbers(head):,}",
            "step, ms": f"{1e3 * steps[name]:.1f} ({steps[name] / steps[PLAIN]:.2f}x)",
            f"top {BEST}, ms": f"{1e3 * tops[name]:.1f} ({tops[name] / tops[PLAIN]:.2f}x)",
            "extra memory, MB": f"{extra[name] / 1e6:.1f}",
        }
        for name, head in heads.items()
    ])  # fmt: skip
    print()
    show_table(layers(given.rounds))
    low, phm = "LowRankSoftmax, rank 32", "PHMSoftmax, n 4"
    show_figures(
        low_rank=f"{steps[PLAIN] / steps[low]:.1f}",
        phm_parameters=f"{numbers(heads[PLAIN]) / numbers(heads[phm]):.1f}",
    )
    return verdict([
        Demand(
            "the fused FullSoftmax is not slower than the plain graph",
            f"{steps[PLAIN] / steps['FullSoftmax']:.2f}x as fast",
            steps["FullSoftmax"] <= steps[PLAIN],
        ),
        Demand(
            "a low-rank head is faster than the plain graph, too",
            f"{steps[PLAIN] / steps[low]:.2f}x as fast",
            steps[low] < steps[PLAIN],
        ),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
