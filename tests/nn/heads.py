"""Every head, rows for them, and what their losses must be: what the table of checks is made of.

A head takes part by one line in `HEADS`. Expected losses are those of `luce.losses` (NumPy,
float64) for the head's own dense logits or log-probabilities. A head whose loss is no
cross-entropy of its log-probabilities says what it is in `EXPECTED`. Heads that are trained by
another objective are judged in evaluation mode, where their loss is exact.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from nn import dense_losses
from torch import Tensor, nn

from luce import losses
from luce.nn import (
    NCE,
    AdaptiveSoftmax,
    ClassTree,
    EntmaxHead,
    FactoredHead,
    FullSoftmax,
    Head,
    HierarchicalSoftmax,
    LinearHead,
    LogitShape,
    LowRankSoftmax,
    MarginSoftmax,
    MixtureOfSoftmaxes,
    MultiScaleSoftmax,
    PHMSoftmax,
    SampledSoftmax,
    ShardedSoftmax,
    SparsemaxHead,
)

WIDTH, CLASSES = 6, 12
IGNORED = -100

HEADS: dict[str, Callable[[], Head]] = {
    "EntmaxHead": lambda: EntmaxHead(WIDTH, CLASSES),
    "AdaptiveSoftmax": lambda: AdaptiveSoftmax(WIDTH, CLASSES, [4, 8], div_value=2.0),
    "AdaptiveSoftmax, tied": lambda: AdaptiveSoftmax(
        WIDTH,
        CLASSES,
        [4, 8],
        order=[5, 3, 1, 0, 2, 4, 11, 6, 7, 10, 8, 9],
        weight=nn.Embedding(CLASSES, WIDTH).weight,
    ),
    "FullSoftmax": lambda: FullSoftmax(WIDTH, CLASSES),
    "LowRankSoftmax": lambda: LowRankSoftmax(WIDTH, CLASSES, rank=3),
    "MixtureOfSoftmaxes": lambda: MixtureOfSoftmaxes(WIDTH, CLASSES, 3),
    "MultiScaleSoftmax": lambda: MultiScaleSoftmax(WIDTH, CLASSES),
    "PHMSoftmax": lambda: PHMSoftmax(WIDTH, CLASSES, n=3),
    "MarginSoftmax": lambda: MarginSoftmax(WIDTH, CLASSES, scale=4.0, n_samples=5),
    "NCE": lambda: NCE(WIDTH, CLASSES, n_samples=5),
    "SampledSoftmax": lambda: SampledSoftmax(WIDTH, CLASSES, n_samples=5),
    "ShardedSoftmax, one process": lambda: ShardedSoftmax(WIDTH, CLASSES),
    "SparsemaxHead": lambda: SparsemaxHead(WIDTH, CLASSES),
    "HierarchicalSoftmax, binary": lambda: HierarchicalSoftmax(
        WIDTH, ClassTree.huffman(range(1, CLASSES + 1))
    ),
    "HierarchicalSoftmax, two levels": lambda: HierarchicalSoftmax(
        WIDTH, ClassTree.balanced(CLASSES, 5)
    ),
}
EXPECTED: dict[str, Callable[[Head, Tensor, Tensor, dict[str, Any]], Any]] = {
    "EntmaxHead": dense_losses.of_tsallis,
    "LowRankSoftmax": dense_losses.of_logits,
    "MarginSoftmax": dense_losses.of_margins,
    "ShardedSoftmax, one process": dense_losses.of_logits,
    "SparsemaxHead": dense_losses.of_tsallis,
}

OTHERS: dict[str, Callable[[], Head]] = {}
"""Modules of PyTorch, in the dress of a head: `torch_modules` fills it."""
OFFERED: dict[str, set[str]] = {}
"""What each of them offers, beside a loss and log-probabilities; heads offer everything."""

EVERYTHING = {
    "label_smoothing": 0.1,
    "ignore_index": IGNORED,
    "temperature": 0.8,
    "softcap": 4.0,
    "z_loss": 0.05,
    "focal_gamma": 1.5,
}


def offers(name: str, *what: str) -> bool:
    """Whether it offers all of these options and calls."""
    return name not in OFFERED or OFFERED[name].issuperset(what)


def everything(name: str) -> dict[str, Any]:
    """Return many options at once, as far as they are offered."""
    return {option: value for option, value in EVERYTHING.items() if offers(name, option)}


def made(name: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> Head:
    """Return a head with parameters of that seed, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return (HEADS | OTHERS)[name]().to(dtype).eval()


class Batch:
    """Hidden states and targets of a few rows."""

    def __init__(self, *leading: int, dtype: torch.dtype = torch.float64, seed: int = 1) -> None:
        source = torch.Generator().manual_seed(seed)
        self.hidden = torch.randn(*leading, WIDTH, generator=source, dtype=torch.float64).to(dtype)
        self.hidden.requires_grad_()
        self.labels = torch.randint(CLASSES, leading, generator=source)
        logits = torch.randn(*leading, CLASSES, generator=source, dtype=torch.float64)
        self.soft = logits.mul(2).softmax(-1).to(dtype)
        self.weight = torch.rand(CLASSES, generator=source).add(0.2).to(dtype)

    def labels_for(self, options: dict[str, Any]) -> Tensor:
        """Return labels, some of them to be ignored if that is among the options."""
        return self.some_ignored() if "ignore_index" in options else self.labels

    def some_ignored(self) -> Tensor:
        y = self.labels.clone()
        y.view(-1)[1::3] = IGNORED
        return y


def expected_loss(name: str, head: Head, hidden: Tensor, target: Tensor, options: Any) -> Any:
    """Return the loss by `luce.losses`, from the head's dense float64 logits or probabilities."""
    if name in EXPECTED:
        return EXPECTED[name](head, hidden, target, options)
    given = dict(options)
    if given.get("weight") is not None:
        given["weight"] = given["weight"].numpy()
    y = target.numpy()
    with torch.no_grad():
        if isinstance(head, LinearHead):
            return losses.cross_entropy(head.logits(hidden).numpy(), y, **given)
        assert isinstance(head, FactoredHead), "tell its loss in EXPECTED"
        shape = LogitShape(given.pop("softcap", None), given.pop("temperature", 1.0))
        strength = given.pop("z_loss", 0.0)
        rows = hidden.reshape(-1, WIDTH)
        log_p = head._log_prob(rows, shape).reshape(*hidden.shape[:-1], CLASSES).numpy()
        loss = losses.cross_entropy(log_p, y, **given)
        if strength == 0:
            return loss
        # A second loss that is linear in its rows' squares stands for the sum over shares.
        squares = head._squared_normalisers(rows, shape).reshape(log_p.shape).numpy()
        kept = {n: given[n] for n in ("reduction", "normalizer", "ignore_index") if n in given}
        return loss + strength * _mean_at_target(squares, y, kept)


def _mean_at_target(values: Any, y: Any, options: dict[str, Any]) -> Any:
    if y.ndim == values.ndim:
        each = (values * y).sum(-1)
        kept = np.ones(each.shape, bool)
    else:
        kept = y != options.get("ignore_index")
        each = np.take_along_axis(values, np.where(kept, y, 0)[..., None], -1)[..., 0] * kept
    if options.get("reduction") == "none":
        return each
    if options.get("reduction") == "sum":
        return each.sum()
    return each.sum() / options.get("normalizer", kept.sum())
