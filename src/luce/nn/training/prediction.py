"""What a trained model says about rows, as arrays."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from luce.nn.classifier import Classifier
from luce.nn.functional.softmax import softmax
from luce.nn.training.rows import Source, as_rows


class Predicted(NamedTuple):
    """Probabilities (n, k) of rows, and their labels (n,)."""

    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]


@torch.no_grad()
def predict_rows(model: nn.Module, source: Source, *, batch_size: int = 1024) -> Predicted | None:
    """Return the probabilities of labelled rows; None unless the model gives logits of classes.

    Parameters
    ----------
    model : nn.Module
        Gives logits (n, k), or is a `Classifier`; it is put into eval mode.
    source : tuple of arrays, torch data set, or Rows
        Inputs and labels.
    batch_size : int, default=1024
        Rows at a time.
    """
    model.eval()
    device = next(model.parameters()).device
    rows = as_rows(source)
    found: list[Tensor] = []
    labels: list[Tensor] = []
    for start in range(0, len(rows), batch_size):
        batch = rows.take(np.arange(start, min(start + batch_size, len(rows))))
        p = _probabilities(model, batch[0].to(device))
        if p is None or len(batch) < 2 or batch[1].shape != p.shape[:1]:
            return None
        if batch[1].is_floating_point():
            return None
        found.append(p.double().cpu())
        labels.append(batch[1].long().cpu())
    return Predicted(torch.cat(found).numpy(), torch.cat(labels).numpy())


def _probabilities(model: nn.Module, inputs: Tensor) -> Tensor | None:
    if isinstance(model, Classifier):
        return model.log_prob(inputs).exp()
    try:
        output: Any = model(inputs)
    except TypeError:  # it is called with the targets too
        return None
    if not isinstance(output, Tensor) or output.ndim != 2:
        return None
    return softmax(output.float() if output.dtype != torch.float64 else output)
