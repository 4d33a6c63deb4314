"""Hinge losses of several classes: what a support vector machine minimises, and its gradient."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import FloatArray, as_choice, as_finite, as_ignore_index
from luce.errors import ParameterError
from luce.functions.interchange import own_kind
from luce.kernels.pairs import sum_of
from luce.losses.reduction import LossGrad, Reduction
from luce.losses.rows import Rows, label_factors, totals

Doubles = NDArray[np.float64]

KINDS = ("crammer-singer", "weston-watkins")


@own_kind
def multiclass_hinge(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    axis: int = -1,
    margin: float = 1.0,
    kind: str = "crammer-singer",
    power: int = 1,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> Any:
    r"""Hinge loss of several classes: 0 once the right class leads by the margin.

    With :math:`v_j = \text{margin} + z_j - z_y`, the label :math:`y` and the power :math:`r`

    .. math::
        L_\text{Crammer-Singer} = \max\bigl(0, \max_{j \ne y} v_j\bigr)^r, \qquad
        L_\text{Weston-Watkins} = \sum_{j \ne y} \max(0, v_j)^r

    Parameters
    ----------
    logits, labels, axis
        As in :func:`cross_entropy`.
    margin : float
        By how much the right class has to lead; 0 or more.
    kind : {"crammer-singer", "weston-watkins"}
        Whether the strongest wrong class counts alone, or all that come within the margin do.
    power : {1, 2}
        2 is the squared hinge, which has a continuous gradient.
    weight : array_like, shape (k,), optional
        Weight of each class: the loss of a row is multiplied by that of its label.
    ignore_index : int, optional
        As in :func:`cross_entropy`.
    reduction : {"mean", "sum", "none"}
        "mean" divides by the sum of the weights of the labels that are not ignored, as
        :func:`cross_entropy` does.
    normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    numpy.float64 or ndarray of float64
        As :func:`cross_entropy`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`.

    Notes
    -----
    ``torch.nn.functional.multi_margin_loss`` is the Weston-Watkins loss divided by the number of
    classes, and its mean divides by the number of rows also where there are weights: pass that
    number as `normalizer`. Edge values: a class whose logit is ``-inf`` never comes within the
    margin; a label with ``-inf`` costs ``inf``, if another class is possible. A row with NaN, with
    ``+inf``, or with ``-inf`` alone gives NaN. One class alone costs nothing.

    Source: Crammer & Singer (2001), JMLR 2; Weston & Watkins (1999), ESANN.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    of the loss of a row, in units of the logits' dtype; twice that for a sum or mean. The rounding
    error of ``z_j - z_y`` is carried along, so a small violation keeps its digits.

    Examples
    --------
    >>> from luce.losses import multiclass_hinge
    >>> print(multiclass_hinge([[2.0, 1.5, 0.0], [0.0, 3.0, 0.5]], [0, 1]))
    0.25
    >>> print(multiclass_hinge([2.0, 1.5, 1.75], 0, kind="weston-watkins"))
    1.25
    """
    options = _Options.checked(margin, kind, power, weight, ignore_index)
    how = Reduction.checked(reduction, normalizer, empty)
    rows = Rows.of(logits, axis)
    return _evaluate(rows, labels, options, how, None)


@own_kind
def multiclass_hinge_grad(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    axis: int = -1,
    margin: float = 1.0,
    kind: str = "crammer-singer",
    power: int = 1,
    weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
    normalizer: float | None = None,
    empty: str = "nan",
) -> LossGrad:
    r"""Hinge loss of several classes, and a subgradient in the logits.

    Parameters
    ----------
    logits, labels, axis, margin, kind, power, weight, ignore_index, reduction, normalizer, empty
        As in :func:`multiclass_hinge`.

    Returns
    -------
    LossGrad
        As :func:`cross_entropy_grad`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`multiclass_hinge`.

    Notes
    -----
    Where the loss has a kink, this subgradient is taken: a class exactly at the margin pulls
    nothing, and of several strongest wrong classes (Crammer-Singer) the first alone is pushed.
    Each row of the gradient sums to 0. Where the loss is ``inf``, the gradient is finite for power
    1 and infinite for power 2.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP
    gradient, float32 : 2 ULP
    gradient, float64 : 4 ULP

    The loss as in :func:`multiclass_hinge`, the gradient of each element.

    Examples
    --------
    >>> from luce.losses import multiclass_hinge_grad
    >>> loss, grad = multiclass_hinge_grad([2.0, 1.5, 1.75], 0, kind="weston-watkins")
    >>> print(grad)
    [-2.  1.  1.]
    """
    options = _Options.checked(margin, kind, power, weight, ignore_index)
    how = Reduction.checked(reduction, normalizer, empty)
    rows = Rows.of(logits, axis)
    grad = rows.gradient()
    return LossGrad(_evaluate(rows, labels, options, how, grad), rows.shaped(grad))


class _Options(NamedTuple):
    margin: float
    kind: str
    power: int
    weight: ArrayLike | None
    ignore_index: int | None

    @classmethod
    def checked(
        cls, margin: Any, kind: Any, power: Any, weight: ArrayLike | None, ignore_index: Any
    ) -> "_Options":
        if isinstance(power, bool) or power not in (1, 2):
            raise ParameterError(
                f"power must be 1 or 2, got {power!r}. 1 is the hinge, 2 the squared hinge."
            )
        return cls(
            as_finite(margin, "margin", least=0.0),
            as_choice(kind, KINDS, "kind"),
            int(power),
            weight,
            as_ignore_index(ignore_index),
        )


def _evaluate(
    rows: Rows, labels: ArrayLike, options: _Options, how: Reduction, grad: FloatArray | None
) -> Any:
    """Return the loss, and write its gradient to `grad` if there is one."""
    n, k = rows.z.shape
    y = rows.labels(labels, options.ignore_index)  # (n,)
    factors, divisor = label_factors(y, options.weight, k, how)
    loss = np.empty(n)  # (n,)
    for part in rows.tiles():
        with np.errstate(all="ignore"):
            v = _violations(rows.z[part], y[part], factors[part] != 0, options)  # (t, k)
            pushed = np.maximum(v, 0.0)
            powers = pushed if options.power == 1 else pushed * pushed
            loss[part] = factors[part] * totals(powers)
            if grad is not None:
                slope = np.where(pushed > 0, 1.0, pushed) if options.power == 1 else 2.0 * pushed
                own = np.arange(len(v)), np.maximum(y[part], 0)
                slope[own] = 0.0 - totals(slope)
                grad[part] = factors[part][:, None] * slope
    return how.reduced(loss.reshape(rows.leading), divisor)


def _violations(
    z: FloatArray, y: NDArray[np.int64], used: NDArray[np.bool_], options: _Options
) -> Doubles:
    """Return ``margin + z_j - z_y``, ``-inf`` for a class that does not count."""
    wide: Doubles = np.where(used[:, None], z, 0.0).astype(np.float64)  # (t, k)
    rows, own = np.arange(len(wide)), np.maximum(y, 0)
    v: Doubles
    gap, low = sum_of(wide, -wide[rows, own][:, None])
    v, lower = sum_of(gap, np.full_like(gap, options.margin))
    v = v + (low + lower)
    impossible, top = wide == -np.inf, wide.max(axis=1)
    if options.kind == "crammer-singer":  # the first of the strongest alone
        wide[rows, own] = -np.inf
        first = wide.argmax(axis=1)
        strongest = v[rows, first]
        v.fill(-np.inf)
        v[rows, first] = strongest
    v[impossible] = -np.inf
    v[rows, own] = -np.inf
    v[~np.isfinite(top)] = np.nan
    return v
