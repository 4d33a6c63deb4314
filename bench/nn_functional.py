"""Time softmax and cross-entropy of `luce.nn.functional` against PyTorch's, on the CPU.

    python bench/nn_functional.py [--rounds 15] [--threads 2]

float32, eager mode; forward, and forward with backward; log_softmax too. Everybody takes turns, and
the fastest of the rounds counts: what else the machine does only makes things slower. Small calls
cost what Python costs; the demands are for long rows. Results are compared with float64 first.
Ends with exit code 1 if a demand is missed.
"""

import argparse
import sys
from collections.abc import Callable

import torch
from linear_cross_entropy import fastest
from section import Demand, show_figures, show_table, verdict
from torch import Tensor
from torch.nn import functional

import luce
from luce.nn import functional as ours

SHAPES = [(1, 10), (64, 10), (64, 1000), (4096, 100), (1024, 1000), (256, 32_768), (64, 131_072)]
LONG = 32_768
ENOUGH = 0.005  # seconds that a timed run takes at least: small calls are repeated
Call = Callable[[], object]


def calls(z: Tensor, y: Tensor, v: Tensor) -> dict[str, dict[str, Call]]:
    """Return what is timed: for each function luce's and PyTorch's, without and with backward."""
    x = z.clone().requires_grad_()
    functions: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
        "softmax": (ours.softmax, lambda z: functional.softmax(z, -1)),
        "log_softmax": (ours.log_softmax, lambda z: functional.log_softmax(z, -1)),
        "cross_entropy": (
            lambda z: ours.cross_entropy(z, y),
            lambda z: functional.cross_entropy(z, y),
        ),
    }
    found: dict[str, dict[str, Call]] = {}
    for name, both in functions.items():
        exact = both[1](z[:64].double()) if name != "cross_entropy" else both[1](z.double())
        got = both[0](z)
        torch.testing.assert_close(
            (got[:64] if got.ndim else got).double(), exact, rtol=1e-4, atol=1e-30
        )
        found[name], found[f"{name}, backward"] = {}, {}
        for who, function in zip(("luce", "torch"), both, strict=True):
            found[name][who] = lambda f=function: f(z)

            def step(f: Callable[[Tensor], Tensor] = function) -> object:
                result = f(x)
                return torch.autograd.grad(result, x, v if result.ndim else None)

            found[f"{name}, backward"][who] = step
    return found


def best(both: dict[str, Call], rounds: int) -> dict[str, float]:
    """Return the shortest seconds that a call takes, for each of them."""
    took = fastest(both, 3)
    times = {name: max(1, int(ENOUGH / seconds)) for name, seconds in took.items()}

    def often(name: str) -> None:
        for _ in range(times[name]):
            both[name]()

    repeated = {name: (lambda name=name: often(name)) for name in both}
    found = fastest(repeated, rounds)
    return {name: seconds / times[name] for name, seconds in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    luce.set_num_threads(options.threads)
    rows, demands, figures = [], [], {}
    for n, k in SHAPES:
        source = torch.Generator().manual_seed(k)
        z, v = (3 * torch.randn(n, k, generator=source) for _ in range(2))
        row = {"rows, classes": f"{n:,}, {k:,}"}
        for name, both in calls(z, torch.randint(k, (n,), generator=source), v).items():
            found = best(both, options.rounds)
            ratio = found["torch"] / found["luce"]
            row[name] = f"{1e6 * found['luce']:,.1f} µs ({ratio:.2f}x)"
            if k >= LONG:
                what = f"{name}, {n:,} rows of {k:,} classes"
                demands.append(Demand(f"{what}: not slower", f"{ratio:.2f}x", ratio >= 1))
                figures[f"{name.replace(', ', '_')}_{k}"] = f"{ratio:.1f}"
        rows.append(row)
    print(f"{options.threads} threads; in brackets how many times that PyTorch takes.\n")
    show_table(rows)
    show_figures(**figures)
    return verdict(demands)


if __name__ == "__main__":
    sys.exit(main())
