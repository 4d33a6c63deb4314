"""A softmax that spends little on rare classes: Grave et al. (2017)."""

from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn import functional as F

from luce._checks import as_count
from luce.errors import ParameterError, ShapeError
from luce.nn.adaptive_embedding import AdaptiveEmbedding
from luce.nn.class_counts import as_counts
from luce.nn.class_parameters import check_class_weight
from luce.nn.clusters import Clusters
from luce.nn.cost_model import CostModel
from luce.nn.cutoffs import best_cutoffs
from luce.nn.eager import is_transformed
from luce.nn.functional.log_softmax import log_softmax
from luce.nn.head import FactoredHead, TopK, sample_from
from luce.nn.label_log_prob import label_log_prob
from luce.nn.logit_shape import LogitShape


@final
class AdaptiveSoftmax(FactoredHead):
    r"""Frequent classes and one entry for each cluster of rare ones; then the class in its cluster.

    .. math::
        \log p(c) = \log p_\text{head}(c) \quad \text{or} \quad
        \log p_\text{head}(\text{cluster}) + \log \operatorname{softmax}(E_j P_j h + b_j)_c

    (Grave et al. 2017, arXiv 1609.04309). Exactly what is computed is normalised over all classes,
    and :meth:`log_prob` gives all of it.

    Saves: rows whose label is frequent, most of them, cost the head alone; a cluster is computed
    for its own rows, with vectors ``E_j`` of a width that shrinks by `div_value` from cluster to
    cluster. 700 rows of width 200 with 30,000 words: about ten times as fast on a CPU as one
    softmax over all. Costs: another model (Grave et al. report perplexities up to 2 % above the
    full softmax's), and the labels must be far from equally frequent.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    cutoffs : sequence of int
        Where the classes, the most frequent first, are cut: ``[2000, 10000]`` makes a head of
        2000 classes and two clusters. Empty for one softmax over all. See :meth:`from_counts`.
    div_value : float
        By what the width shrinks from cluster to cluster. 2 instead of the usual 4 is slower, and
        for narrow hidden states some percent better in perplexity.
    bias : bool
        Whether each class and each cluster has a bias.
    order : array_like, shape (n_classes,), optional
        The classes from the most frequent to the rarest; None if they are numbered so.
    weight : Parameter of shape (n_classes, in_features), optional
        Weights to share, such as those of a plain embedding: all classes then have the full width,
        without projections.
    embedding : AdaptiveEmbedding, optional
        An embedding to share: its cutoffs, tables and projections are used.
    device, dtype
        As in ``torch.nn.Linear``.

    Notes
    -----
    Equals ``torch.nn.AdaptiveLogSoftmaxWithLoss`` with the same parameters (that has no bias in
    its clusters) where that works: it takes neither 2-D targets, ``ignore_index``, class
    weights, smoothing, autocast nor ``torch.compile(fullgraph=True)``.

    Inside ``torch.compile``, export and ``torch.func`` shapes must not depend on labels: every
    cluster is then computed for every row, which is exact but saves only what the narrow
    clusters save.

    All parameters get a gradient in every step, zeros if no label fell in a cluster, so that
    ``DistributedDataParallel`` need not look for unused ones.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import AdaptiveSoftmax
    >>> head = AdaptiveSoftmax(16, 1000, [100, 400])
    >>> hidden, target = torch.randn(4, 7, 16), torch.randint(1000, (4, 7))
    >>> loss = head(hidden, target, ignore_index=0, label_smoothing=0.1)
    >>> head.log_prob(hidden).shape, head.topk(hidden, 5).indices.shape
    (torch.Size([4, 7, 1000]), torch.Size([4, 7, 5]))
    """

    parts: nn.ParameterList | None
    weight: Parameter | None

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        *,
        div_value: float = 4.0,
        bias: bool = True,
        order: ArrayLike | None = None,
        weight: Parameter | None = None,
        embedding: AdaptiveEmbedding | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, n_classes)
        made = {"device": device, "dtype": dtype}
        self.tied = weight is not None or embedding is not None
        if embedding is not None:
            _check_embedding(embedding, in_features, n_classes, cutoffs, weight, order)
            self.clusters = embedding.clusters
        else:
            shrink = div_value if weight is None else 1.0
            self.clusters = Clusters(n_classes, in_features, cutoffs, shrink, order, device)
        sizes, widths = self.clusters.sizes, self.clusters.widths
        if weight is not None:
            check_class_weight(weight, n_classes, in_features)
        self.register_parameter("weight", weight)
        if embedding is not None:
            self.parts, self.projections = embedding.parts, embedding.projections
        else:
            self.parts = (
                nn.ParameterList(
                    torch.empty(size, width, **made)  # type: ignore[arg-type]
                    for size, width in zip(sizes, widths, strict=True)
                )
                if weight is None
                else None
            )
            self.projections = nn.ParameterList(
                torch.empty(width, in_features, **made)  # type: ignore[arg-type]
                for width in (widths[1:] if weight is None else ())
            )
        many = len(sizes) - 1
        self.cluster_weight = Parameter(torch.empty(many, in_features, **made))  # type: ignore[arg-type]
        self.biases = nn.ParameterList(
            torch.empty(size, **made)  # type: ignore[arg-type]
            for size in ((sizes[0] + many, *sizes[1:]) if bias else ())
        )
        self.reset_parameters()

    @classmethod
    def from_counts(
        cls,
        in_features: int,
        counts: ArrayLike,
        *,
        rows: int = 1024,
        head_share: float = 0.8,
        max_clusters: int = 3,
        cost: CostModel | None = None,
        div_value: float = 4.0,
        bias: bool = True,
        weight: Parameter | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> "AdaptiveSoftmax":
        """Make one whose cutoffs take the least time on this machine, by class counts.

        Parameters
        ----------
        in_features : int
            Width of the hidden states.
        counts : array_like, shape (n_classes,)
            How often each class occurs in training, in any order: ``numpy.bincount(labels)``.
        rows : int
            The rows of a batch.
        head_share : float
            The least part of all labels that the head must hold, where vectors have the full
            width. Time alone would make it tiny: rare classes in narrow clusters are cheap, but
            their probabilities are coarse.
        max_clusters : int
            The largest number of clusters.
        cost : CostModel, optional
            What tells the time of a layer. None measures this machine, about a second.
        div_value, bias, weight, device, dtype
            As in the class.

        Returns
        -------
        AdaptiveSoftmax
            Its ``cutoffs`` say what was chosen. They depend on measured times: to load a
            `state_dict`, make the head with the cutoffs it was saved with.

        Raises
        ------
        ShapeError, DataError
            If the counts are not one finite number, 0 or more, for each of two classes or more.
        ParameterError
            If `head_share` cannot be used.
        """
        number = as_counts(counts, least=2)
        if not 0 <= head_share <= 1:
            raise ParameterError(f"head_share must be in [0, 1], got {head_share!r}. Pass 0.8.")
        order = np.argsort(-number, kind="stable")
        sorted_already = bool((order == np.arange(len(order))).all())
        shares = number[order].cumsum() / max(number.sum(), 1e-300)
        least = int(np.searchsorted(shares, head_share)) + 1
        model = cost
        if model is None:
            kind, place = dtype or torch.get_default_dtype(), device or "cpu"
            model = CostModel.measured(in_features, rows, dtype=kind, device=place)
        chosen = best_cutoffs(
            number,
            in_features,
            model,
            rows=rows,
            div_value=div_value if weight is None else 1.0,
            max_clusters=max_clusters,
            least_head=min(least, len(number)),
        )
        return cls(
            in_features,
            len(number),
            chosen.cutoffs,
            div_value=div_value,
            bias=bias,
            order=None if sorted_already else order,
            weight=weight,
            device=device,
            dtype=dtype,
        )

    @property
    def cutoffs(self) -> tuple[int, ...]:
        """Where the classes, the most frequent first, are cut."""
        return self.clusters.cutoffs

    def reset_parameters(self) -> None:
        """Draw weights that are not shared as ``torch.nn.Linear`` does; the biases are 0."""
        own = [self.cluster_weight]
        if not self.tied:
            assert self.parts is not None
            own += [*self.parts, *self.projections]
        for one in own:
            nn.init.uniform_(one, -(one.shape[1] ** -0.5), one.shape[1] ** -0.5)
        for bias in self.biases:
            nn.init.zeros_(bias)

    def extra_repr(self) -> str:
        tied = ", tied" if self.tied else ""
        return f"{super().extra_repr()}, bias={len(self.biases) > 0}{tied}"

    def predict(self, hidden: Tensor) -> Tensor:
        return self.topk(hidden, 1).indices[..., 0]

    def topk(self, hidden: Tensor, k: int) -> TopK:
        """Return the `k` likeliest classes, exactly, without the clusters that cannot hold one.

        No class of a cluster is likelier than the cluster itself: only rows whose cluster is
        likelier than their ``k``-th best class so far compute it.
        """
        wanted = as_count(k, self.n_classes, "k")
        if is_transformed():
            return super().topk(hidden, k)
        rows, shape = self.rows_of(hidden), LogitShape()
        layer, *tails = self._layers()
        head = log_softmax(shape(layer(rows)))
        first = self.clusters.sizes[0]
        best, rank = head[:, :first].topk(min(wanted, first), dim=1)
        best = F.pad(best, (0, wanted - best.shape[1]), value=-torch.inf)
        rank = F.pad(rank, (0, wanted - rank.shape[1]))
        for j, tail in enumerate(tails):
            bound = head[:, first + j]
            row = (bound > best[:, -1]).nonzero()[:, 0]
            log_p = bound[row, None] + log_softmax(shape(tail(rows[row])))
            own, place = log_p.topk(min(wanted, log_p.shape[1]), dim=1)
            merged, of = torch.cat([best[row], own], 1).topk(wanted, dim=1)
            ranks = torch.cat([rank[row], place + self.clusters.starts[j + 1]], 1).gather(1, of)
            best, rank = best.index_copy(0, row, merged), rank.index_copy(0, row, ranks)
        leading = (*hidden.shape[:-1], wanted)
        return TopK(best.reshape(leading), self.clusters.class_of(rank).reshape(leading))

    def sample(self, hidden: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Return a class for each row: first in the head, then in the cluster that was drawn."""
        if is_transformed():
            return super().sample(hidden, generator=generator)
        rows, shape = self.rows_of(hidden), LogitShape()
        layer, *tails = self._layers()
        first = self.clusters.sizes[0]
        slot = sample_from(log_softmax(shape(layer(rows))), generator)
        rank = slot
        for j, tail in enumerate(tails):
            row = (slot == first + j).nonzero()[:, 0]
            drawn = sample_from(log_softmax(shape(tail(rows[row]))), generator)
            rank = rank.index_copy(0, row, drawn + self.clusters.starts[j + 1])
        return self.clusters.class_of(rank).reshape(hidden.shape[:-1])

    def _log_prob(self, hidden: Tensor, shape: LogitShape) -> Tensor:
        layer, *tails = self._layers()
        head, first = log_softmax(shape(layer(hidden))), self.clusters.sizes[0]
        parts = [head[:, :first]]
        for j, tail in enumerate(tails):
            parts.append(head[:, first + j, None] + log_softmax(shape(tail(hidden))))
        return self.clusters.in_class_order(torch.cat(parts, 1))

    def _target_log_prob(
        self, hidden: Tensor, labels: Tensor, shape: LogitShape
    ) -> tuple[Tensor, Tensor]:
        layer, *tails = self._layers()
        rank = self.clusters.rank_of(labels)
        cluster = self.clusters.cluster_of(rank)  # (n,), 0 for the head
        first = self.clusters.sizes[0]
        slot = torch.where(cluster == 0, rank, first + cluster - 1)
        log_p, normaliser = label_log_prob(shape(layer(hidden)), slot)
        squares = normaliser.square()
        for j, tail in enumerate(tails, 1):
            within = (rank - self.clusters.starts[j]).clamp(0, self.clusters.sizes[j] - 1)
            if is_transformed():
                more, normaliser = label_log_prob(shape(tail(hidden)), within)
                log_p = torch.where(cluster == j, log_p + more, log_p)
                squares = torch.where(cluster == j, squares + normaliser.square(), squares)
            else:
                row = (cluster == j).nonzero()[:, 0]
                z = shape(tail(hidden.index_select(0, row)))
                more, normaliser = label_log_prob(z, within[row])
                log_p = log_p.index_add(0, row, more)
                squares = squares.index_add(0, row, normaliser.square())
        return log_p, squares

    def _squared_normalisers(self, hidden: Tensor, shape: LogitShape) -> Tensor:
        layer, *tails = self._layers()
        squares = [shape(layer(hidden)).logsumexp(1, keepdim=True).square()]  # (n, 1)
        for tail in tails:
            squares.append(squares[0] + shape(tail(hidden)).logsumexp(1, keepdim=True).square())
        sizes = self.clusters.sizes
        spread = torch.cat(
            [one.expand(-1, size) for one, size in zip(squares, sizes, strict=True)], 1
        )
        return self.clusters.in_class_order(spread)

    def _layers(self) -> list["_Layer"]:
        """Return the head, with an entry for each cluster at its end, and the clusters."""
        parts: list[Tensor]
        if self.weight is not None:
            by_rank = (
                self.weight if self.clusters.order is None else self.weight[self.clusters.order]
            )
            parts = list(by_rank.split(self.clusters.sizes))
        else:
            assert self.parts is not None
            parts = list(self.parts)
        parts[0] = torch.cat([parts[0], self.cluster_weight])
        nothing = [None] * len(parts)
        projections = [None, *self.projections] if len(self.projections) else nothing
        biases = list(self.biases) if len(self.biases) else nothing
        return [_Layer(*one) for one in zip(parts, biases, projections, strict=True)]


class _Layer(NamedTuple):
    """A linear layer to the logits of one softmax; a projection narrows the hidden states first."""

    weight: Tensor
    bias: Tensor | None
    projection: Tensor | None

    def __call__(self, hidden: Tensor) -> Tensor:
        narrow = hidden if self.projection is None else F.linear(hidden, self.projection)
        return F.linear(narrow, self.weight, self.bias)


def _check_embedding(
    embedding: AdaptiveEmbedding,
    in_features: int,
    n_classes: int,
    cutoffs: Sequence[int],
    weight: Parameter | None,
    order: ArrayLike | None,
) -> None:
    if weight is not None or order is not None:
        raise ParameterError(
            "an embedding brings its own weights and order, got weight or order as well."
            " Leave them out."
        )
    wanted = (n_classes, in_features, tuple(cutoffs))
    got = (embedding.n_classes, embedding.features, embedding.clusters.cutoffs)
    if wanted != got:
        raise ShapeError(
            "the embedding must have the head's classes, width and cutoffs, "
            f"{wanted}, got {got}. Make both with the same ones."
        )
