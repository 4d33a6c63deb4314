"""What heads without dense logits of a softmax are compared with, in plain NumPy and float64."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from luce import functions, losses
from luce.nn import Head


def of_logits(head: Head, hidden: Tensor, target: Tensor, options: dict[str, Any]) -> Any:
    """The cross-entropy of a head that is one softmax: its log-probabilities are its logits.

    They lack the normaliser, which the z-loss takes and a softcap is applied to: so the logits
    come from the matrix that the head stands for.
    """
    weight = head.dense() if hasattr(head, "dense") else head.weight
    bias = head.classes.bias if hasattr(head, "dense") else head.bias
    with torch.no_grad():
        z = (hidden @ weight.T + bias).numpy()
    given = {n: v.numpy() if isinstance(v, Tensor) else v for n, v in options.items()}
    return losses.cross_entropy(z, target.numpy(), **given)


def of_margins(head: Head, hidden: Tensor, target: Tensor, options: dict[str, Any]) -> Any:
    """The cross-entropy of scaled cosines, the angle to each row's likeliest class made larger."""
    cosines, y = (head.logits(hidden) / head.scale).detach().numpy(), target.numpy()
    best = y.argmax(-1) if y.ndim == cosines.ndim else np.maximum(y, 0)
    angle = np.arccos(np.take_along_axis(cosines, best[..., None], -1))
    harder = np.where(
        angle < np.pi - head.margin,
        np.cos(angle + head.margin),
        np.cos(angle) - head.margin * np.sin(head.margin),
    )
    np.put_along_axis(cosines, best[..., None], harder, -1)
    given = {n: v.numpy() if isinstance(v, Tensor) else v for n, v in options.items()}
    return losses.cross_entropy(head.scale * cosines, y, **given)


def of_tsallis(head: Head, hidden: Tensor, target: Tensor, options: dict[str, Any]) -> Any:
    r"""``sum_j t_j (1 - p_j)^gamma (conjugate - u_j) + strength r conjugate^2``, term by term."""
    with torch.no_grad():
        z = (hidden @ head.classes.weight.T + head.classes.bias).numpy()
    cap, a, k = options.get("softcap"), head.alpha, z.shape[-1]
    u = (z if cap is None else cap * np.tanh(z / cap)) / options.get("temperature", 1.0)
    p = functions.entmax(u, a)
    negentropy = ((p**a - p) / (a * (a - 1))).sum(-1)
    conjugate = (p * u).sum(-1) - negentropy  # the maximum of <p, u> - negentropy is at entmax(u)
    each = (1 - p) ** options.get("focal_gamma", 0.0) * (conjugate[..., None] - u)
    y, ignored = target.numpy(), options.get("ignore_index")
    q = y if y.ndim == z.ndim else np.eye(k)[np.where(y == ignored, 0, y)]
    kept = np.ones(q.shape[:-1]) if y.ndim == z.ndim else (y != ignored).astype(float)
    weight = options.get("weight")
    w = np.ones(k) if weight is None else weight.numpy()
    r, s = (q * w).sum(-1), options.get("label_smoothing", 0.0)
    by_row = options.get("weighting") == "row"
    smooth = (1 - s) * q + s / k
    t = r[..., None] * smooth if by_row else w * smooth
    row = kept * ((t * each).sum(-1) + options.get("z_loss", 0.0) * r * conjugate**2)
    if options.get("reduction") == "none":
        return row
    if options.get("reduction") == "sum":
        return row.sum()
    total = (kept * r).sum() if y.ndim < z.ndim or by_row else kept.sum()
    return row.sum() / options.get("normalizer", total)
