"""Rows times a matrix, so that a row's result does not depend on the rows beside it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce import kernels

Floats = NDArray[np.floating[Any]]

_BLOCK = 1 << 20  # numbers of the rows at a time: the kernels hold a copy of them


def row_products(rows: NDArray[Any], weight: Floats, bias: Floats) -> Floats:
    r"""Return logits of rows, each with the same bits in every batch.

    .. math:: z_{ij} = \sum_p x_{ip} w_{jp} + b_j

    ``rows`` (n, d) of any real dtype, ``weight`` (k, d), ``bias`` (k,). Computed and returned in
    float32 where rows and weight are, else in float64. A library's matrix product may choose
    another order of summation for another number of rows; here there is only one.

    Examples
    --------
    >>> import numpy as np
    >>> from luce.functions.row_products import row_products
    >>> rows, weight = np.random.default_rng(0).normal(size=(50, 9)), np.ones((4, 9)) / 3
    >>> together = row_products(rows, weight, np.zeros(4))
    >>> bool((row_products(rows[7:8], weight, np.zeros(4)) == together[7]).all())
    True
    """
    n, d = rows.shape
    dtype = np.float32 if rows.dtype == weight.dtype == np.float32 else np.float64
    transposed = weight.flags.f_contiguous and not weight.flags.c_contiguous
    w = np.ascontiguousarray(weight.T if transposed else weight, dtype=dtype)
    b = np.ascontiguousarray(bias, dtype=dtype)
    z = np.empty((n, len(weight)), dtype)
    step = max(1, _BLOCK // max(1, d))
    for start in range(0, n, step):
        part = slice(start, start + step)
        kernels.linear(np.ascontiguousarray(rows[part], dtype=dtype), w, transposed, b, z[part])
    return z
