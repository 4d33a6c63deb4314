"""Golden vectors for the mathematics of Playground, Large outputs and Calibration, from luce."""

from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import luce
from luce import losses, metrics, nn
from luce.losses.linear_layer import WORKSPACE
from luce.nn.functional import linear_cross_entropy

Case = dict[str, Any]


def vectors() -> dict[str, list[Case]]:
    """Return for each name arguments and what they give."""
    return {
        "huffman": _trees(),
        "huffmanCost": _tree_costs(),
        "zipfSum": _zipf_sums(),
        "heads": _heads(),
        "fusedBytes": _fused_bytes(),
        "calibration": _calibration(),
        "linear": _linear(),
        "sigmoid": _one_vs_rest(),
        "hidden": _hidden(),
        "optimizers": _optimizers(),
        "polynomial": _polynomials(),
    }


def _trees() -> list[Case]:
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 50, size).tolist() for size in (2, 3, 9, 40, 40)]
    cases = [
        [10, 4, 3, 1],
        [1, 1],
        [0, 0, 0],
        [5, 5, 5, 5, 5],
        list(range(12)),
        [2**i for i in range(30)],
    ]
    found = []
    for counts in cases + drawn:
        tree = nn.ClassTree.huffman(counts)
        ways = tree.paths()
        found.append({
            "counts": counts,
            "children": tree.children.tolist(),
            "visits": tree.visits.tolist(),
            "nodes": [[v for v in way if v >= 0] for way in ways.nodes.tolist()],
            "slots": [[v for v in way if v >= 0] for way in ways.slots.tolist()],
        })  # fmt: skip
    return found


def _tree_costs() -> list[Case]:
    found = []
    for words, zipf in ((10, 1.0), (1000, 0.0), (1000, 1.0), (5000, 1.7)):
        tree = nn.ClassTree.huffman(_zipf(words, zipf))
        often = tree.visits[tree.visits >= 1 / 16]
        found.append({
            "words": words,
            "zipf": zipf,
            "length": tree.visits.sum(),
            "depth": tree.paths().nodes.shape[1],
            "often": len(often),
            "oftenVisits": often.sum(),
        })  # fmt: skip
    return found


def _zipf(words: int, exponent: float) -> Any:
    return np.arange(1, words + 1) ** -float(exponent)


def _zipf_sums() -> list[Case]:
    return [
        {"n": n, "s": s, "sum": np.sort(_zipf(n, s)).sum()}
        for n in (1, 999, 1000, 1001, 30_000, 1_000_000)
        for s in (0.0, 0.5, 1.0, 1.3, 2.0)
    ]


def _heads() -> list[Case]:
    """Heads of several sizes: their parameters, and the products that PyTorch counts."""
    found = []
    for words, width, rows, cutoffs, shrink, samples in (
        (300, 16, 40, [50, 120], 4, 30),
        (101, 7, 13, [10], 2, 200),
        (5, 3, 4, [2], 2, 2),  # a group of one word
        (64, 8, 5, [], 4, 1),
        (400, 32, 64, [20, 60, 200], 4, 50),
    ):
        generator = torch.Generator().manual_seed(words)
        hidden = torch.randn(rows, width, generator=generator)
        labels = torch.multinomial(
            torch.from_numpy(_zipf(words, 1.0)), rows, replacement=True, generator=generator
        )
        tree = nn.ClassTree.huffman(_zipf(words, 1.0))
        groups = nn.ClassTree.balanced(words, arity=int(np.ceil(np.sqrt(words))))
        heads = {
            "full": nn.FullSoftmax(width, words),
            "adaptive": nn.AdaptiveSoftmax(width, words, cutoffs, div_value=shrink),
            "huffman": nn.HierarchicalSoftmax(width, tree),
            "two_levels": nn.HierarchicalSoftmax(width, groups),
            "sampled": nn.SampledSoftmax(width, words, n_samples=samples),
        }
        own = rows * width  # by an elementwise product, which PyTorch does not count
        often = max(1, int((tree.visits >= 1 / 16).sum()))
        uncounted = {
            "huffman": rows * tree.visits[often:].sum() * width,
            "sampled": own,
        }
        for name, head in heads.items():
            # the full softmax fuses its loss, so that PyTorch sees no product
            step = head.log_prob if name == "full" else partial(_loss, head, labels)
            found.append({
                "head": name,
                "words": words, "width": width, "rows": rows, "cutoffs": cutoffs,
                "shrink": shrink, "samples": samples, "zipf": 1,
                "labels": labels.tolist(),
                "parameters": sum(p.numel() for p in head.parameters()),
                "products": _products(step, hidden) + uncounted.get(name, 0),
                "answer": _products(head.log_prob, hidden[:1]),
            })  # fmt: skip
    return found


