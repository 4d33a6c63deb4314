"""Adding a multiple of one array of parameters to another, in place and in one pass."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import daxpy, saxpy

Floats = NDArray[np.floating[Any]]


def add_multiple(y: Floats, factor: float, x: Floats) -> None:
    """Add ``factor x`` to y, in place; arrays of the same order in memory need no other memory.

    NumPy would write the product first: for millions of parameters that costs twice as much.
    """
    plain = x.size > 0 and x.dtype == y.dtype and x.dtype.char in "df"
    if plain and x.flags.c_contiguous and y.flags.c_contiguous:
        _axpy(x.ravel(), y.ravel(), factor)
    elif plain and x.flags.f_contiguous and y.flags.f_contiguous:
        _axpy(x.T.ravel(), y.T.ravel(), factor)
    else:
        y += (factor * x).astype(y.dtype, copy=False)


def _axpy(x: Floats, y: Floats, factor: float) -> None:
    (daxpy if x.dtype == np.float64 else saxpy)(x, y, a=factor)
