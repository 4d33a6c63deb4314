"""Choose between the native core and the NumPy twin, and between instruction sets, at import.

``LUCE_SIMD=baseline|avx2|avx512|neon`` asks for one instruction set, ``LUCE_SIMD=numpy`` for the
twin. Without it the best set that this processor has is taken, or the twin where the native core
was not built.
"""

import os
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from luce.errors import ParameterError
from luce.kernels import _numpy

Floats = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]

_native: ModuleType | None = None
_missing = ""
try:
    _native = import_module("luce.kernels._native")
except ImportError as error:
    _missing = str(error)


def _choose(wanted: str | None) -> str:
    """Return the instruction set to use, of those built and understood by this processor."""
    available = list(_native.available()) if _native else []
    if not wanted:
        return available[0] if available else "numpy"
    if wanted == "numpy" or wanted in available:
        return wanted
    listed = ", ".join([*available, "numpy"])
    raise ParameterError(
        f"LUCE_SIMD must name an instruction set that this processor and this build of luce have"
        f" ({listed}), got {wanted!r}. Unset LUCE_SIMD to take the best one."
    )


_simd = _choose(os.environ.get("LUCE_SIMD"))
_core: Any = _numpy
if _native and _simd != "numpy":
    _native.select(_simd)
    _core = _native

softmax = _core.softmax
log_softmax = _core.log_softmax
logsumexp = _core.logsumexp
sigmoid = _core.sigmoid
log_sigmoid = _core.log_sigmoid
softplus = _core.softplus
cross_entropy_rows = _core.cross_entropy_rows
softmax_curvature = _core.softmax_curvature
softmax_gradient = _core.softmax_gradient
log_softmax_with_sums = _core.log_softmax_with_sums
descend_matrix = _core.descend_matrix
descend_columns = _core.descend_columns
linear = _core.linear
linear_grad_hidden = _core.linear_grad_hidden
linear_grad_weight = _core.linear_grad_weight
narrow_logits = _core.narrow_logits
narrow_pulled = _core.narrow_pulled
sparse_rows = _core.sparse_rows
sparse_pass = _core.sparse_pass
sparse_dual = _core.sparse_dual
sparse_pulled = _core.sparse_pulled
to_panels = _core.to_panels
softmax_pass = _core.softmax_pass
softmax_dual = _core.softmax_dual
weighted_grams = _core.weighted_grams
byte_rows = _core.byte_rows

# These fill rows that they leave to a formula with NaN, and return False.
softmax_product = _core.softmax_product
log_softmax_forward = _core.log_softmax_forward
log_softmax_backward = _core.log_softmax_backward
log_softmax_gradient = _core.log_softmax_gradient


# What a call of such a function gives if its arguments need no preparation, else None. The twin
# has none.
Quick: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Any] | None
softmax_quick: Quick = getattr(_core, "softmax_quick", None)
log_softmax_quick: Quick = getattr(_core, "log_softmax_quick", None)
logsumexp_quick: Quick = getattr(_core, "logsumexp_quick", None)
sigmoid_quick: Quick = getattr(_core, "sigmoid_quick", None)
log_sigmoid_quick: Quick = getattr(_core, "log_sigmoid_quick", None)
softplus_quick: Quick = getattr(_core, "softplus_quick", None)

_LARGE = 4 << 20  # bytes, from which faulting the pages of a result in costs more than computing it


def empty_like(x: NDArray[Any]) -> NDArray[Any]:
    """Return an uninitialised C-contiguous array with the shape and dtype of `x`.

    Where `x` is a large one that kernels take, the memory is used again once the array is gone.
    """
    if x.nbytes < _LARGE or _core is _numpy or not x.flags.c_contiguous or not x.dtype.isnative:
        return np.empty(x.shape, x.dtype)
    if x.dtype.char not in "fd":
        return np.empty(x.shape, x.dtype)
    large: NDArray[Any] = _core.empty_like(x)
    return large


def simd() -> str:
    """Return the instruction set in use: avx512, avx2, baseline, neon, or numpy for the twin."""
    return _simd


def softmax_rows(z: Floats, out: Floats) -> None:
    """Write the softmax of each row of `z` to `out`, which may be `z`."""
    softmax(z, out)


def softmax_residual(
    z: Floats, y: NDArray[np.int64], scale: Floats, loss: Doubles, *, smoothing: float = 0.0
) -> None:
    """Overwrite logits by ``scale_i (p_ij - t_ij)``, and `loss` by ``scale_i`` times the loss.

    The target is ``t = (1 - smoothing) onehot(y) + smoothing / k``. The residual of the label is
    minus the sum of the others, never a cancelled zero.
    """
    share = scale.astype(np.float64)
    cross_entropy_rows(
        z, y, (1.0 - smoothing) * share, smoothing / z.shape[1] * share, None, loss, z
    )


def get_num_threads() -> int:
    """Return the number of threads that large work is split over.

    It starts as ``LUCE_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the number of processors
    that this process may use. The NumPy twin always uses one.

    >>> import luce
    >>> luce.get_num_threads() >= 1
    True
    """
    return int(_native.get_num_threads()) if _native and _simd != "numpy" else 1


def set_num_threads(n: int) -> None:
    """Set the number of threads that large work is split over; results do not depend on it.

    Raises
    ------
    ParameterError
        If `n` is not an integer of at least 1.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ParameterError(
            f"the number of threads must be an integer of at least 1, got {n!r}."
            " Pass the number of processor cores to use."
        )
    if _native:
        _native.set_num_threads(min(int(n), 1024))


def describe() -> dict[str, Any]:
    """Return what is in use, and why, for ``luce doctor``."""
    available = list(_native.available()) if _native else []
    if _simd != "numpy":
        reason = None
    elif _native:
        reason = "LUCE_SIMD=numpy asks for it"
    else:
        reason = f"the native core is not there ({_missing})"
    return {
        "simd": _simd,
        "available": [*available, "numpy"],
        "threads": get_num_threads(),
        "twin_reason": reason,
    }
