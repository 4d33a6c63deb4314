"""Contrastive losses: which of many candidates fits, and which pairs are alike."""

from typing import Any

import torch
from torch import Tensor

from luce._checks import as_finite, check_same_shape, check_table
from luce.losses.reduction import Reduction
from luce.nn.eager import widened
from luce.nn.functional.by_twin import reduced
from luce.nn.functional.cross_entropy import cross_entropy


def info_nce(
    similarities: Tensor,
    labels: Tensor | None = None,
    *,
    temperature: float = 0.07,
    symmetric: bool = False,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Tensor:
    r"""How surprising it is which of many candidates fits each query.

    With the similarities :math:`s_{ij}` of query i and candidate j, of which :math:`y_i` fits

    .. math:: L_i = -\log \frac{e^{s_{i y_i} / T}}{\sum_j e^{s_{ij} / T}}

    Parameters
    ----------
    similarities : Tensor, shape (n, m)
        Similarity of each of ``n`` queries with each of ``m`` candidates; ``-inf`` takes a
        candidate out.
    labels : Tensor of integers, shape (n,), optional
        Which candidate fits each query. None: the first fits the first, the second the second, and
        so on along the diagonal.
    temperature : float
        ``T``, positive and finite.
    symmetric : bool
        Whether candidates look for their query as well, as in CLIP: the loss is the mean of that
        of the table and that of its transpose. For square tables and the diagonal only.
    ignore_index, reduction, normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    Tensor
        As :func:`cross_entropy`; for reduction "none" of shape (n,).

    Raises
    ------
    ShapeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`; ShapeError if the diagonal is asked for and too short.

    Notes
    -----
    It is :func:`cross_entropy` of the similarities at that temperature, as
    :func:`luce.losses.info_nce` is.

    Source: van den Oord, Li & Vinyals (2018), Representation learning with contrastive predictive
    coding, section 2.3; symmetric: Radford et al. (2021), Learning transferable visual models from
    natural language supervision, section 2.3.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> table = torch.tensor([[0.9, 0.2], [0.1, 0.7]])
    >>> functional.info_nce(table, temperature=0.5)
    tensor(0.2418)
    >>> functional.info_nce(table, temperature=0.5, symmetric=True)
    tensor(0.2452)
    """
    check_table(tuple(similarities.shape), labels is not None, symmetric)
    y = torch.arange(len(similarities), device=similarities.device) if labels is None else labels
    options: dict[str, Any] = {
        "temperature": temperature,
        "ignore_index": ignore_index,
        "reduction": reduction,
        "normalizer": normalizer,
        "empty": empty,
    }
    loss = cross_entropy(similarities, y, **options)
    return 0.5 * (loss + cross_entropy(similarities.T, y, **options)) if symmetric else loss


def contrastive(
    distances: Tensor,
    same: Tensor,
    *,
    margin: float = 1.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Tensor:
    r"""Contrastive loss of distances: pairs that are the same attract, the others repel.

    With the distance :math:`d` of a pair and the margin :math:`m`

    .. math::
        L = \begin{cases}
            \tfrac12 d^2 & \text{if the two are the same} \\
            \tfrac12 \max(0, m - d)^2 & \text{else}
        \end{cases}

    Parameters
    ----------
    distances : Tensor, shape (...)
        A distance of 0 or more for each pair; this is not checked.
    same : Tensor of bool, shape of the distances
        Whether the two of a pair are the same. 0 and 1 will do.
    margin : float
        The distance from which on two different ones are far enough apart; 0 or more.
    reduction : {"mean", "sum", "none"}
        "none" returns the loss of each pair, "mean" divides by the number of pairs.
    normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    Tensor
        The loss, in the dtype of the distances; float32 for those of 16 bits.

    Raises
    ------
    ShapeError, ParameterError, DataError
        If the shapes differ, or an option has an impossible value.

    Notes
    -----
    Has the meaning and the edge values of :func:`luce.losses.contrastive`. Some libraries leave
    out the factor one half.

    Source: Hadsell, Chopra & LeCun (2006), Dimensionality reduction by learning an invariant
    mapping, CVPR, equation 4.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> same = torch.tensor([True, False, False])
    >>> functional.contrastive(torch.tensor([0.5, 0.5, 2.0]), same, reduction="none")
    tensor([0.1250, 0.1250, 0.0000])
    """
    m = as_finite(margin, "margin", 0.0)
    how = Reduction.checked(reduction, normalizer, empty)
    check_same_shape(tuple(same.shape), tuple(distances.shape), "same")
    d = widened(distances)
    force = torch.where(same.bool(), d, (m - d).clamp(min=0.0))
    return reduced(0.5 * force.square(), how)
