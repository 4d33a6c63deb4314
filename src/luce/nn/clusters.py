"""Classes sorted by frequency and cut into a head and clusters."""

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from luce.errors import ParameterError
from luce.nn.class_tree import as_permutation


@final
class Clusters(nn.Module):
    """Which class belongs where, how wide each cluster is, and the way back.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    features : int
        Width of the first cluster, the head.
    cutoffs : sequence of int
        Where the classes, the most frequent first, are cut: increasing, in 1..n_classes - 1.
    div_value : float
        By what the width shrinks from cluster to cluster.
    order : array_like, shape (n_classes,), optional
        The classes from the most frequent to the rarest; None if they are numbered so.
    device : torch.device or str, optional
        Where the tables are.
    """

    edges: Tensor
    order: Tensor | None
    rank: Tensor | None

    def __init__(
        self,
        n_classes: int,
        features: int,
        cutoffs: Sequence[int],
        div_value: float,
        order: ArrayLike | None,
        device: torch.device | str | None,
    ) -> None:
        super().__init__()
        self.cutoffs = _checked_cutoffs(cutoffs, n_classes)
        if not 1 <= div_value < float("inf"):
            raise ParameterError(
                f"div_value must be at least 1 and finite, got {div_value!r}. Usual are 2 and 4."
            )
        self.starts = (0, *self.cutoffs)
        self.sizes = tuple(
            stop - start
            for start, stop in zip(self.starts, (*self.cutoffs, n_classes), strict=True)
        )
        self.widths = tuple(max(1, int(features // div_value**j)) for j in range(len(self.sizes)))
        self.div_value = div_value
        edges = torch.tensor(self.cutoffs, dtype=torch.int64, device=device)
        self.register_buffer("edges", edges, persistent=False)
        if order is None:
            self.register_buffer("order", None)
            self.register_buffer("rank", None)
        else:
            classes = as_permutation(order, n_classes)
            rank = np.empty_like(classes)
            rank[classes] = np.arange(n_classes)
            self.register_buffer("order", torch.as_tensor(classes, device=device))
            self.register_buffer("rank", torch.as_tensor(rank, device=device))

    def rank_of(self, classes: Tensor) -> Tensor:
        """Return how frequent classes are, the most frequent 0."""
        return classes if self.rank is None else self.rank[classes]

    def class_of(self, rank: Tensor) -> Tensor:
        """Return the class of a rank."""
        return rank if self.order is None else self.order[rank]

    def in_class_order(self, values: Tensor) -> Tensor:
        """Return values (n, k) that stand by rank, by class."""
        return values if self.rank is None else values.index_select(1, self.rank)

    def cluster_of(self, rank: Tensor) -> Tensor:
        """Return the cluster of each rank, 0 for the head."""
        return torch.bucketize(rank, self.edges, right=True)

    def extra_repr(self) -> str:
        ordered = "" if self.order is None else ", order=..."
        return f"cutoffs={list(self.cutoffs)}, widths={list(self.widths)}{ordered}"


def _checked_cutoffs(cutoffs: Sequence[int], n_classes: int) -> tuple[int, ...]:
    given = tuple(int(one) for one in cutoffs)
    rising = all(a < b for a, b in zip((0, *given), (*given, n_classes), strict=True))
    if not rising or any(a != b for a, b in zip(given, cutoffs, strict=True)):
        raise ParameterError(
            f"cutoffs must be increasing integers in 1..{n_classes - 1}, got {list(cutoffs)}."
            " Leave out 0 and the number of classes; or let AdaptiveSoftmax.from_counts choose."
        )
    return given
