"""Binary cross-entropy of logits: two classes, one number, and its gradient."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import (
    as_element_weights,
    as_finite,
    as_floats,
    as_shares,
    as_smoothing,
    as_temperature,
)
from luce.functions import log_sigmoid, sigmoid
from luce.functions.interchange import own_kind
from luce.functions.softmax_pairs import softmax_pairs
from luce.kernels.pairs import Doubles, Pair, plus, sum_of, times
from luce.losses.elements import evaluated
from luce.losses.reduction import LossGrad, Reduction

_GREATEST_GAMMA = 64.0


@own_kind
def binary_cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    focal_gamma: float = 0.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""Cross-entropy of one logit for each yes-or-no question, exact in the limits.

    .. math::
        L = w\, m^\gamma \bigl(-c\, t' \log \sigma(u) - (1 - t') \log \sigma(-u)\bigr),
        \qquad u = z / T, \quad t' = (1 - s)\, t + s / 2

    with :math:`m = t' \sigma(-u) + (1 - t')\, \sigma(u)`, what was given to the wrong answer.

    Parameters
    ----------
    logits : array_like
        A logit ``z`` for each question, in any shape; all axes are alike. Dtypes as for
        :func:`cross_entropy`.
    target : array_like, shape of the logits
        ``t`` in 0..1: classes 0 and 1 (bool will do), or probabilities of class 1. Another shape
        is refused and not repeated.
    weight : array_like, optional
        ``w``, broadcasts to the logits: what each loss is multiplied by, 0 or more. An element of
        weight 0 costs nothing, whatever its logit is.
    pos_weight : array_like, optional
        ``c``, broadcasts to the logits: weight of class 1, as in
        ``torch.nn.functional.binary_cross_entropy_with_logits``. Not part of the mean's divisor.
    label_smoothing : float
        ``s`` in [0, 1), the part of each target that is spread evenly over both answers.
    temperature : float
        ``T``, positive and finite.
    focal_gamma : float
        ``γ`` in 0..64: above 0, questions that are answered well already count less. Equal to
        ``torchvision.ops.sigmoid_focal_loss`` with ``alpha=-1``.
    reduction : {"mean", "sum", "none"}
        "none" returns the loss of each element. "mean" divides by the number of elements whatever
        their weights, as PyTorch does.
    normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    numpy.float64 or ndarray of float64
        The loss: a scalar, or for reduction "none" one number for each element.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`; LabelError if a target is outside of 0..1.

    Notes
    -----
    Edge values: a logit of ``-inf`` costs 0 for target 0, and ``inf`` for any other (for a target
    below 1 that is the limit too); ``inf`` the other way round. NaN gives NaN.

    Source: Lin, Goyal, Girshick, He & Dollár (2017), ICCV, for the focal loss.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP

    of the loss of an element, in units of the logits' dtype; twice that for a sum or mean. For
    results, probabilities and their powers in the normal range.

    Examples
    --------
    >>> from luce.losses import binary_cross_entropy
    >>> print(binary_cross_entropy([2.0, -1.0], [1, 0]).round(4))
    0.2201
    >>> print(binary_cross_entropy([40.0, -float("inf")], [1, 0], reduction="none"))
    [4.24835426e-18 0.00000000e+00]
    """
    options = _Options.checked(pos_weight, label_smoothing, temperature, focal_gamma)
    how = Reduction.checked(reduction, normalizer, empty)
    return _evaluate(logits, target, weight, options, how, with_grad=False).loss


