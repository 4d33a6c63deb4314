"""Cross-entropy of a linear layer: loss and gradients without ever holding all logits."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from luce._checks import FloatArray
from luce.functions.interchange import own_kind
from luce.losses.linear_layer import Gradients, Layer, evaluate
from luce.losses.options import Options
from luce.losses.targets import Targets


class LinearLossGrad(NamedTuple):
    """The loss of a linear layer, and its gradient in everything that the layer is made of."""

    loss: Any
    """float64: a scalar, or for reduction "none" an array with one loss for each row."""
    grad_hidden: FloatArray
    """Array of the shape and dtype of ``hidden``."""
    grad_weight: FloatArray
    """Array of the shape and dtype of ``weight``."""
    grad_bias: FloatArray | None
    """Array of the shape and dtype of ``bias``; None without bias."""


@own_kind
def linear_cross_entropy(
    hidden: ArrayLike,
    weight: ArrayLike,
    target: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    class_weight: ArrayLike | None = None,
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
) -> Any:
    r"""Cross-entropy of the logits of a linear layer, which are never held all at once.

    .. math:: L = \operatorname{cross\_entropy}(z, y), \qquad z = h W^\top + b

    For many classes the logits, rows times classes, are larger than all else together. Here they
    exist for a few rows at a time.

    Parameters
    ----------
    hidden : array_like, shape (..., d)
        ``h``: rows of ``d`` numbers.
    weight : array_like, shape (k, d)
        ``W``: ``d`` numbers for each of ``k`` classes, as in ``torch.nn.Linear``.
    target : array_like, shape (...) or (..., k)
        Labels or distributions, as in :func:`cross_entropy`.
    bias : array_like, shape (k,), optional
        ``b``; ``-inf`` makes a class impossible.
    class_weight : array_like, shape (k,), optional
        The ``weight`` of :func:`cross_entropy`.
    weighting, label_smoothing
        As in :func:`cross_entropy`.
    ignore_index : int, optional
        Rows with this label have loss and gradient 0 and do not count in the mean, whatever they
        hold. They are left out of the products, too, and so are rows of weight 0.
    temperature, softcap, z_loss, focal_gamma
        As in :func:`cross_entropy`.
    reduction, normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    numpy.float64 or ndarray of float64, shape (...)
        As :func:`cross_entropy`.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`cross_entropy`; also if `hidden`, `weight` and `bias` do not fit together.

    Notes
    -----
    Everything is computed in float32, or in float64 if one of `hidden`, `weight` and `bias` is
    float64 or holds integers. Edge values: as in :func:`cross_entropy`, for the logits.

    With the native core a row's loss has the same bits whatever rows stand beside it and for any
    number of threads. The NumPy twin multiplies with NumPy's BLAS library, which does not promise
    that.

    Memory beyond the arguments: at most 64 MB at any size, or one row of logits if that is more.
    An argument of another dtype than that of the computation, or in neither C nor Fortran order,
    is copied as a whole.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    of the exact loss of the logits as the product rounds them, with the units and additions of
    :func:`cross_entropy`. Each logit is off by at most :math:`(d + 2)\, \epsilon \left(\sum_p
    |h_p W_{jp}| + |b_j|\right)`, as with any product in that dtype; typical errors are far
    smaller, since sums are taken in blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from luce.losses import cross_entropy, linear_cross_entropy
    >>> hidden = np.array([[1.0, 2.0], [0.0, -1.0]])
    >>> weight = np.array([[0.5, 0.5], [1.0, -1.0], [0.0, 0.25]])
    >>> print(linear_cross_entropy(hidden, weight, [0, 2]).round(4))
    1.0167
    >>> print(cross_entropy(hidden @ weight.T, [0, 2]).round(4))
    1.0167
    """
    options = Options.checked(
        class_weight, weighting, label_smoothing, ignore_index, temperature, softcap, z_loss,
        focal_gamma, reduction, normalizer, empty,
    )  # fmt: skip
    return _reduced(Layer.of(hidden, weight, bias), target, options, None)


@own_kind
def linear_cross_entropy_grad(
    hidden: ArrayLike,
    weight: ArrayLike,
    target: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    class_weight: ArrayLike | None = None,
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
) -> LinearLossGrad:
    r"""Cross-entropy of a linear layer and its gradients, from three products and one pass.

    .. math::
        \frac{\partial L}{\partial h} = g W, \qquad \frac{\partial L}{\partial W} = g^\top h,
        \qquad \frac{\partial L}{\partial b} = \sum_i g_i, \qquad g = \frac{\partial L}{\partial z}

    A few rows of logits at a time become their gradient in place, which enters both products.

    Parameters
    ----------
    hidden, weight, target, bias
        As in :func:`linear_cross_entropy`.
    class_weight, weighting, label_smoothing, ignore_index
        As in :func:`linear_cross_entropy`.
    temperature, softcap, z_loss, focal_gamma
        As in :func:`cross_entropy`.
    reduction : {"mean", "sum", "none"}
        As in :func:`cross_entropy`. For "none" the gradients are those of the sum of the losses,
        so that each row of `grad_hidden` holds the gradient of its own loss.
    normalizer, empty
        As in :func:`cross_entropy`.

    Returns
    -------
    LinearLossGrad
        A named tuple: ``loss`` as :func:`linear_cross_entropy` returns it, ``grad_hidden``,
        ``grad_weight`` and ``grad_bias`` of the shape and dtype of `hidden`, `weight` and `bias`
        (float64 for integers); ``grad_bias`` is None without bias.

    Raises
    ------
    ShapeError, DtypeError, LabelError, ParameterError, DataError
        As :func:`linear_cross_entropy`.

    Notes
    -----
    Edge values: as in :func:`cross_entropy_grad`, for the logits. An ignored row has a gradient
    of zeros and adds nothing to the others; where the mean has nothing to average, all are 0.

    With the native core a row of ``grad_hidden`` has the same bits whatever rows stand beside it
    (if they do not change the divisor) and for any number of threads. The other gradients are sums
    over the rows.

    Memory beyond arguments and results: as :func:`linear_cross_entropy`. Gradients of float16 and
    bfloat16 arrays are accumulated in float32 copies and rounded once.

    Accuracy
    --------
    float32 : 2 ULP
    float64 : 4 ULP

    The loss as in :func:`linear_cross_entropy`. The gradients are sums of products, each off by
    at most :math:`(m + 2)\, \epsilon` times the sum of the absolute values of its :math:`m` terms,
    beside what the rounding of the logits has done to :math:`g`. What a label contributes is added
    to the products once: for many classes, gradients are about five times as close as those of the
    plain formulas, where the label's large term stands in the middle of a sum of small ones.

    Examples
    --------
    >>> from luce.losses import linear_cross_entropy_grad
    >>> hidden, weight = [[1.0, 2.0], [0.0, -1.0]], [[0.5, 0.5], [1.0, -1.0], [0.0, 0.25]]
    >>> result = linear_cross_entropy_grad(hidden, weight, [0, 2])
    >>> print(result.loss.round(4), result.grad_bias)
    1.0167 None
    >>> print(result.grad_hidden.round(4))
    [[-0.0493 -0.0742]
     [ 0.3682 -0.3955]]
    """
    options = Options.checked(
        class_weight, weighting, label_smoothing, ignore_index, temperature, softcap, z_loss,
        focal_gamma, reduction, normalizer, empty,
    )  # fmt: skip
    layer = Layer.of(hidden, weight, bias)
    gradients = Gradients.of(layer)
    loss = _reduced(layer, target, options, gradients)
    return _delivered(loss, gradients, layer)


def _reduced(layer: Layer, target: ArrayLike, options: Options, gradients: Gradients | None) -> Any:
    """Return the loss, and fill the gradients if they are wanted."""
    targets = Targets.of(target, layer.leading, layer.classes, options)
    losses = evaluate(layer, targets, options.scalars, gradients).reshape(layer.leading)
    return options.scalars.reduction.reduced(losses, targets.divisor)


def _delivered(loss: Any, gradients: Gradients, layer: Layer) -> LinearLossGrad:
    """Return the gradients in the shapes and dtypes of what they belong to."""
    assert gradients.hidden is not None
    assert gradients.weight is not None
    hidden, weight, bias = layer.dtypes
    with np.errstate(over="ignore", under="ignore"):  # one rounding from float32 to float16
        return LinearLossGrad(
            loss,
            gradients.hidden.reshape(*layer.leading, gradients.hidden.shape[1]).astype(
                hidden, copy=False
            ),
            gradients.weight.astype(weight, copy=False),
            None if gradients.bias is None else gradients.bias.astype(bias),
        )
