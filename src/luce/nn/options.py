"""The options that every loss of `luce.nn` takes: those of :func:`luce.losses.cross_entropy`."""

from typing import TypedDict

import torch
from torch import Tensor

from luce._checks import as_class_weights
from luce.losses.options import Scalars, checked_scalars, remembered_scalars
from luce.nn.eager import as_numpy, is_eager


class LossOptions(TypedDict, total=False):
    """Keyword arguments of every loss; :func:`luce.losses.cross_entropy` tells their meaning.

    A head takes all of them: ``head(hidden, target, label_smoothing=0.1, ignore_index=-100)``.
    """

    weight: Tensor | None
    weighting: str
    label_smoothing: float
    ignore_index: int | None
    temperature: float
    softcap: float | None
    z_loss: float
    focal_gamma: float
    reduction: str
    normalizer: float | None
    empty: str


def checked(
    *,
    weight: Tensor | None = None,
    weighting: str = "class",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    focal_gamma: float = 0.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> tuple[Tensor | None, Scalars]:
    """Return the class weights as they came, and the other options checked."""
    # The compiler looks through a cache, and says so in a warning.
    check = checked_scalars if torch.compiler.is_compiling() else remembered_scalars
    scalars = check(
        weighting, label_smoothing, ignore_index, temperature, softcap, z_loss, focal_gamma,
        reduction, normalizer, empty,
    )  # fmt: skip
    return weight, scalars


def as_weights(weight: Tensor, classes: int) -> Tensor:
    """Return class weights; if their values can be looked at, they are checked."""
    if is_eager(weight):
        as_class_weights(as_numpy(weight), classes)
    return weight
