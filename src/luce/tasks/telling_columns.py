"""How much a single column tells about the class: one that tells all may be a leak."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data.cells import as_text
from luce.data.kinds import READERS, Kind

_MOST_ROWS = 100_000  # a sample of so many tells as much
_BINS = 64
_ROWS_A_VALUE = 5  # on average; where there are fewer, numbers are grouped
_LEAK = 0.98


def told_alone(
    column: pl.Series, kind: Kind, labels: NDArray[np.intp], *, seed: int = 0
) -> float | None:
    r"""Return the accuracy of the best guess of the class from one column alone.

    Each row is guessed as the majority of the *other* rows with the same value has it,

    .. math:: \frac1n \sum_v n_{v,1} [n_{v,1} - 1 > n_{v,2}]

    with the counts of the most frequent class and the second one among the rows with the value v.
    So a value that stands in one row alone, as an identifier does, tells nothing. Numbers with
    hardly any equal ones are put into 64 groups of equally many rows first. Of many rows, 100,000
    drawn at random are looked at. None for a column that is left out or read as text.

    Parameters
    ----------
    column : Series
        The cells.
    kind : Kind
        How they are read.
    labels : ndarray of int, shape (n,)
        The class of each row, from 0.
    seed : int
        Of the sample.
    """
    if kind not in (*READERS, Kind.CATEGORY) or not len(labels):
        return None
    if len(labels) > _MOST_ROWS:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(labels))[:_MOST_ROWS])
        column, labels = column[chosen], labels[chosen]
    values = _value_codes(column, kind)
    classes = int(labels.max()) + 1
    pairs, counts = np.unique(values * classes + labels, return_counts=True)
    first, second = _two_largest(pairs // classes, counts)
    return float(first[first - 1 > second].sum() / len(labels))


def leaks(alone: float | None, majority: float) -> bool:
    """Return whether a column tells so much that it may be known only with the class.

    That is: it takes away at least 98 % of the errors of always answering the majority class.

    >>> leaks(0.999, 0.5), leaks(0.96, 0.33), leaks(None, 0.5)
    (True, False, False)
    """
    return alone is not None and alone - majority >= _LEAK * (1 - majority) > 0


def _two_largest(
    values: NDArray[np.intp], counts: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The largest and second largest count of each value; 0 where there is no second."""
    order = np.lexsort((-counts, values))
    values, counts = values[order], counts[order]
    starts = np.flatnonzero(np.diff(values, prepend=-1))
    after = np.minimum(starts + 1, len(values) - 1)
    has_second = (values[after] == values[starts]) & (after > starts)
    return counts[starts], np.where(has_second, counts[after], 0)


def _value_codes(column: pl.Series, kind: Kind) -> NDArray[np.intp]:
    if kind is Kind.CATEGORY:
        return _codes(as_text(column).fill_null("").to_numpy().astype(str))
    values = READERS[kind](column).values
    codes = _codes(values)
    if codes.max() < len(codes) / _ROWS_A_VALUE:
        return codes
    rank = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    bins = max(1, min(_BINS, len(codes) // (2 * _ROWS_A_VALUE)))
    return (rank * bins // len(codes)).astype(np.intp)


def _codes(values: NDArray[Any]) -> NDArray[np.intp]:
    return np.unique(values, return_inverse=True)[1]
