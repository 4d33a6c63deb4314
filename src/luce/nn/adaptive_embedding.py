"""An embedding that gives rare classes fewer numbers."""

from collections.abc import Sequence
from typing import final

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional as F

from luce.nn.clusters import Clusters
from luce.nn.eager import is_transformed


@final
class AdaptiveEmbedding(nn.Module):
    """An embedding whose rare classes have narrow vectors, projected to the full width.

    Equals ``cat([part_j @ projection_j for all clusters])[ids]`` with a table ``part_j`` of width
    ``features / div_value**j`` for each cluster (Baevski & Auli 2019, arXiv 1809.10853); the
    first has the full width and no projection. Saves most of the table: 30,000 classes of width
    200 cut at 2,000 and 10,000 take 1.1 instead of 6 million numbers. Costs a small product for
    the rare ones of a batch.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    features : int
        Width of what comes out.
    cutoffs : sequence of int
        Where the classes, the most frequent first, are cut.
    div_value : float
        By what the width shrinks from cluster to cluster.
    order : array_like, shape (n_classes,), optional
        The classes from the most frequent to the rarest; None if they are numbered so.
    device, dtype
        As in ``torch.nn.Embedding``.

    Notes
    -----
    Share it with the output layer: ``AdaptiveSoftmax(..., embedding=embedding)`` uses the same
    tables and projections for both.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import AdaptiveEmbedding
    >>> embedding = AdaptiveEmbedding(1000, 16, [100, 400])
    >>> embedding(torch.tensor([[3, 999]])).shape, sum(p.numel() for p in embedding.parameters())
    (torch.Size([1, 2, 16]), 3480)
    """

    def __init__(
        self,
        n_classes: int,
        features: int,
        cutoffs: Sequence[int],
        *,
        div_value: float = 4.0,
        order: ArrayLike | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.n_classes, self.features = n_classes, features
        self.clusters = Clusters(n_classes, features, cutoffs, div_value, order, device)
        made = {"device": device, "dtype": dtype}
        self.parts = nn.ParameterList(
            torch.empty(size, width, **made)  # type: ignore[arg-type]
            for size, width in zip(self.clusters.sizes, self.clusters.widths, strict=True)
        )
        self.projections = nn.ParameterList(
            torch.empty(width, features, **made)  # type: ignore[arg-type]
            for width in self.clusters.widths[1:]
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all so that every vector has about the length 1."""
        for part in self.parts:
            nn.init.normal_(part, std=part.shape[1] ** -0.5)
        for projection in self.projections:
            nn.init.normal_(projection, std=self.features**-0.5)

    def extra_repr(self) -> str:
        return f"{self.n_classes}, {self.features}"

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors (..., features) of classes (...)."""
        rank = self.clusters.rank_of(ids.reshape(-1))
        cluster = self.clusters.cluster_of(rank)
        out = self._masked(rank, cluster) if is_transformed() else self._gathered(rank, cluster)
        return out.reshape(*ids.shape, self.features)

    def _gathered(self, rank: Tensor, cluster: Tensor) -> Tensor:
        rows, vectors = [], []
        for j, start in enumerate(self.clusters.starts):
            row = (cluster == j).nonzero()[:, 0]
            rows.append(row)
            vectors.append(self._vectors(j, rank[row] - start))
        place = torch.cat(rows).argsort()
        kind = vectors[0].dtype  # under autocast the projected ones are narrower
        return torch.cat([one.to(kind) for one in vectors])[place]

    def _masked(self, rank: Tensor, cluster: Tensor) -> Tensor:
        """Return the same with shapes that the classes do not change."""
        total = self._vectors(0, rank.clamp(max=self.clusters.sizes[0] - 1))
        for j, start in enumerate(self.clusters.starts[1:], 1):
            inside = (rank - start).clamp(0, self.clusters.sizes[j] - 1)
            own = self._vectors(j, inside).to(total.dtype)
            total = torch.where((cluster == j)[:, None], own, total)
        return total

    def _vectors(self, j: int, index: Tensor) -> Tensor:
        vectors = F.embedding(index, self.parts[j])
        return vectors if j == 0 else vectors @ self.projections[j - 1]
