"""The multilayer perceptron as a module of torch, and its weights as arrays."""

import itertools
from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from luce._checks import as_whole

Floats = NDArray[np.floating[Any]]

_FEWEST_STEPS = 400
_FEWEST_EPOCHS = 20
_MANY_ROWS = 1000
_DROPOUT = 0.2


def perceptron(sizes: Sequence[int], dropout: float, dtype: torch.dtype) -> nn.Sequential:
    """Return linear layers between these sizes, with relu and dropout between two of them."""
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        if number:
            layers += [nn.ReLU(), nn.Dropout(dropout)] if dropout else [nn.ReLU()]
        layers.append(nn.Linear(inputs, outputs, dtype=dtype))
    return nn.Sequential(*layers)


def weights_of(network: nn.Sequential) -> tuple[list[Floats], list[Floats]]:
    """Return the weights (inputs, outputs) and the biases of each linear layer, as copies."""
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    return (
        [layer.weight.detach().cpu().numpy().T.copy() for layer in linear],
        [layer.bias.detach().cpu().numpy().copy() for layer in linear],
    )


@torch.no_grad()
def set_weights(
    network: nn.Sequential, weights: Sequence[Floats], biases: Sequence[Floats]
) -> None:
    """Give the linear layers these weights and biases."""
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    for layer, weight, bias in zip(linear, weights, biases, strict=True):
        layer.weight.copy_(torch.from_numpy(weight.T))
        layer.bias.copy_(torch.from_numpy(bias))


def layers_of(hidden: Any) -> list[int]:
    """Return the units of each hidden layer: those of a sequence, or of one layer."""
    several = isinstance(hidden, Sequence | np.ndarray)
    given: Any = hidden if several else [hidden]
    return [as_whole(units, "each entry of hidden", least=1) for units in given]


def usual_dropout(rows: int) -> float:
    """Return the dropout that nobody has chosen: with few rows it is not worth its noise."""
    return _DROPOUT if rows >= _MANY_ROWS else 0.0


def usual_epochs(rows: int, batch_size: int) -> int:
    """Return the epochs that nobody has chosen: 20, or as many as make 400 steps."""
    return max(_FEWEST_EPOCHS, ceil(_FEWEST_STEPS / max(1, round(rows / batch_size))))
