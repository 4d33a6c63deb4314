r"""The losses that belong to sparsemax and entmax: Fenchel-Young losses of Tsallis entropies.

With :math:`\Omega(p) = \sum_j (p_j^\alpha - p_j) / (\alpha (\alpha - 1))` and
:math:`p = \operatorname{entmax}(z)` the loss of a target ``q`` is
:math:`\Omega^*(z) + \Omega(q) - \langle z, q \rangle`, a difference of large numbers. Here it is a
sum of parts none of which is negative, from the optimality of p: with ``s`` the threshold,
:math:`z_j = \Omega'(p_j) + s` for classes of the support and :math:`z_j \le s` for the others,

.. math:: L = \sum_j D(q_j, p_j) + \sum_{j: p_j = 0} q_j (s - z_j), \qquad
    D(q, p) = \frac{q^\alpha - p^\alpha - \alpha p^{\alpha - 1} (q - p)}{\alpha (\alpha - 1)}

where D is the Bregman divergence of one class.
"""

import torch
from torch import Tensor

from luce._checks import as_alpha
from luce.nn.functional.divergence import divergence_of_rows
from luce.nn.functional.entmax import entmax
from luce.nn.functional.log_softmax import log_softmax
from luce.nn.logit_shape import LogitShape
from luce.nn.options import checked
from luce.nn.targets import Targets


