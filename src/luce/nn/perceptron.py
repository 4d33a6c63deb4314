"""The multilayer perceptron as a module of torch, and its weights as arrays."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Floats = NDArray[np.floating[Any]]


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
