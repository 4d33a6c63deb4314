"""The scalar product of two arrays of parameters, whatever their order in memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def inner(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return ``sum_jc a_jc b_jc``; ``np.vdot`` would copy arrays that stand column by column."""
    if a.flags.f_contiguous and b.flags.f_contiguous:
        a, b = a.T, b.T
    return float(np.vdot(a, b))
