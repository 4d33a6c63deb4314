"""Losses of single numbers: element by element, a tile at a time, weighed and reduced."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks import as_element_weights, as_floats, as_target
from luce.functions.tiles import tiles
from luce.kernels.pairs import Doubles
from luce.losses.reduction import LossGrad, Reduction

# Of x, the target and what else there is: the losses and their derivatives in x, not weighed yet.
Formula = Callable[..., tuple[Doubles, Doubles]]


def loss_and_grad(
    formula: Formula,
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None,
    how: Reduction,
    *,
    name: str,
) -> LossGrad:
    """Return the reduced loss of numbers and its gradient in x, in the dtype of x.

    The mean divides by the sum of the weights.
    """
    z, dtype = as_floats(x, name)
    t = as_target(target, z.shape, name)
    w = None if weight is None else as_element_weights(weight, z.shape)
    total = float(z.size if w is None else w.sum(dtype=np.longdouble))
    return evaluated(formula, [z, t], w, total, how, dtype)


def evaluated(
    formula: Formula,
    arrays: Sequence[NDArray[Any]],
    weight: Doubles | None,
    total: float,
    how: Reduction,
    dtype: np.dtype[Any],
) -> LossGrad:
    """Return the reduced loss of arrays of one shape; the mean divides by `total`.

    An element of weight 0 has loss and gradient 0, whatever it holds.
    """
    shape, size = arrays[0].shape, arrays[0].size
    divisor = how.divisor(total, size)
    losses, grad = np.empty(size), np.empty(size, dtype)
    flat = [np.ascontiguousarray(one).reshape(-1) for one in arrays]
    scale = None if weight is None else np.ascontiguousarray(weight).reshape(-1)
    with np.errstate(all="ignore"):  # one rounding, from float64
        for part in tiles(size, 1):
            results = formula(*(one[part].astype(np.float64) for one in flat))
            for result, value in zip((losses, grad), results, strict=True):
                weighed = value if scale is None else _weighed(value, scale[part])
                result[part] = weighed / divisor
    return LossGrad(how.reduced(losses.reshape(shape), divisor), grad.reshape(shape))


def _weighed(values: Doubles, weight: NDArray[Any]) -> Doubles:
    return np.where(weight == 0, 0.0, values * weight)
