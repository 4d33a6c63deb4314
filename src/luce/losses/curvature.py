"""Products of the second derivatives of a cross-entropy with a vector, by formula."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import FloatArray, as_class_axis, as_floats, as_vector
from luce.functions.interchange import own_kind
from luce.losses.options import Options, Scalars
from luce.losses.row_losses import focal_slopes, over_tiles, z_slopes
from luce.losses.rows import totals
from luce.losses.softcap import cap_bend, cap_slope, capped
from luce.losses.softmax_rows import SoftmaxRows
from luce.losses.targets import Targets

Doubles = NDArray[np.float64]


@own_kind
def cross_entropy_hvp(
    logits: ArrayLike,
    target: ArrayLike,
    vector: ArrayLike,
    *,
    axis: int = -1,
    weight: ArrayLike | None = None,
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
) -> FloatArray:
    r"""Product of the Hessian of the cross-entropy with a vector, by formula.

    Without focal and z-loss, softcap and temperature it is, with :math:`t` as in
    :func:`cross_entropy`,

    .. math:: (H v)_j = \sum_l t_l \; p_j \Bigl(v_j - \sum_l p_l v_l\Bigr).

    Parameters
    ----------
    logits, target
        As in :func:`cross_entropy`.
    vector : array_like
        The shape of the logits. Under a probability of 0 it may hold anything.
    axis, weight, weighting, label_smoothing, ignore_index
        As in :func:`cross_entropy`.
    temperature, softcap, z_loss, focal_gamma
        As in :func:`cross_entropy`.
    reduction : {"mean", "sum", "none"}
        As in :func:`cross_entropy_grad`: for "none" each row has the Hessian of its own loss.
    normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    ndarray
        The shape and dtype of the logits. No row's result depends on another row of the vector.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`; also if the vector does not have the shape of the logits.

    Notes
    -----
    With :math:`u = \operatorname{softcap}(z) / T`, :math:`x_j = u'_j v_j` and
    :math:`\bar x = \sum_l p_l x_l`, the general form is

    .. math::
        (H v)_j &= u'_j \Bigl[p_j \bigl((S + Z)(x_j - \bar x) + \dot S + \dot Z\bigr)
            - \dot s_j\Bigr] + u''_j v_j \, G_j, \\
        s_j &= t_j \bigl((1 - p_j)^\gamma - \gamma p_j (1 - p_j)^{\gamma - 1} \log p_j\bigr),
            \quad S = \sum_l s_l, \quad Z = 2 \lambda r \operatorname{lse}(u), \\
        \dot s_j &= t_j \gamma p_j (1 - p_j)^{\gamma - 1} \Bigl(-2 - \log p_j
            + (\gamma - 1) \frac{p_j \log p_j}{1 - p_j}\Bigr)(x_j - \bar x),
            \quad \dot S = \sum_l \dot s_l, \quad \dot Z = 2 \lambda r \bar x

    and :math:`G_j` the gradient in :math:`u_j`. Edge values are those of
    :func:`cross_entropy_grad`: NaN in its row, and zeros in rows that count nothing. Cost: a few
    megabytes of workspace beyond the result.

    Accuracy
    --------
    float32 : 4 ULP
    float64 : 4 ULP

    in units of twice the sum of the absolute values of the terms above (each is a product of half
    a dozen rounded numbers), with :math:`x_j - \bar x` as
    :math:`|x_j - x_w| + \sum_l p_l |x_l - x_w|` for the likeliest class :math:`w`; the additions
    for float64 as in :func:`cross_entropy_grad`.

    Examples
    --------
    >>> from luce.losses import cross_entropy_hvp
    >>> print(cross_entropy_hvp([0.0, 0.0], 0, [1.0, 0.0]))
    [ 0.25 -0.25]
    """
    options = Options.checked(
        weight, weighting, label_smoothing, ignore_index, temperature, softcap, z_loss,
        focal_gamma, reduction, normalizer, empty,
    )  # fmt: skip
    z, dtype = as_floats(logits, "logits")
    place = as_class_axis(axis, z.shape)
    v = np.moveaxis(as_vector(vector, z.shape), place, -1)
    moved = np.moveaxis(z, place, -1)  # (..., k)
    *leading, k = moved.shape
    targets = Targets.of(target, tuple(leading), k, options, axis)
    product = np.empty(moved.shape, z.dtype)
    _write_products(
        moved.reshape(-1, k), v.reshape(-1, k), targets, options.scalars, product.reshape(-1, k)
    )
    with np.errstate(over="ignore", under="ignore"):  # one rounding from float32 to float16
        return np.ascontiguousarray(np.moveaxis(product, -1, place), dtype)


def _write_products(
    z: FloatArray, v: FloatArray, targets: Targets, scalars: Scalars, product: FloatArray
) -> None:
    """Write the product of each row's Hessian with its row of `v`; all are (n, k)."""

    def write(part: slice) -> None:
        with np.errstate(all="ignore"):
            tile, direction = (one[part].astype(np.float64, order="C") for one in (z, v))
            product[part] = _products(tile, direction, targets.part(part), scalars)

    over_tiles(write, *z.shape)


def _products(z: Doubles, v: Doubles, targets: Targets, scalars: Scalars) -> Doubles:
    t, z_weight = targets.matrix(z.shape[1]), scalars.z_loss * targets.share
    c, gamma = scalars.softcap, scalars.gamma
    rows = SoftmaxRows.of(z if c is None else capped(z, c), scalars.temperature)
    first: Any = 1.0 if c is None else cap_slope(z, c)  # T u'
    s = t * focal_slopes(rows, gamma) if gamma else t
    z_slope = z_slopes(rows, z_weight)  # (n, 1)

    x = np.where(rows.p == 0, 0.0, first * v)  # a class without probability takes no part
    at_winner = x[rows.winner][:, None]
    # A common shift changes no probability; this one leaves nothing to cancel for the winner.
    y = (x - at_winner) / scalars.temperature
    mean = totals(rows.p * y)[:, None]
    turn = np.where(rows.p == 0, 0.0, y - mean)  # the change of log p
    s_turn = t * _focal_bends(rows, gamma) * _over_rest(rows, turn) if gamma else np.zeros_like(t)
    z_turn = np.where(z_weight == 0, 0.0, 2.0 * z_weight)[:, None] * (
        at_winner / scalars.temperature + mean
    )
    extra = (totals(s)[:, None] + z_slope) * turn + z_turn
    result = first * rows.balanced(s_turn, extra)
    if c is not None:
        bent = np.where((rows.p == 0) & (t == 0), 0.0, cap_bend(z, c) * v)  # T u'' v
        result += bent * rows.balanced(s, z_slope)
    return np.where(t.any(axis=1, keepdims=True), result / scalars.temperature, 0.0)


def _focal_bends(rows: SoftmaxRows, gamma: float) -> Doubles:
    """Return ``1 - p`` times the derivative of `focal_slopes` in ``log p``."""
    rest = rows.rest()
    bracket = -2.0 - rows.log_p - (gamma - 1.0) * rows.surprise_over_rest(rest)
    return np.where(rows.p == 0, 0.0, gamma * rows.p * rest**gamma * bracket)


def _over_rest(rows: SoftmaxRows, turn: Doubles) -> Doubles:
    """Return ``turn / (1 - p)``; 0 where nothing is left of ``1 - p``, and so of its powers."""
    rest = rows.rest()
    return np.where(rest == 0, 0.0, turn / rest)
