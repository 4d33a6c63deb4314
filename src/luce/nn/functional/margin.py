"""Angular margins: a cross-entropy of scaled cosines whose label has been made harder to reach."""

from collections.abc import Callable
from math import cos, pi, sin
from typing import Any

import torch
from torch import Tensor

from luce import losses
from luce._checks import as_finite, as_scale
from luce.nn.eager import as_numpy, is_eager, is_native, is_wanted, widened
from luce.nn.functional.by_twin import by_twin
from luce.nn.functional.cross_entropy import cross_entropy

Penalty = Callable[[Tensor], Tensor]  # cosine of the label -> what replaces it


def arcface(
    cosines: Tensor,
    labels: Tensor,
    *,
    margin: float = 0.5,
    scale: float = 64.0,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Tensor:
    r"""Cross-entropy with a margin added to the angle between a row and its class.

    With the cosines :math:`c_j = \cos\theta_j` of a row with its label :math:`y`, scale :math:`s`
    and margin :math:`m`, the loss is :func:`cross_entropy` of the logits

    .. math::
        u_j = s\, c_j \quad (j \ne y), \qquad
        u_y = s \begin{cases}
            \cos(\theta_y + m) & \text{if } \theta_y < \pi - m \\
            c_y - m \sin m & \text{else}
        \end{cases}

    Parameters
    ----------
    cosines : Tensor, shape (..., k)
        Cosines of the angles between each row's features and the ``k`` class centres;
        ``-inf`` is an impossible class. What rounding has carried beyond -1 or 1 is taken for -1
        or 1.
    labels : Tensor of integers, shape (...)
        The class of each row.
    margin : float
        ``m`` in radians, between 0 and pi / 2.
    scale : float
        ``s``, above 0: the inverse of a temperature.
    weight, ignore_index, reduction, normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    Tensor
        The loss, in the dtype of the cosines; float32 for those of 16 bits.

    Raises
    ------
    ShapeError, LabelError, ParameterError, DataError
        As :func:`luce.losses.arcface`; cosines and labels are looked at on the CPU in eager mode
        only.

    Notes
    -----
    Has the meaning and the edge values of :func:`luce.losses.arcface`, which computes it on the CPU
    in eager mode. The gradient stays finite where the cosine of the label approaches 1.

    Source: Deng, Guo, Xue & Zafeiriou (2019), ArcFace, CVPR, section 3.1.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> cosines = torch.tensor([[0.9, 0.1, -0.2], [0.3, 0.6, 0.0]])
    >>> functional.arcface(cosines, torch.tensor([0, 1]), scale=8)
    tensor(0.7989)
    """
    m, s = as_finite(margin, "margin", 0.0, pi / 2), as_scale(scale)
    options: dict[str, Any] = {
        "weight": weight,
        "ignore_index": ignore_index,
        "reduction": reduction,
        "normalizer": normalizer,
        "empty": empty,
    }

    def twin(c: Any, y: Any, **row: Any) -> losses.LossGrad:
        return losses.arcface_grad(c, y, margin=m, scale=s, **row)

    return _evaluated(cosines, labels, added_angle(m), s, twin, options)


def cosface(
    cosines: Tensor,
    labels: Tensor,
    *,
    margin: float = 0.35,
    scale: float = 64.0,
    weight: Tensor | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Tensor:
    r"""Cross-entropy with a margin taken from the cosine between a row and its class.

    The loss is :func:`cross_entropy` of the logits :math:`u_j = s\, c_j` for :math:`j \ne y` and
    :math:`u_y = s (c_y - m)`.

    Parameters
    ----------
    cosines, labels
        As in :func:`arcface`.
    margin : float
        ``m``, 0 or more.
    scale : float
        ``s``, above 0.
    weight, ignore_index, reduction, normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    Tensor
        As :func:`arcface`.

    Raises
    ------
    ShapeError, LabelError, ParameterError, DataError
        As :func:`arcface`.

    Notes
    -----
    On the CPU in eager mode :func:`luce.losses.cosface` computes it.

    Source: Wang et al. (2018), CosFace: Large Margin Cosine Loss for Deep Face Recognition, CVPR.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> cosines = torch.tensor([[0.9, 0.1, -0.2], [0.3, 0.6, 0.0]])
    >>> functional.cosface(cosines, torch.tensor([0, 1]), scale=8)
    tensor(0.4976)
    """
    m, s = as_finite(margin, "margin", 0.0), as_scale(scale)
    options: dict[str, Any] = {
        "weight": weight,
        "ignore_index": ignore_index,
        "reduction": reduction,
        "normalizer": normalizer,
        "empty": empty,
    }

    def twin(c: Any, y: Any, **row: Any) -> losses.LossGrad:
        return losses.cosface_grad(c, y, margin=m, scale=s, **row)

    return _evaluated(cosines, labels, subtracted(m), s, twin, options)


def _evaluated(
    cosines: Tensor,
    labels: Tensor,
    penalty: Penalty,
    scale: float,
    twin: Callable[..., losses.LossGrad],
    options: dict[str, Any],
) -> Tensor:
    c, weight = widened(cosines), options["weight"]
    others = [labels] if weight is None else [labels, weight]

    def formula(x: Tensor) -> Tensor:
        u = scale * with_margin(x, labels, penalty, options["ignore_index"])
        return cross_entropy(u, labels, **options)

    if is_native(c) and is_eager(*others) and not is_wanted(*others):
        given = {**options, "weight": None if weight is None else as_numpy(weight)}
        return by_twin(c, lambda x: twin(x, as_numpy(labels), **given), formula)
    return formula(c)


def with_margin(c: Tensor, labels: Tensor, penalty: Penalty, ignored: int | None) -> Tensor:
    """Return the cosines with that of each label replaced; ignored rows stay as they are."""
    # Beyond -1 and 1 rounding has carried them: the value is that of the bound, with its gradient.
    c = torch.where(c == -torch.inf, c, c + (c.detach().clamp(-1.0, 1.0) - c.detach()))
    y = labels.unsqueeze(-1).long()
    counted = torch.ones_like(y, dtype=torch.bool) if ignored is None else y != ignored
    own = c.gather(-1, torch.where(counted, y, torch.zeros_like(y)))
    harder = torch.where(counted & (own != -torch.inf), penalty(own), own)
    places = torch.arange(c.shape[-1], device=c.device)
    return torch.where(counted & (places == y), harder, c)


def added_angle(m: float) -> Penalty:
    """Return ``cos(theta + m)`` as a function of the cosine, continued where it would rise."""

    def penalty(c: Tensor) -> Tensor:
        within = c > -cos(m)
        turned = c * cos(m) - _sine(c) * sin(m)
        return torch.where(within, turned, c - m * sin(m))

    return penalty


def subtracted(m: float) -> Penalty:
    """Return ``cos(theta) - m`` as a function of the cosine."""
    return lambda c: c - m


def _sine(c: Tensor) -> Tensor:
    """Return ``sqrt(1 - c^2)``, with a slope that is bounded by that of the last number below 1."""
    square = (1.0 - c) * (1.0 + c)
    unit = torch.finfo(c.dtype).eps / 2
    least = unit * (2.0 - unit)
    steep = square <= least
    fixed = c.detach()
    root = square.detach().clamp(min=0.0).sqrt() - fixed / least**0.5 * (c - fixed)
    return torch.where(steep, root, torch.where(steep, torch.ones_like(square), square).sqrt())
