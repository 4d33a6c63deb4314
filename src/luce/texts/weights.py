"""Weights of counted terms: tf-idf as scikit-learn defines it, and the norm of a row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from luce.kernels.text import Rows
from luce.texts.options import TextOptions

Floats = NDArray[np.floating[Any]]


def inverse_frequency(documents: NDArray[np.int64], n: int, options: TextOptions) -> Floats:
    r"""Return the weight of each term that stands in so many of `n` texts.

    .. math:: 1 + \ln \frac{n + s}{df + s}, \quad s = 1 \text{ if smooth\_idf else } 0

    Source: scikit-learn's user guide, "Tf-idf term weighting".
    """
    df = documents.astype(options.dtype) + options.dtype(options.smooth_idf)
    idf: Floats = np.full_like(df, n + int(options.smooth_idf))
    idf /= df
    np.log(idf, out=idf)
    idf += 1
    return idf


def weighted(rows: Rows, width: int, options: TextOptions, idf: Floats | None) -> csr_matrix:
    """Return counts as a matrix of weights: damped, times `idf`, each row of norm 1."""
    starts, columns, counts = rows
    # Hashed terms of opposite signs may sum to 0; `binary` makes 1 of that, as scikit-learn does.
    values = np.ones(len(counts), options.dtype) if options.binary else counts.astype(options.dtype)
    if options.sublinear_tf:
        values = _damped(values)
    if idf is not None:
        values *= idf[columns]
    _normalise(values, starts, options.norm)
    narrow = len(values) < 2**31
    return csr_matrix(
        (values, columns if narrow else columns.astype(np.int64), _index(starts, narrow)),
        shape=(len(starts) - 1, width),
        copy=False,
    )


def _index(starts: NDArray[np.int64], narrow: bool) -> NDArray[Any]:
    return starts.astype(np.int32) if narrow else starts


def _damped(values: Floats) -> Floats:
    """Return 1 + ln of each count, with its sign; 0 stays."""
    present = values != 0
    damped = np.log(np.abs(values), where=present, out=np.zeros_like(values))
    damped += present
    return np.copysign(damped, values, out=damped)


def _normalise(values: Floats, starts: NDArray[np.int64], norm: str | None) -> None:
    if norm is None or not len(values):
        return
    sizes = (
        np.abs(values, dtype=np.float64) if norm == "l1" else np.square(values, dtype=np.float64)
    )
    filled = np.flatnonzero(np.diff(starts))
    sums = np.add.reduceat(sizes, starts[filled])
    lengths = sums if norm == "l1" else np.sqrt(sums)
    lengths[lengths == 0] = 1
    values /= np.repeat(lengths, np.diff(starts)[filled]).astype(values.dtype)