@own_kind
def binary_cross_entropy_grad(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    focal_gamma: float = 0.0,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Binary cross-entropy, and its gradient in the logits.

    .. math::
        \frac{\partial L}{\partial z} = \frac{w\, m^\gamma}{T} \Bigl( (1 - t') p - c\, t' q
        + \gamma\, \frac{p q\, (1 - 2 t')}{m}\, B \Bigr), \qquad p = \sigma(u), \ q = \sigma(-u)

    where :math:`B` is the loss with ``w = 1`` and ``γ = 0``.

    Parameters
    ----------
    logits, target, weight, pos_weight, label_smoothing, temperature, focal_gamma
        As in :func:`binary_cross_entropy`.
    reduction, normalizer, empty
        As in :func:`binary_cross_entropy`.

    Returns
    -------
    LossGrad
        As :func:`cross_entropy_grad`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`binary_cross_entropy`.

    Notes
    -----
    ``1 - p`` is never formed: for logit 40 and target 1 the gradient is -4.2e-18, not 0. Edge
    values: at infinite logits the gradient is the limit, finite also where the loss is ``inf``.

    Accuracy
    --------
    float32 : 1 ULP
    float64 : 4 ULP
    gradient, float32 : 1 ULP
    gradient, float64 : 4 ULP

    The loss as in :func:`binary_cross_entropy`; each element of the gradient for targets 0 and 1
    without smoothing. For other targets its terms may cancel, and the unit is that of the sum of
    their absolute values.

    Examples
    --------
    >>> from luce.losses import binary_cross_entropy_grad
    >>> print(binary_cross_entropy_grad([0.0, 40.0], [1, 1], reduction="sum").grad)
    [-5.00000000e-01 -4.24835426e-18]
    """
    options = _Options.checked(pos_weight, label_smoothing, temperature, focal_gamma)
    how = Reduction.checked(reduction, normalizer, empty)
    return _evaluate(logits, target, weight, options, how, with_grad=True)


class _Options(NamedTuple):
    pos_weight: ArrayLike | None
    smoothing: float
    temperature: float
    gamma: float

    @classmethod
    def checked(
        cls, pos_weight: ArrayLike | None, label_smoothing: Any, temperature: Any, gamma: Any
    ) -> "_Options":
        return cls(
            pos_weight,
            as_smoothing(label_smoothing),
            as_temperature(temperature),
            as_finite(gamma, "focal_gamma", 0.0, _GREATEST_GAMMA),
        )


def _evaluate(
    logits: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None,
    o: _Options,
    how: Reduction,
    *,
    with_grad: bool,
) -> LossGrad:
    z, dtype = as_floats(logits, "logits")
    t = as_shares(target, z.shape, "logits")
    w = None if weight is None else as_element_weights(weight, z.shape)
    c = as_element_weights(1.0 if o.pos_weight is None else o.pos_weight, z.shape, "pos_weight")
    plain = z.dtype != np.float64  # then float64 has digits to spare

    def formula(z: Doubles, t: Doubles, c: Doubles) -> tuple[Doubles, Doubles]:
        positive, negative = _smoothed(t, o.smoothing), _smoothed(sum_of(1.0, -t), o.smoothing)
        a, b = c * positive.high, negative.high  # of -log p, of -log q
        loss = _times(a, _minus_log(z, o.temperature)) + _times(b, _minus_log(-z, o.temperature))
        if not with_grad and o.gamma == 0:
            return loss, loss
        p, q = _probabilities(z, o.temperature, plain=plain)
        slope = _rounded(p, b) - _rounded(q, a)
        if o.gamma > 0:
            loss, slope = _focal(loss, slope, p, q, positive, negative, o.gamma)
        return loss, slope / o.temperature

    return evaluated(formula, [z, t, c], w, float(z.size), how, dtype)


def _smoothed(t: Any, smoothing: float) -> Pair:
    """Return ``(1 - s) t + s / 2``, as a pair: for target 1 and a small s, 1 - t' is s / 2."""
    share = t if isinstance(t, Pair) else Pair(t, np.zeros_like(t))
    if smoothing == 0.0:
        return share
    scaled = times(share, sum_of(1.0, -smoothing))
    return plus(scaled, Pair(0.5 * smoothing, 0.0))


def _minus_log(z: Doubles, temperature: float) -> Doubles:
    """Return ``-log sigmoid(z / T)``."""
    minus: Doubles = 0.0 - log_sigmoid(z, temperature=temperature)
    return minus


def _probabilities(z: Doubles, temperature: float, *, plain: bool) -> tuple[Pair, Pair]:
    """Return sigmoid(z / T) and sigmoid(-z / T), as pairs unless plain float64 will do."""
    p, q = (Pair(sigmoid(one, temperature=temperature), np.zeros_like(one)) for one in (z, 0.0 - z))
    if plain:
        return p, q
    finite = np.isfinite(z)
    both, _ = softmax_pairs(
        np.stack([np.where(finite, z, 0.0), np.zeros_like(z)], axis=1), temperature
    )
    exact_p, exact_q = (Pair(both.high[:, i], both.low[:, i]) for i in range(2))
    return _where(finite, exact_p, p), _where(finite, exact_q, q)


def _where(condition: NDArray[np.bool_], a: Pair, b: Pair) -> Pair:
    return Pair(np.where(condition, a.high, b.high), np.where(condition, a.low, b.low))


def _focal(
    loss: Doubles,
    slope: Doubles,
    p: Pair,
    q: Pair,
    positive: Pair,
    negative: Pair,
    gamma: float,
) -> tuple[Doubles, Doubles]:
    """Return the loss and its derivative in u times the focal factor ``m ** gamma``."""
    wrong = plus(times(p, negative), times(q, positive))
    m = wrong.high + wrong.low
    low = (wrong.high - m) + wrong.low
    factor = np.power(m, gamma)
    factor = factor + factor * np.where(m > 0, gamma * (low / m), 0.0)
    # m' = p q (1 - 2 t'); at infinite logits p q = 0 wins over the infinite loss.
    rise = _rounded(p, q.high) * (negative.high - positive.high)
    pull = np.where(rise == 0, 0.0 * rise, gamma * (rise / m) * loss)
    return _times(factor, loss), factor * (slope + pull)


def _rounded(p: Pair, a: Doubles) -> Doubles:
    result: Doubles = p.high * a + p.low * a
    return result


def _times(a: Doubles, b: Doubles) -> Doubles:
    """Return ``a b``, where 0 * inf = 0 and 0 * NaN = 0."""
    return np.where(a == 0, 0.0, a * b)
