"""Measure the Triton kernels of `luce.nn` on a GPU, beside PyTorch, Liger and cut cross-entropy.

    python bench/gpu.py [--rounds 15] [--gib 2] [--no-compile]
    TRITON_INTERPRET=1 python bench/gpu.py --rehearse        without a GPU: the same code, tiny

Softmax (forward, backward) and cross-entropy (forward and backward together) from 4096 to 262,144
columns in bfloat16 and float32, as a share of the measured bandwidth of a copy: the bytes that must
be read and written, over the time, over those of a copy. The fused linear loss with (8192, 4096,
131072) in bfloat16, loss and gradients, beside three bare products of the same sizes, with its
workspace. All who are installed take turns on the same tensors, and medians are given, by CUDA
events. Before anything is timed, a result is compared with float64. Ends with exit code 1 if a
demand is missed, and with 2 where there is no GPU.
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from section import Demand, show_figures, show_table, verdict
from torch import Tensor
from torch.nn import functional

from luce.nn import functional as luce
from luce.nn import gpu

COLUMNS = (4096, 8192, 16_384, 32_768, 65_536, 131_072, 262_144)
LAYER = (8192, 4096, 131_072)
LEAST_SHARE = 0.85  # of the bandwidth of a copy
MOST_PRODUCTS = 1.3  # times three bare products
MOST_WORKSPACE = 512 << 20
Call = Callable[[], object]
Loss = Callable[[Tensor, Tensor], Tensor]
LinearLoss = Callable[[Tensor, Tensor, Tensor], Tensor]

NO_GPU = """bench/gpu.py needs an NVIDIA GPU and Triton: {why}.
Nothing was measured. To go through the same code on the CPU, slowly and with tiny shapes:
    pip install --no-deps triton
    TRITON_INTERPRET=1 python bench/gpu.py --rehearse"""


class Place(NamedTuple):
    """Where things run, how long they are repeated, and how large they are."""

    device: str
    rounds: int
    bytes: int
    columns: tuple[int, ...]
    layer: tuple[int, int, int]
    compiles: bool

    def seconds(self, calls: dict[str, Call]) -> dict[str, float]:
        """Return the median seconds of each call; they take turns."""
        for call in calls.values():
            for _ in range(3 if self.device == "cuda" else 1):
                call()
        found: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(self.rounds):
            for name, call in calls.items():
                found[name].append(self.once(call))
        return {name: statistics.median(times) for name, times in found.items()}

    def once(self, call: Call) -> float:
        if self.device != "cuda":
            start = time.perf_counter()
            call()
            return time.perf_counter() - start
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        call()
        last.record()
        last.synchronize()
        return float(first.elapsed_time(last)) / 1e3

    def compiled(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return torch.compile(function, fullgraph=True, dynamic=False)


def bandwidth(place: Place) -> float:
    """Return the bytes a second of a copy, those read and those written."""
    a = torch.randn(place.bytes // 4, device=place.device)
    b = torch.empty_like(a)
    found = place.seconds({"copy": lambda: b.copy_(a)})["copy"]
    return 2 * a.numel() * a.element_size() / found


def logits(place: Place, k: int, dtype: torch.dtype) -> Tensor:
    n = max(2, place.bytes // (k * dtype.itemsize))
    generator = torch.Generator(place.device).manual_seed(k)
    z = torch.empty(n, k, dtype=dtype, device=place.device)
    return z.normal_(0, 3, generator=generator)


def check(got: Tensor, exact: Tensor, dtype: torch.dtype, what: str) -> None:
    """Raise unless the norm of the error is that of the dtype's rounding."""
    error = float((got.double() - exact).norm() / exact.norm())
    most = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}[dtype]
    if not error <= most:
        raise SystemExit(f"{what} is wrong: relative error {error:.1e}, at most {most:.0e} allowed")


def softmaxes(place: Place) -> dict[str, Callable[[Tensor], Tensor]]:
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "luce": luce.softmax,
        "torch": lambda z: functional.softmax(z, -1),
    }
    if place.compiles:
        ways["compiled"] = place.compiled(lambda z: functional.softmax(z, -1))
    try:
        from liger_kernel.ops.softmax import LigerSoftmaxFunction

        ways["Liger"] = LigerSoftmaxFunction.apply
    except ImportError:
        pass
    return ways


def losses(place: Place) -> dict[str, Loss]:
    ways: dict[str, Loss] = {"luce": luce.cross_entropy, "torch": functional.cross_entropy}
    if place.compiles:
        ways["compiled"] = place.compiled(lambda z, y: functional.cross_entropy(z.float(), y))
    try:
        from liger_kernel.transformers.functional import liger_cross_entropy

        # It writes the gradient over the logits, and back again: that is right each time once.
        ways["Liger"] = lambda z, y: liger_cross_entropy(z.clone(), y)
    except ImportError:
        pass
    return ways


