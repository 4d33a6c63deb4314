"""Largest error in ULP of luce, SciPy, PyTorch and JAX on hard rows and long rows, as Markdown.

Run ``python bench/accuracy.py [--longest 10000000]``; LUCE_SIMD chooses the kernels. A peer that
is not installed is left out. The exact values have 80 digits (tests/reference).
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from section import show_table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import reference

import luce
from luce.kernels import simd
from luce.losses import cross_entropy, cross_entropy_grad

NAMES = (
    "N(0,1) of 1000",
    "N(0,10) of 1000",
    "N(0,10) of 4097",
    "confident by 20",
    "wide",
    "subnormal results",
    "two winners and many that round up",
    "a sum of subnormal losers",
    "three probabilities below powers of 2",
)
LONG = (100_000, 1_000_000, 10_000_000)
Peer = dict[str, Callable[[np.ndarray], object]]


def ours() -> Peer:
    return {
        "softmax": luce.softmax,
        "log_softmax": luce.log_softmax,
        "logsumexp": luce.logsumexp,
        "cross_entropy": lambda z: cross_entropy(z, z.argmax()),
        "its gradient": lambda z: cross_entropy_grad(z, z.argmax()).grad,
    }


def scipy() -> Peer:
    special = import_module("scipy.special")
    return {name: getattr(special, name) for name in ("softmax", "log_softmax", "logsumexp")}


def torch() -> Peer:
    nn = import_module("torch.nn.functional")
    tensor = import_module("torch").tensor

    def gradient(z: np.ndarray) -> object:
        logits = tensor(z, requires_grad=True)
        nn.cross_entropy(logits, tensor(z.argmax())).backward()
        return logits.grad

    return {
        "softmax": lambda z: nn.softmax(tensor(z), 0),
        "log_softmax": lambda z: nn.log_softmax(tensor(z), 0),
        "logsumexp": lambda z: tensor(z).logsumexp(0),
        "cross_entropy": lambda z: nn.cross_entropy(tensor(z), tensor(z.argmax())),
        "its gradient": gradient,
    }


def jax() -> Peer:
    root, nn = import_module("jax"), import_module("jax.nn")
    root.config.update("jax_enable_x64", True)

    def loss(z: object, label: int) -> object:
        return -nn.log_softmax(z)[label]

    return {
        "softmax": nn.softmax,
        "log_softmax": nn.log_softmax,
        "logsumexp": nn.logsumexp,
        "cross_entropy": lambda z: loss(root.numpy.asarray(z), int(z.argmax())),
        "its gradient": lambda z: root.grad(loss)(root.numpy.asarray(z), int(z.argmax())),
    }


def peers_here() -> dict[str, Peer]:
    peers = {f"luce ({simd()})": ours()}
    for name, functions in (("scipy", scipy), ("torch", torch), ("jax", jax)):
        if find_spec(name):
            version = import_module(name).__version__.removesuffix("+cpu")
            peers[f"{name} {version}"] = functions()
    return peers


def exact(function: str, row: np.ndarray) -> Iterable[object]:
    winner = [int(j == row.argmax()) for j in range(len(row))]
    if function == "logsumexp":
        return [reference.logsumexp(row)]
    if function == "cross_entropy":
        return [reference.row_loss(row, winner)]
    if function == "its gradient":
        return reference.row_gradient(row, winner)
    return getattr(reference, function)(row)


def shown(error: float) -> str:
    if error < 10:
        return f"{error:.2f}"
    return f"{error:.0f}" if error < 10_000 else f"{error:.0e}".replace("e+0", "e").replace("+", "")


def hard(peers: dict[str, Peer], dtype: str) -> list[dict[str, str]]:
    table = []
    for function in ours():
        for name in NAMES:
            row = reference.hard_rows(dtype)[name]
            values = list(exact(function, row))
            line = {f"{dtype}: function": function, "row": name}
            for title, peer in peers.items():
                line[title] = "–"
                if function in peer:
                    got = np.asarray(peer[function](row))
                    line[title] = shown(reference.worst_ulp_error(got, values, dtype))
            table.append(line)
    return table


def long(peers: dict[str, Peer], dtype: str, longest: int) -> list[dict[str, str]]:
    """Rows with few distinct values, of which the exact probabilities are needed once only."""
    table = []
    for n in (n for n in LONG if n <= longest):
        row, values, which = reference.long_row(dtype, n, levels=200)
        counts = np.bincount(which, minlength=len(values))
        first = np.unique(which, return_index=True)[1]
        total = [reference.logsumexp(values, counts=counts)]
        for function in ("softmax", "log_softmax", "logsumexp", "sum of softmax - 1"):
            line = {f"{dtype}: function": function, "classes": f"{n:,}"}
            for title, peer in peers.items():
                if function.startswith("sum"):
                    p = np.asarray(peer["softmax"](row))
                    line[title] = f"{abs(float(p.sum(dtype=np.longdouble)) - 1):.0e}"
                    continue
                got = np.asarray(peer[function](row))
                values_there = (
                    total
                    if function == "logsumexp"
                    else getattr(reference, function)(values, counts=counts)
                )
                got = got if function == "logsumexp" else got[first]
                line[title] = shown(reference.worst_ulp_error(got, values_there, dtype))
            table.append(line)
    return table


def main() -> None:
    parser = ArgumentParser(description="Errors of luce and its peers.")
    parser.add_argument("--longest", type=int, default=max(LONG))
    longest = parser.parse_args().longest
    peers = peers_here()
    for dtype in reference.DTYPES:
        print()
        show_table(hard(peers, dtype))
    for dtype in reference.DTYPES:
        print()
        show_table(long(peers, dtype, longest))


if __name__ == "__main__":
    main()
