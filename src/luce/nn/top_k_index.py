"""Approximate top-k: an index that looks at the nearest groups of classes only."""

from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from luce._checks import as_count
from luce.errors import MissingExtraError, ShapeError
from luce.nn.hidden_rows import as_rows


class TopLogits(NamedTuple):
    """The classes with the largest logits that were found, the largest first."""

    logits: Tensor
    """(..., k) float32, exact for the class; -inf where fewer than k classes were found."""
    indices: Tensor
    """(..., k) int64: which classes they are; -1 where fewer than k were found."""


class TopKIndex:
    """An inverted file of class weights, by faiss, for top-k without computing every logit.

    Parameters
    ----------
    weight : Tensor, shape (n_classes, d)
        Weights of the classes: ``head.class_weights()``.
    bias : Tensor, shape (n_classes,), optional
        ``head.class_bias()``. It becomes one more coordinate.
    groups : int, optional
        Number of groups that k-means sorts the classes into. None: two to four times the square
        root of their number, a power of 2.
    probes : int
        How many groups are searched for each row: more find more, and take longer. Can be changed
        later.
    seed : int
        Of k-means.

    Raises
    ------
    MissingExtraError
        If faiss is not installed: ``pip install 'luce[index]'``.
    ShapeError
        If the shapes do not fit.

    Notes
    -----
    Equals ``(hidden @ weight.T + bias).topk(k)`` but for classes in groups that were not searched;
    `recall` measures how many those are. Logits only: log-probabilities need the normaliser, and
    that needs every class. Saves: a row costs about ``probes / groups`` of its logits. Costs: the
    index holds a copy of the weights, building it is k-means, and it does not follow later
    training. Trained weights form groups, random ones do not: with those it finds little.
    Computed on the CPU in float32, whatever the device. For an exact search see the function
    `exact_topk`, and `Head.topk`.

    Source: Douze et al. (2024), The faiss library, arXiv 2401.08281, section 5.1.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import FullSoftmax, TopKIndex
    >>> head = FullSoftmax(16, 5000)
    >>> index = TopKIndex(head.class_weights(), head.class_bias(), probes=8)  # doctest: +SKIP
    >>> index(torch.randn(3, 16), 5).indices.shape  # doctest: +SKIP
    torch.Size([3, 5])
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None = None,
        *,
        groups: int | None = None,
        probes: int = 16,
        seed: int = 0,
    ) -> None:
        if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
            came = "" if bias is None else f" and bias {tuple(bias.shape)}"
            raise ShapeError(
                "weight must have shape (n_classes, d), and bias (n_classes,), got weight"
                f" {tuple(weight.shape)}{came}. Pass head.class_weights() and head.class_bias()."
            )
        faiss = _faiss()
        self.n_classes, self.in_features = weight.shape
        self.has_bias = bias is not None
        if groups is None:
            groups = 2 ** int(np.log2(max(4 * sqrt(self.n_classes), 1)))
        self.groups = min(as_count(groups, 2**31, "groups"), self.n_classes)
        self.probes = as_count(probes, 2**31, "probes")
        rows = _as_array(weight)
        if bias is not None:
            rows = np.concatenate([rows, _as_array(bias)[:, None]], axis=1)
        width = rows.shape[1]
        coarse = faiss.IndexFlatIP(width)
        self._index = faiss.IndexIVFFlat(coarse, width, self.groups, faiss.METRIC_INNER_PRODUCT)
        self._index.cp.seed = seed
        self._index.cp.min_points_per_centroid = 1  # fewer classes are no reason for a warning
        self._index.train(rows)
        self._index.add(rows)

    def __call__(self, hidden: Tensor, k: int) -> TopLogits:
        """Return the `k` largest logits that the searched groups hold, for rows (..., d)."""
        k = as_count(k, self.n_classes, "k")
        rows = _as_array(as_rows(hidden, self.in_features))
        if self.has_bias:
            rows = np.concatenate([rows, np.ones((len(rows), 1), np.float32)], axis=1)
        self._index.nprobe = min(self.probes, self.groups)
        logits, indices = self._index.search(rows, k)
        logits = np.where(indices >= 0, logits, -np.inf).astype(np.float32)
        shape = (*hidden.shape[:-1], k)
        return TopLogits(
            torch.from_numpy(logits).reshape(shape).to(hidden.device),
            torch.from_numpy(indices).reshape(shape).to(hidden.device),
        )

    def recall(self, hidden: Tensor, k: int, exact: Tensor) -> float:
        """Return the part of the `exact` indices (..., k), those of `Head.topk`, that is found."""
        found = self(hidden, k).indices
        return float((found[..., :, None] == exact[..., None, :]).any(-2).double().mean())


def _as_array(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.detach().to("cpu", torch.float32).contiguous().numpy()
    return array


def _faiss() -> Any:
    try:
        import faiss
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "TopKIndex needs the package faiss, which is not installed."
            " Install it with: pip install 'luce[index]'"
        ) from error
    return faiss