def linear_losses(place: Place) -> dict[str, LinearLoss]:
    def plain(h: Tensor, w: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(functional.linear(h, w).float(), y)

    ways: dict[str, LinearLoss] = {
        "luce": luce.linear_cross_entropy,
        "torch": plain,
    }
    if place.compiles:
        ways["compiled"] = place.compiled(plain)
    try:
        from liger_kernel.transformers.functional import liger_fused_linear_cross_entropy

        def liger(h: Tensor, w: Tensor, y: Tensor) -> Tensor:
            found = liger_fused_linear_cross_entropy(h, w, y)
            return found[0] if isinstance(found, tuple) else found

        ways["Liger"] = liger
    except ImportError:
        pass
    try:
        from cut_cross_entropy import linear_cross_entropy

        ways["CCE"] = linear_cross_entropy
    except ImportError:
        pass
    return ways


def usable(calls: dict[str, Call]) -> dict[str, Call]:
    """Return the calls that work here; who does not is named, except luce, which must."""
    kept = {}
    for name, call in calls.items():
        try:
            call()
        except Exception as error:
            if name == "luce":
                raise
            print(f"{name} is left out: {type(error).__name__}: {error}"[:200], file=sys.stderr)
        else:
            kept[name] = call
    return kept


def per_column(
    title: str,
    place: Place,
    copy: float,
    arrays: int,
    prepared: Callable[[Tensor], dict[str, Call]],
) -> Iterator[Demand]:
    """Print a table, a row for each number of columns and dtype; yield a demand for each."""
    rows = []
    print(f"\n{title}: share of the bandwidth of a copy\n")
    for dtype in (torch.bfloat16, torch.float32):
        for k in place.columns:
            z = logits(place, k, dtype)
            torch._dynamo.reset()  # it compiles a function for a few shapes only
            size = z.numel() * z.element_size()
            found = place.seconds(usable(prepared(z)))
            shares = {name: arrays * size / took / copy for name, took in found.items()}
            name = f"{str(dtype).removeprefix('torch.')}, {k:,} columns"
            rows.append({"logits": name, **{way: f"{share:.0%}" for way, share in shares.items()}})
            yield Demand(
                f"{title}, {name}: at least {LEAST_SHARE:.0%}",
                f"{shares['luce']:.0%}",
                shares["luce"] >= LEAST_SHARE,
            )
            del z
    ways = dict.fromkeys(way for row in rows for way in row)
    show_table([{way: row.get(way, "–") for way in ways} for row in rows])


def softmax_forward(place: Place) -> Callable[[Tensor], dict[str, Call]]:
    ways = softmaxes(place)

    def prepared(z: Tensor) -> dict[str, Call]:
        few = z[:2].double()
        check(luce.softmax(z)[:2], torch.softmax(few, -1), z.dtype, "the softmax")
        return {name: (lambda way=way: way(z)) for name, way in ways.items()}

    return prepared


def softmax_backward(place: Place) -> Callable[[Tensor], dict[str, Call]]:
    ways = softmaxes(place)

    def prepared(z: Tensor) -> dict[str, Call]:
        z = z.detach().requires_grad_()
        v = torch.randn_like(z)
        calls: dict[str, Call] = {}
        for name, way in ways.items():
            try:
                p = way(z)
            except Exception:  # named by the forward table
                continue
            calls[name] = lambda p=p: torch.autograd.grad(p, z, v, retain_graph=True)
        p, w = torch.softmax(z[:2].detach().double(), -1), v[:2].double()
        exact = p * (w - (p * w).sum(-1, keepdim=True))
        (grad,) = torch.autograd.grad(luce.softmax(z), z, v)
        check(grad[:2], exact, z.dtype, "the gradient of the softmax")
        return calls

    return prepared


def cross_entropy_steps(place: Place) -> Callable[[Tensor], dict[str, Call]]:
    ways = losses(place)

    def prepared(z: Tensor) -> dict[str, Call]:
        z = z.detach().requires_grad_()
        y = torch.randint(z.shape[1], (len(z),), device=z.device)
        few = z[:2].detach().double().requires_grad_()
        share = min(2, len(z)) / len(z)
        (exact,) = torch.autograd.grad(share * functional.cross_entropy(few, y[:2]), few)
        (grad,) = torch.autograd.grad(luce.cross_entropy(z, y), z)
        check(grad[:2], exact, z.dtype, "the gradient of the cross-entropy")
        return {
            name: (lambda way=way: torch.autograd.grad(way(z, y), z)) for name, way in ways.items()
        }

    return prepared


@contextmanager
def peak(place: Place) -> Iterator[list[int]]:
    """Give a list that afterwards holds the bytes taken beyond those held before."""
    found: list[int] = []
    if place.device != "cuda":
        yield found
        found.append(0)
        return
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    yield found
    torch.cuda.synchronize()
    found.append(torch.cuda.max_memory_allocated() - before)


def fused(place: Place) -> list[Demand]:
    """Time the linear loss with its gradients, and three products; print a table."""
    n, d, k = place.layer
    dtype = torch.bfloat16
    h = torch.randn(n, d, device=place.device, dtype=dtype).requires_grad_()
    w = (torch.randn(k, d, device=place.device) / math.sqrt(d)).to(dtype).requires_grad_()
    y = torch.randint(k, (n,), device=place.device)

    def step(way: LinearLoss) -> tuple[Tensor, ...]:
        return torch.autograd.grad(way(h, w, y), (h, w))

    def products() -> tuple[Tensor, ...]:
        z = h.detach() @ w.detach().t()
        return z @ w.detach(), z.t() @ h.detach()

    some = slice(0, min(n, 256))
    few = h[some].detach().double().requires_grad_()
    z = torch.nn.functional.linear(few, w.detach().double())
    (exact,) = torch.autograd.grad(functional.cross_entropy(z, y[some]) * len(few) / n, few)
    check(step(luce.linear_cross_entropy)[0][some], exact, dtype, "the gradient of the linear loss")
    del z, few, exact
    calls: dict[str, Call] = {
        name: (lambda way=way: step(way)) for name, way in linear_losses(place).items()
    }
    calls = usable(calls)
    memory = {}
    for name, call in calls.items():
        with peak(place) as found:
            call()
        memory[name] = found[0] - (h.numel() + w.numel()) * h.element_size()
    times = place.seconds({"three products": products, **calls})
    bare = times.pop("three products")
    print(f"\nThe linear loss, {n:,} rows, width {d:,}, {k:,} classes, bfloat16, with gradients\n")
    useful = 6.0 * n * d * k
    show_table(
        [
            {
                "": name,
                "ms": f"{1e3 * took:.1f}",
                "times three products": f"{took / bare:.2f}",
                "useful TFLOP/s": f"{useful / took / 1e12:.0f}",
                "workspace, MB": f"{memory.get(name, 0) / 1e6:.0f}",
            }
            for name, took in {"three products": bare, **times}.items()
        ]
    )
    ratio, extra = times["luce"] / bare, memory["luce"]
    shape = f"({n}, {d}, {k}) in bfloat16"
    return [
        Demand(
            f"the linear loss {shape} takes at most {MOST_PRODUCTS} times three bare products",
            f"{ratio:.2f}",
            ratio <= MOST_PRODUCTS,
        ),
        Demand(
            f"the linear loss {shape} needs at most {MOST_WORKSPACE >> 20} MiB beyond gradients",
            f"{extra / 2**20:.0f} MiB",
            extra <= MOST_WORKSPACE,
        ),
    ]


def place_of(options: argparse.Namespace) -> Place:
    if options.rehearse:
        gpu.takes = lambda *_: True  # the interpreter takes tensors on the CPU
        return Place("cpu", 1, 1 << 13, (64, 1500), (12, 8, 300), False)
    free = torch.cuda.mem_get_info()[0]
    most = int(min(options.gib * 2**30, free / 8))
    return Place("cuda", options.rounds, most, COLUMNS, LAYER, not options.no_compile)


def unavailable(options: argparse.Namespace) -> str:
    """Return what is missing, or nothing."""
    if not gpu.has_triton():
        return "Triton is not installed"
    if options.rehearse:
        return "" if gpu.is_interpreted() else "TRITON_INTERPRET is not 1"
    return "" if torch.cuda.is_available() else "PyTorch sees no GPU"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--gib", type=float, default=2.0, help="size of the logits")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--rehearse", action="store_true", help="tiny shapes, on the CPU")
    options = parser.parse_args()
    why = unavailable(options)
    if why:
        print(NO_GPU.format(why=why), file=sys.stderr)
        return 2
    place = place_of(options)
    name = torch.cuda.get_device_name() if place.device == "cuda" else "CPU, a rehearsal"
    copy = bandwidth(place)
    print(f"{name}, PyTorch {torch.__version__}; a copy moves {copy / 1e12:.2f} TB/s.")
    demands = [
        *per_column("Softmax, forward", place, copy, 2, softmax_forward(place)),
        *per_column("Softmax, backward", place, copy, 3, softmax_backward(place)),
        *per_column("Cross-entropy, both", place, copy, 3, cross_entropy_steps(place)),
        *fused(place),
    ]
    show_figures(copy=f"{copy / 1e12:.2f}", linear=demands[-2].measured)
    if options.rehearse:
        print("\nRehearsed; shares and times of the CPU say nothing.")
        return 0
    return verdict(demands)


if __name__ == "__main__":
    sys.exit(main())
