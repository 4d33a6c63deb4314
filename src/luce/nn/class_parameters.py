"""The weights and the bias of a linear layer's classes: made or shared, and drawn."""

from math import sqrt

import torch
from torch import Tensor, nn

from luce.errors import ShapeError


def check_class_weight(weight: Tensor, n_classes: int, in_features: int) -> None:
    """Refuse weights to share that have another shape than the head's own would have."""
    shape = (n_classes, in_features)
    if weight.shape != shape:
        raise ShapeError(
            f"weight must have shape {shape} (n_classes, in_features), got"
            f" {tuple(weight.shape)}. Pass a parameter of that shape, or leave weight out."
        )


def as_class_weight(
    weight: nn.Parameter | None,
    n_classes: int,
    in_features: int,
    device: torch.device | str | None,
    dtype: torch.dtype | None,
) -> nn.Parameter:
    """Return the weights of the classes: those to be shared, or new ones, not filled yet."""
    if weight is None:
        return nn.Parameter(torch.empty(n_classes, in_features, device=device, dtype=dtype))
    check_class_weight(weight, n_classes, in_features)
    return weight


def draw_linear(weight: Tensor | None, bias: Tensor | None, in_features: int) -> None:
    """Fill weights, if they are not shared, and bias as ``torch.nn.Linear`` does, in place."""
    bound = 1 / sqrt(in_features)
    for one in (weight, bias):
        if one is not None:
            nn.init.uniform_(one, -bound, bound)
