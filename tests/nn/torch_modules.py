"""PyTorch's own modules in the dress of a head: the same checks, for the table of docs/nn.md.

What a module does not offer raises `NotOffered`. The dress does nothing for a module but to name
its options, and to move the classes where `CrossEntropyLoss` wants them.
"""

import inspect
import warnings
from typing import Any

import torch
from nn.head_table import COLUMNS
from nn.heads import CLASSES, EXPECTED, OFFERED, OTHERS, WIDTH
from torch import Tensor, nn

from luce import losses
from luce.nn import Head, LinearHead

PLAIN = "Linear, CrossEntropyLoss"
LINEAR = "LinearCrossEntropyLoss"
CHUNKED = "LinearCrossEntropyLoss, in chunks"
ADAPTIVE = "AdaptiveLogSoftmaxWithLoss"
_OF_CROSS_ENTROPY = {"weight", "ignore_index", "label_smoothing", "reduction", "distributions"}


class NotOffered(Exception):
    """The module has no such option or call."""


def _refuse_others(name: str, options: dict[str, Any]) -> None:
    lacking = {key for key, value in options.items() if value is not None} - OFFERED[name]
    if lacking:
        raise NotOffered(", ".join(sorted(lacking)))


class _Module(Head):
    """A module that gives a loss, and lacks the calls of a head that it does not have."""

    name: str

    def predict(self, hidden: Tensor) -> Tensor:
        raise NotOffered("predict")

    def topk(self, hidden: Tensor, k: int) -> Any:
        raise NotOffered("topk")

    def sample(self, hidden: Tensor, **options: Any) -> Tensor:
        raise NotOffered("sample")


class _Plain(_Module, LinearHead):
    """``torch.nn.Linear`` and ``torch.nn.CrossEntropyLoss``."""

    name = PLAIN

    def __init__(self) -> None:
        super().__init__(WIDTH, CLASSES)
        self.linear = nn.Linear(WIDTH, CLASSES)

    def class_weights(self) -> Tensor:
        return self.linear.weight

    def class_bias(self) -> Tensor | None:
        return self.linear.bias

    def forward(self, hidden: Tensor, target: Tensor, **options: Any) -> Tensor:
        _refuse_others(self.name, options)
        logits = self.linear(hidden)
        if logits.ndim > 2:
            logits = logits.movedim(-1, 1)
            target = target.movedim(-1, 1) if target.ndim == logits.ndim else target
        return nn.CrossEntropyLoss(**options)(logits, target)

    def log_prob(self, hidden: Tensor) -> Tensor:
        return self.linear(hidden).log_softmax(-1, dtype=hidden.dtype)


class _Linear(_Plain):
    """``torch.nn.LinearCrossEntropyLoss``."""

    name = LINEAR
    chunks = False

    def __init__(self) -> None:
        super().__init__()
        chunks = nn.LinearCrossEntropyOptions(allow_retain_graph=True)
        self.options = chunks if self.chunks else None

    def forward(self, hidden: Tensor, target: Tensor, **options: Any) -> Tensor:
        _refuse_others(self.name, options)
        if target.dtype.is_floating_point and self.chunks:
            raise NotOffered("distributions")
        return nn.functional.linear_cross_entropy(
            hidden, self.linear.weight, target, linear_bias=self.linear.bias,
            options=self.options, **options,
        )  # fmt: skip


class _Chunked(_Linear):
    """The same with automatic chunks."""

    name = CHUNKED
    chunks = True


class _Adaptive(_Module):
    """``torch.nn.AdaptiveLogSoftmaxWithLoss``."""

    name = ADAPTIVE

    def __init__(self) -> None:
        super().__init__(WIDTH, CLASSES)
        self.module = nn.AdaptiveLogSoftmaxWithLoss(WIDTH, CLASSES, [4, 8], div_value=1.5)

    def forward(self, hidden: Tensor, target: Tensor, **options: Any) -> Tensor:
        if target.dtype.is_floating_point:
            raise NotOffered("distributions")
        _refuse_others(self.name, options)
        output, loss = self.module(hidden, target)
        return {"none": -output, "sum": -output.sum(), "mean": loss}[
            options.get("reduction", "mean")
        ]

    def log_prob(self, hidden: Tensor) -> Tensor:
        return self.module.log_prob(hidden)

    def predict(self, hidden: Tensor) -> Tensor:
        return self.module.predict(hidden)


def _of_log_prob(head: Head, hidden: Tensor, target: Tensor, options: dict[str, Any]) -> Any:
    with torch.no_grad():
        return losses.cross_entropy(head.log_prob(hidden).numpy(), target.numpy(), **options)


for kind in (_Plain, _Linear, _Chunked):
    OTHERS[kind.name], OFFERED[kind.name] = kind, _OF_CROSS_ENTROPY
OFFERED[CHUNKED] = {"weight", "ignore_index", "reduction"}  # for others it makes no chunks
OTHERS[ADAPTIVE], OFFERED[ADAPTIVE] = _Adaptive, {"reduction", "predict"}
EXPECTED[ADAPTIVE] = _of_log_prob


def judged(name: str, column: str) -> tuple[str, str]:
    """Return the mark of a cell, and what is wrong where something is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            COLUMNS[column](name)
        except NotOffered:
            return "–", ""
        except AssertionError as error:
            text = str(error)
            said = inspect.cleandoc(text).splitlines()[0] if text else ""
            return "✗", said.removeprefix("AssertionError: ").split("\nassert")[0]
        except (RuntimeError, TypeError, IndexError, ValueError) as error:
            said = str(error).strip().splitlines()[0]
            return "✗", f"{type(error).__name__}: {said}"
    return "✓", ""


def table() -> dict[str, dict[str, tuple[str, str]]]:
    """Return the marks of all of PyTorch's modules."""
    return {name: {column: judged(name, column) for column in COLUMNS} for name in OTHERS}
