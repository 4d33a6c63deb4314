"""Train an output layer of ten million classes on one machine: time of a step, and peak memory.

    python bench/ten_million_classes.py [--steps 20] [--classes 10000000]

Width 64, so that the weights alone hold 2.56 GB in float32; 512 rows a step, labels by Zipf's law,
2048 classes drawn; one thread. Each layer has a process of its own, and its peak is that of the
whole process, Python and PyTorch included. The fastest step counts; it holds loss, gradients and
the optimiser's update. Plain cross-entropy would need 20 GB for the logits of a step and as much
for their gradient: it is not run. Ends with exit code 1 if a demand is missed.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from memory import held, peak
from section import Demand, show_figures, show_table, verdict

from luce.nn import LogUniformSampler, MarginSoftmax, RowwiseAdagrad, SampledSoftmax

WIDTH, ROWS, DRAWN, CHECKED = 64, 512, 2048, 4
GIGABYTE = 1e9


def sampled(classes: int, sparse: bool = True) -> torch.nn.Module:
    sampler = LogUniformSampler(classes)
    return SampledSoftmax(WIDTH, classes, n_samples=DRAWN, sampler=sampler, sparse=sparse)


def margin(classes: int) -> torch.nn.Module:
    return MarginSoftmax(WIDTH, classes, n_samples=DRAWN, scale=16.0, sparse=True)


def adagrad(head: torch.nn.Module) -> torch.optim.Optimizer:
    return RowwiseAdagrad(head.parameters(), lr=0.1)


def descent(head: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(head.parameters(), lr=0.1)


CASES: dict[str, tuple[Callable[[int], torch.nn.Module], Callable[..., torch.optim.Optimizer]]] = {
    "SampledSoftmax, RowwiseAdagrad": (sampled, adagrad),
    "MarginSoftmax, RowwiseAdagrad": (margin, adagrad),
    "the same loss with dense gradients, SGD": (lambda k: sampled(k, sparse=False), descent),
}
OURS = list(CASES)[:2]


def run(name: str, classes: int, steps: int) -> None:
    """Print what one layer takes."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    begun = time.perf_counter()
    make, optimise = CASES[name]
    head = make(classes)
    optimizer = optimise(head)
    built, after_building = time.perf_counter() - begun, peak()
    hidden = torch.randn(ROWS, WIDTH)
    labels = LogUniformSampler(classes, distinct=False).sample(ROWS)
    times, loss = [], torch.tensor(0.0)
    for _ in range(steps if name in OURS else 3):
        begun = time.perf_counter()
        optimizer.zero_grad()
        loss = head(hidden, labels)
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter() - begun)
    training = peak()
    head.eval()
    begun = time.perf_counter()
    with torch.no_grad():
        exact = head(hidden[:CHECKED], labels[:CHECKED]).item()
    print(
        json.dumps(
            {
                "build": built,
                "step": min(times),
                "after_building": after_building,
                "training": training,
                "held": held(),
                "evaluation": time.perf_counter() - begun,
                "loss": loss.item(),
                "exact": exact,
            }
        )
    )


def measured(name: str, classes: int, steps: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--case", name]
    command += ["--classes", str(classes), "--steps", str(steps)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure ten million classes.")
    parser.add_argument("--classes", type=int, default=10_000_000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--case", choices=list(CASES))
    options = parser.parse_args()
    if options.case:
        run(options.case, options.classes, options.steps)
        return 0
    rows, demands, figures = [], [], {}
    for name in CASES:
        got = measured(name, options.classes, options.steps)
        rows.append(
            {
                "layer and optimiser": name,
                "to build": f"{got['build']:.1f} s",
                "a step": f"{1000 * got['step']:.0f} ms",
                "peak memory": f"{got['training'] / GIGABYTE:.2f} GB",
                f"exact loss of {CHECKED} rows": f"{got['evaluation']:.1f} s",
            }
        )
        if name in OURS:
            short = name.partition(",")[0]
            step, most = got["step"], got["training"]
            figures |= {short: f"{1000 * step:.0f}", f"{short}_memory": f"{most / GIGABYTE:.1f}"}
            demands += [
                Demand(f"{short}: a step in under a second", f"{1000 * step:.0f} ms", step < 1),
                Demand(f"{short}: at most 8 GB", f"{most / GIGABYTE:.2f} GB", most <= 8e9),
                Demand(
                    f"{short}: building takes no second copy of the weights",
                    f"peak {got['after_building'] / GIGABYTE:.2f} GB",
                    got["after_building"] < 1.5 * 4 * WIDTH * options.classes,
                ),
            ]
    show_table(rows)
    code = verdict(demands)
    show_figures(**figures)
    return code


if __name__ == "__main__":
    sys.exit(main())