def entmax_loss(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.5,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Tensor:
    r"""Loss that is 0 once :func:`entmax` gives the target, and whose gradient is entmax - target.

    .. math:: L = \sum_j (p_j - q_j)\, u_j + H_\alpha(p) - H_\alpha(q), \qquad
        H_\alpha(p) = \frac{\sum_j (p_j - p_j^\alpha)}{\alpha (\alpha - 1)}, \quad
        p = \operatorname{entmax}_\alpha(u)

    with ``u`` the logits after softcap and temperature, and ``q`` the target: 1 at the label, or a
    distribution. It is convex in the logits.

    Parameters
    ----------
    logits : Tensor, shape (..., k)
        ``k`` classes along the last dimension; ``-inf`` is an impossible class.
    target : Tensor
        Labels (...) or distributions (..., k), as in :func:`cross_entropy`.
    alpha : float
        Which entmax: 1 is the softmax, whose loss is the cross-entropy less the entropy of the
        target; 2 is sparsemax.
    weight : Tensor, shape (k,), optional
        Weight of each class. A row counts :math:`\sum_j q_j w_j`: the loss is no sum over classes
        that could be weighed one by one ("row" weighting in :func:`cross_entropy`).
    label_smoothing : float
        ``s`` in [0, 1): the target is mixed with the uniform distribution, of which it gets ``s``.
    ignore_index, temperature, softcap, reduction, normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    Tensor
        The loss, in the dtype of the logits; float32 for those of 16 bits. Never negative.

    Raises
    ------
    ShapeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`.

    Notes
    -----
    Where the logit of the target leads all others by :math:`1 / (\alpha - 1)` the loss is exactly
    0 and so is its gradient: confident rows cost nothing. A label whose logit is ``-inf``
    gives ``inf``. For alpha 1.5 and 2 the loss is computed without cancellation.

    Source: Blondel, Martins & Niculae (2020), Learning with Fenchel-Young losses, JMLR 21;
    Martins & Astudillo (2016), ICML, for alpha 2; Peters, Niculae & Martins (2019), ACL, for
    others.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> logits = torch.tensor([[2.0, 1.0, 0.1], [0.0, 3.0, 0.5]])
    >>> functional.entmax_loss(logits, torch.tensor([0, 2]), reduction="none")
    tensor([0.0617, 2.5000])
    >>> functional.entmax_loss(logits[1], torch.tensor(1), alpha=2.0)
    tensor(0.)
    """
    a = as_alpha(alpha)
    _, scalars = checked(
        weighting="row", label_smoothing=label_smoothing, ignore_index=ignore_index,
        temperature=temperature, softcap=softcap, reduction=reduction, normalizer=normalizer,
        empty=empty,
    )  # fmt: skip
    z = LogitShape(scalars.softcap, scalars.temperature)(logits)
    *leading, k = z.shape
    targets = Targets.of(target, tuple(leading), k, weight, scalars, z.dtype)
    rows = targets.without_unused(z.reshape(-1, k))
    losses = targets.share * of_rows(rows, _mixed(targets, rows), a)
    return targets.reduced(losses.reshape(leading))


def sparsemax_loss(
    logits: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Tensor:
    r"""Loss that is 0 once :func:`sparsemax` gives the target; its gradient is their difference.

    .. math:: L = \tfrac12 \sum_j (q_j - p_j)^2 + \sum_{j: p_j = 0} q_j (\tau - u_j), \qquad
        p = \operatorname{sparsemax}(u)

    Parameters
    ----------
    logits, target, weight, label_smoothing, ignore_index, temperature, softcap
        As in :func:`entmax_loss`.
    reduction, normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    Tensor
        As :func:`entmax_loss`.

    Raises
    ------
    ShapeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`.

    Notes
    -----
    It is :func:`entmax_loss` with alpha 2. For labels it equals the loss of Martins & Astudillo
    (2016), ICML, equation 16; as written above nothing cancels.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> functional.sparsemax_loss(torch.tensor([2.0, 1.5, 0.1]), torch.tensor(0))
    tensor(0.0625)
    """
    return entmax_loss(
        logits, target, alpha=2.0, weight=weight, label_smoothing=label_smoothing,
        ignore_index=ignore_index, temperature=temperature, softcap=softcap, reduction=reduction,
        normalizer=normalizer, empty=empty,
    )  # fmt: skip


def of_rows(u: Tensor, q: Tensor, alpha: float) -> Tensor:
    """Return the loss of each row (n,) of logits and distributions (n, k)."""
    if alpha == 1.0:
        log_q = torch.where(q > 0, q, torch.ones_like(q)).log()
        return divergence_of_rows(log_softmax(u), log_q, q)
    p = entmax(u, alpha)
    undefined = 0.0 * p.detach().amax(1)  # NaN where the row has no entmax
    return (_divergence(q, p, alpha) + _slack(u, q, p, alpha)).sum(1) + undefined


def of_winner(p: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Return the loss of each row's likeliest class as the label (n,), and which it is (n, 1).

    All that it takes are the probabilities (n, k): nothing is lost to the threshold.
    """
    top, winner = p.max(dim=1, keepdim=True)
    undefined = 0.0 * top[:, 0]  # NaN where the row has no entmax
    others = power_or_zero(p.scatter(1, winner, 0.0), alpha).sum(dim=1) / alpha
    return _divergence(torch.ones_like(top), top, alpha)[:, 0] + others + undefined, winner


def _divergence(q: Tensor, p: Tensor, alpha: float) -> Tensor:
    """Return D of each class."""
    if alpha == 2.0:
        return 0.5 * (q - p).square()
    # Where one of the two is 0 the formula below has no derivative, and another one holds.
    both, one = (q > 0) & (p > 0), torch.ones_like(p)
    a, b = torch.where(both, q, one), torch.where(both, p, one)
    if alpha == 1.5:
        roots = a.sqrt(), b.sqrt()
        near = (2.0 / 3.0) * (roots[0] - roots[1]).square() * (2.0 * roots[0] + roots[1])
    else:
        fall = b.log() - a.log()
        left = torch.expm1(alpha * fall) / alpha - torch.expm1((alpha - 1.0) * fall) / (alpha - 1.0)
        near = a**alpha * left
    of_p, of_q = power_or_zero(p, alpha), power_or_zero(q, alpha)
    alone = torch.where(p > 0, of_p / alpha, of_q / (alpha * (alpha - 1.0)))
    return torch.where(both, near, alone)


def _slack(u: Tensor, q: Tensor, p: Tensor, alpha: float) -> Tensor:
    """Return ``q (s - u)`` where a class has lost its probability to the threshold ``s``."""
    winner = p.detach().argmax(1, keepdim=True)
    threshold = u.gather(1, winner) - p.gather(1, winner) ** (alpha - 1.0) / (alpha - 1.0)
    lost = (p == 0) & (q > 0)
    return q * torch.where(lost, threshold - torch.where(lost, u, torch.zeros_like(u)), 0.0)


def power_or_zero(x: Tensor, exponent: float) -> Tensor:
    """Return ``x ** exponent`` and 0 where x is 0, without the infinite slope it may have there."""
    inside = x > 0
    return torch.where(inside, torch.where(inside, x, torch.ones_like(x)) ** exponent, 0.0)


def _mixed(targets: Targets, rows: Tensor) -> Tensor:
    """Return the target as distributions (n, k), smoothed."""
    q = targets.q
    if q is None:
        assert targets.y is not None
        q = torch.zeros_like(rows).scatter(1, targets.y[:, None], 1.0)
    s = targets.scalars.smoothing
    return q if s == 0 else (1.0 - s) * q + s / rows.shape[1]