def _loss(head: Any, labels: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    loss: torch.Tensor = head(hidden, labels)
    return loss


def _products(step: Any, hidden: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        step(hidden)
    total: int = counter.get_total_flops()
    assert total % 2 == 0  # a multiply-add is two operations
    return total // 2


def _fused_bytes() -> list[Case]:
    module = __import__(linear_cross_entropy.__module__, fromlist=["_PART"])
    found = []
    for count in (1000, 10**6, 10**7, 10**8):
        kept = min(WORKSPACE, max(module._LEAST_WORKSPACE, count * 4 // module._PART))
        found.append({"logits": count, "bytes": 4, "kept": min(kept, count * 4)})
    return found


def _calibration() -> list[Case]:
    found = []
    rng = np.random.default_rng(1)
    for n, k, sure in ((60, 2, 1.0), (500, 4, 3.0), (997, 10, 0.4)):
        honest = rng.normal(size=(n, k)) * 2
        y = (honest + rng.gumbel(size=honest.shape)).argmax(axis=1)
        z = sure * honest
        scaling = luce.TemperatureScaling().fit(z, y)
        for t in (1.0, 0.3, 4.0):
            p = luce.softmax(z, temperature=t)
            for bins, binning in ((10, "mass"), (15, "width"), (2, "mass")):
                chosen = {"bins": bins, "binning": binning}
                diagram = metrics.reliability_of_top_label(y, p, **chosen)
                found.append({
                    "logits": z.ravel().tolist(), "labels": y.tolist(), "classes": k, "T": t,
                    **chosen,
                    "ece": metrics.calibration_error(y, p, **chosen).value,
                    "loss": metrics.log_loss(y, p).value,
                    "best": scaling.temperature_,
                    "diagram": [
                        [getattr(b, field.name) for field in fields(b)] for b in diagram
                    ],
                })  # fmt: skip
    return found


def _rows(seed: int, n: int, d: int, k: int) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(n, d)),
        rng.integers(0, k, n),
        rng.normal(size=(k, d)),
        rng.normal(size=k),
    )


def _case(
    X: Any, y: Any, sizes: list[int], theta: Any, penalty: float, loss: Any, grad: Any
) -> Case:
    return {
        "rows": X.ravel().tolist(), "labels": y.tolist(), "sizes": sizes,
        "theta": np.concatenate([np.ravel(one) for one in theta]).tolist(),
        "penalty": penalty, "loss": float(loss),
        "gradient": np.concatenate([np.ravel(one) for one in grad]).tolist(),
    }  # fmt: skip


def _linear() -> list[Case]:
    found = []
    for seed, (n, d, k, scale) in enumerate([(7, 2, 2, 1), (50, 9, 5, 1), (20, 20, 10, 30)]):
        X, y, weight, bias = _rows(seed, n, d, k)
        weight *= scale
        got = losses.linear_cross_entropy_grad(X, weight, y, bias)
        loss = got.loss + 0.05 * (weight**2).sum()
        grad = (got.grad_weight + 0.1 * weight, got.grad_bias)
        found.append(_case(X, y, [d, k], (weight, bias), 0.1, loss, grad))
    return found


def _one_vs_rest() -> list[Case]:
    found = []
    for seed, (n, d, k) in enumerate([(7, 2, 2), (50, 9, 5)]):
        X, y, weight, bias = _rows(10 + seed, n, d, k)
        own = np.eye(k)[y]
        got = losses.binary_cross_entropy_grad(X @ weight.T + bias, own, reduction="sum")
        grad = (got.grad.T @ X / n + 0.1 * weight, got.grad.sum(axis=0) / n)
        loss = got.loss / n + 0.05 * (weight**2).sum()
        found.append(_case(X, y, [d, k], (weight, bias), 0.1, loss, grad))
    return found


def _hidden() -> list[Case]:
    found = []
    for seed, (activation, outputs) in enumerate(
        [("tanh", "softmax"), ("relu", "softmax"), ("tanh", "sigmoid"), ("relu", "sigmoid")]
    ):
        n, d, units, k = 30, 2, 8, 4
        X, y, _, _ = _rows(20 + seed, n, d, k)
        rng = np.random.default_rng(30 + seed)
        shapes = [(units, d), (units,), (k, units), (k,)]
        theta = [torch.tensor(rng.normal(size=shape), requires_grad=True) for shape in shapes]
        hidden = getattr(torch, activation)(torch.tensor(X) @ theta[0].T + theta[1])
        z = hidden @ theta[2].T + theta[3]
        own = torch.tensor(np.eye(k)[y])
        if outputs == "softmax":
            loss = torch.nn.functional.cross_entropy(z, torch.tensor(y))
        else:
            each = torch.nn.functional.binary_cross_entropy_with_logits(z, own, reduction="none")
            loss = each.sum() / n
        loss = loss + 0.015 * ((theta[0] ** 2).sum() + (theta[2] ** 2).sum())
        loss.backward()
        arrays = [one.detach().numpy() for one in theta]
        grad = [one.grad.numpy() for one in theta if one.grad is not None]
        case = _case(X, y, [d, units, k], arrays, 0.03, loss.item(), grad)
        found.append(case | {"activation": activation, "outputs": outputs})
    return found


def _optimizers() -> list[Case]:
    rng = np.random.default_rng(40)
    start, gradients = rng.normal(size=6), rng.normal(size=(25, 6)) * 10 ** rng.uniform(-6, 3, 6)
    found = []
    for name, kind in (("sgd", torch.optim.SGD), ("adam", torch.optim.Adam)):
        theta = torch.nn.Parameter(torch.tensor(start))
        optimizer = kind([theta], lr=0.05)
        for gradient in gradients:
            theta.grad = torch.tensor(gradient)
            optimizer.step()
        found.append({
            "name": name, "rate": 0.05, "start": start.tolist(),
            "gradients": gradients.tolist(), "end": theta.detach().tolist(),
        })  # fmt: skip
    return found


def _polynomials() -> list[Case]:
    from sklearn.preprocessing import PolynomialFeatures

    X = np.random.default_rng(50).uniform(-1, 1, (6, 2))
    return [
        {
            "points": X.tolist(),
            "degree": degree,
            "rows": PolynomialFeatures(degree, include_bias=False)
            .fit_transform(X)
            .ravel()
            .tolist(),
        }
        for degree in (1, 2, 5)
    ]
