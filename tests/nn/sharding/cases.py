"""Rows, targets and options that processes and the test that compares them both know."""

import numpy as np
import torch

ROWS, WIDTH, CLASSES = 13, 5, 11
SPLITS = ("even", "uneven", "one has none")

_rng = np.random.default_rng(7)
HIDDEN = 3.0 * _rng.standard_normal((ROWS, WIDTH))
WEIGHT = _rng.standard_normal((CLASSES, WIDTH))
BIAS = _rng.standard_normal(CLASSES)
LABELS = _rng.integers(0, CLASSES, ROWS)
IGNORING = np.where(np.arange(ROWS) % 3 == 0, -100, LABELS)
SOFT = _rng.dirichlet(np.full(CLASSES, 0.5), ROWS)
CLASS_WEIGHT = _rng.uniform(0.2, 2.0, CLASSES)
CLASS_WEIGHT[LABELS[1]] = 0.0
TARGETS = {"labels": LABELS, "ignoring": IGNORING, "soft": SOFT}

EVERYTHING = {
    "weight": CLASS_WEIGHT, "label_smoothing": 0.1, "temperature": 2.0, "softcap": 3.0,
    "z_loss": 0.01, "focal_gamma": 1.5,
}  # fmt: skip
OPTIONS = {
    "plain": {},
    "smoothing": {"label_smoothing": 0.1},
    "z-loss": {"z_loss": 0.1},
    "weights": {"weight": CLASS_WEIGHT},
    "row weights": {"weight": CLASS_WEIGHT, "weighting": "row", "label_smoothing": 0.2},
    "temperature": {"temperature": 0.5},
    "softcap": {"softcap": 2.0},
    "focal": {"focal_gamma": 2.0},
    "sum": {"reduction": "sum"},
    "none": {"reduction": "none", "label_smoothing": 0.1},
    "normalizer": {"normalizer": 5.0},
    "everything": EVERYTHING,
}


def split(name: str, processes: int) -> list[int] | None:
    """How many classes each process has."""
    if name == "even":
        return None
    first = [8, 3] if name == "uneven" else [11, 0]
    rest = [1] * (processes - 2) if name == "uneven" else [0] * (processes - 2)
    return [first[0] - sum(rest), *rest, first[1]]


def options_for(target: str, name: str) -> dict:
    """The options as arrays; labels that are to be ignored need to be told."""
    return {**OPTIONS[name], **({"ignore_index": -100} if target == "ignoring" else {})}


def tensors(options: dict, dtype: torch.dtype = torch.float64) -> dict:
    """The options for a module."""
    made = {
        name: torch.as_tensor(v, dtype=dtype) for name, v in options.items() if name == "weight"
    }
    return {**options, **made}


def state(dtype: torch.dtype = torch.float64) -> dict:
    """The parameters of all classes."""
    return {
        "weight": torch.as_tensor(WEIGHT, dtype=dtype),
        "bias": torch.as_tensor(BIAS, dtype=dtype),
    }


def hidden(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """The rows, for a gradient."""
    return torch.tensor(HIDDEN, dtype=dtype, requires_grad=True)
