"""Cross-entropy of a linear layer, for tensors."""

import torch
from torch import Tensor

from luce.nn.functional.cross_entropy import cross_entropy


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    target: Tensor,
    bias: Tensor | None = None,
    *,
    class_weight: Tensor | None = None,
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
) -> Tensor:
    r"""Cross-entropy of the logits of a linear layer.

    .. math:: L = \operatorname{cross\_entropy}(z, y), \qquad z = h W^\top + b

    Parameters
    ----------
    hidden : Tensor, shape (..., d)
        ``h``: rows of ``d`` numbers.
    weight : Tensor, shape (k, d)
        ``W``: ``d`` numbers for each of ``k`` classes, as in ``torch.nn.Linear``.
    target : Tensor, shape (...) or (..., k)
        Labels or distributions, as in :func:`cross_entropy`.
    bias : Tensor, shape (k,), optional
        ``b``; ``-inf`` makes a class impossible.
    class_weight : Tensor, shape (k,), optional
        The ``weight`` of :func:`cross_entropy`.
    weighting, label_smoothing, ignore_index
        As in :func:`cross_entropy`.
    temperature, softcap, z_loss, focal_gamma
        As in :func:`cross_entropy`.
    reduction, normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    Tensor
        As :func:`cross_entropy`.

    Raises
    ------
    ShapeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`.

    Notes
    -----
    Equals ``cross_entropy(torch.nn.functional.linear(hidden, weight, bias), target)``.

    Examples
    --------
    >>> import torch
    >>> from luce.nn.functional import linear_cross_entropy
    >>> hidden = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
    >>> weight = torch.tensor([[0.5, 0.5], [1.0, -1.0], [0.0, 0.25]])
    >>> print(round(linear_cross_entropy(hidden, weight, torch.tensor([0, 2])).item(), 4))
    1.0167
    """
    if ignore_index is not None and target.shape == hidden.shape[:-1]:
        # What an ignored row holds, such as NaN, would reach the gradient of the weights.
        hidden = torch.where((target != ignore_index).unsqueeze(-1), hidden, 0.0)
    return cross_entropy(
        torch.nn.functional.linear(hidden, weight, bias), target, weight=class_weight,
        weighting=weighting, label_smoothing=label_smoothing, ignore_index=ignore_index,
        temperature=temperature, softcap=softcap, z_loss=z_loss, focal_gamma=focal_gamma,
        reduction=reduction, normalizer=normalizer, empty=empty,
    )  # fmt: skip
