"""Where to cut the classes of an adaptive softmax so that it takes the least time."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.errors import ParameterError
from luce.nn.class_counts import as_counts

Doubles = NDArray[np.float64]


class Cost(Protocol):
    """What tells the time of a layer, such as `CostModel`; it must be linear in the rows."""

    def seconds(
        self, rows: float | Doubles, features: float, classes: float | Doubles
    ) -> Doubles: ...


class Cutoffs(NamedTuple):
    """The cheapest cutoffs, and what they are expected to cost."""

    cutoffs: tuple[int, ...]
    """Where the classes, the most frequent first, are cut; empty for one softmax over all."""
    seconds: float
    """The predicted time of a forward and a backward pass of the whole layer."""
    full_seconds: float
    """That of one softmax over all classes."""


def best_cutoffs(
    counts: ArrayLike,
    features: int,
    cost: Cost,
    *,
    rows: int = 1024,
    div_value: float = 4.0,
    max_clusters: int = 4,
    least_head: int = 1,
    candidates: int = 128,
) -> Cutoffs:
    r"""Return the cutoffs of an adaptive softmax that minimise its expected time.

    With classes sorted by frequency, cut at :math:`c_1 < \dots < c_J < k`, a batch of ``n`` rows
    costs

    .. math::
        t(n, d, c_1 + J) + \sum_{j=1}^{J} t\bigl(n P(c_j, c_{j+1}),\, d / v^j,\, c_{j+1} - c_j\bigr)

    where ``P`` is the part of the labels in a cluster. A dynamic programme over the last cutoff
    finds the least of all choices among the candidates: nothing else is left to tune (Grave et
    al. 2017, arXiv 1609.04309, section 4.3, do so with a model of a GPU).

    Parameters
    ----------
    counts : array_like, shape (k,)
        How often each class occurs, in any order.
    features : int
        The width ``d`` of the hidden rows.
    cost : CostModel
        What tells the time ``t``; :meth:`luce.nn.CostModel.measured` asks this machine.
    rows : int
        The rows ``n`` of a batch.
    div_value : float
        By what ``v`` the width shrinks from cluster to cluster.
    max_clusters : int
        The largest ``J``.
    least_head : int
        The least number of classes in the head.
    candidates : int
        The number of places, spread evenly over the logarithm of the rank, where cuts may be.

    Returns
    -------
    Cutoffs
        ``cutoffs`` is empty where one softmax over all classes is cheapest.

    Examples
    --------
    >>> import numpy as np
    >>> from luce.nn import CostModel, best_cutoffs
    >>> model = CostModel(call=1e-4, product=1e-11, logit=1e-9, row=1e-9, weight=1e-9)
    >>> best = best_cutoffs(1 / np.arange(1, 30_001), 200, model)
    >>> print(best.cutoffs, round(best.full_seconds / best.seconds))
    (66, 1104, 5528, 14532) 21
    """
    number = np.sort(as_counts(counts, least=2))[::-1]
    k = len(number)
    _check(max_clusters=max_clusters, least_head=least_head, candidates=candidates)
    places = _places(k, least_head, candidates)
    total = number.sum()
    share = number / total if total > 0 else np.full(k, 1.0 / k)
    below = np.concatenate([[0.0], share.cumsum()])[places]
    full = float(cost.seconds(rows, features, k))
    best = Cutoffs((), full, full)
    if len(places) < 2:
        return best
    # rest[i]: the cheapest clusters from place i to the end, so many of them that `clusters` says
    for clusters in range(1, min(max_clusters, len(places) - 1) + 1):
        rest = np.full(len(places), np.inf)
        rest[-1] = 0.0
        choices = []
        for j in range(clusters, 0, -1):
            width = max(1, int(features // div_value**j))
            size = places[None, :] - places[:, None]
            part = rows * (below[None, :] - below[:, None])
            times = _cluster_seconds(cost, part, features, width, np.maximum(size, 1))
            times = np.where(size > 0, times, np.inf) + rest[None, :]
            choices.append(times.argmin(axis=1))
            rest = times.min(axis=1)
        heads = cost.seconds(rows, features, (places + clusters).astype(np.float64))
        totals = (heads + rest)[:-1]
        first = int(totals.argmin())
        if totals[first] < best.seconds:
            best = Cutoffs(_followed(first, choices[::-1], places), float(totals[first]), full)
    return best


def _cluster_seconds(
    cost: Cost, rows: Doubles, features: int, width: int, classes: NDArray[np.int64]
) -> Doubles:
    """Return the time of clusters: a projection to `width`, and a softmax of that width."""
    softmax = cost.seconds(rows, width, classes.astype(np.float64))
    if width == features:
        return softmax
    return softmax + cost.seconds(rows, features, float(width))


def _followed(first: int, choices: list[NDArray[np.intp]], places: NDArray[np.int64]) -> tuple:  # type: ignore[type-arg]
    at, cutoffs = first, [int(places[first])]
    for choice in choices[:-1]:
        at = int(choice[at])
        cutoffs.append(int(places[at]))
    return tuple(cutoffs)


def _places(k: int, least_head: int, candidates: int) -> NDArray[np.int64]:
    if least_head >= k:
        return np.array([k])
    spread = np.geomspace(least_head, k, candidates + 1).round().astype(np.int64)
    return np.unique(np.clip(spread, least_head, k))


def _check(**counts: int) -> None:
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ParameterError(
                f"{name} must be an integer of at least 1, got {value!r}. Pass a larger one."
            )
