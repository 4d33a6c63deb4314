"""Largest error in ULP of luce, SciPy and PyTorch on the hard rows of the tests, as Markdown.

Run ``python bench/accuracy.py``; LUCE_SIMD chooses the kernels. A peer that is not installed is
left out. The exact values have 80 digits (tests/reference).
"""

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

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
    "two winners and many that round up",
)
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
    return f"{error:.1f}" if error < 1000 else f"{error:.0e}".replace("e+0", "e")


def errors(function: str, name: str, dtype: str, peers: dict[str, Peer]) -> list[str]:
    row = reference.hard_rows(dtype)[name]
    values = list(exact(function, row))
    return [
        shown(reference.worst_ulp_error(np.asarray(peer[function](row)), values, dtype))
        if function in peer
        else "–"
        for peer in peers.values()
    ]


def main() -> None:
    peers = {f"luce ({simd()})": ours(), f"scipy {import_module('scipy').__version__}": scipy()}
    if find_spec("torch"):
        peers[f"torch {import_module('torch').__version__}"] = torch()
    columns = [f"{peer}, {dtype}" for dtype in reference.DTYPES for peer in peers]
    print(f"| function | row | {' | '.join(columns)} |")
    print("|---|---|" + "---:|" * len(columns))
    for function in ours():
        for name in NAMES:
            cells = [one for d in reference.DTYPES for one in errors(function, name, d, peers)]
            print(f"| {function} | {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
