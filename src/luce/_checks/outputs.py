"""The array that a result is to be written into."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.errors import DtypeError, ParameterError, ShapeError


def check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse an ``out`` that could not hold the result without another conversion."""
    if not isinstance(out, np.ndarray):
        raise DtypeError(
            f"out must be a NumPy array, got {type(out).__name__}."
            f" Pass out=np.empty({shape}, np.{dtype})."
        )
    if out.shape != shape:
        raise ShapeError(
            f"out must have the result's shape {shape}, got {out.shape}."
            f" Pass out=np.empty({shape}, np.{dtype})."
        )
    if out.dtype != dtype:
        raise DtypeError(
            f"out must have the result's dtype {dtype}, got {out.dtype}."
            f" Pass out=np.empty({shape}, np.{dtype})."
        )
    if not out.flags.writeable:
        raise _frozen()


def check_out_of_bfloat16(out: NDArray[Any], given: bool, needed: bool) -> None:
    """Refuse an ``out`` of another package that is bfloat16 where the result is not, or frozen."""
    if given != needed:
        was = "bfloat16" if given else str(out.dtype)
        raise DtypeError(
            f"out must have the result's dtype, which is {'' if needed else 'not '}bfloat16 here,"
            f" got {was}. Pass an array of the dtype of the first argument."
        )
    if given and not out.flags.writeable:
        raise _frozen()


def _frozen() -> ParameterError:
    return ParameterError("out must be writeable, got a read-only array. Pass a copy of it.")
