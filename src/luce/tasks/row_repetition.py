"""Rows that stand in the data more than once, with the same label or with different ones."""

import hashlib
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data import Dataset


class Repetition(NamedTuple):
    """How many rows are not alone.

    Attributes
    ----------
    repeated : rows that are equal, label and all, to an earlier one
    contradictory : rows that are equal to another one, but for the label
    """

    repeated: int
    contradictory: int


def repetition(dataset: Dataset) -> Repetition:
    """Count the rows of labelled data that are equal to others.

    Rows count as equal if 128 bits of their hashes are.

    >>> from luce.data import load
    >>> repetition(load("iris"))
    Repetition(repeated=1, contradictory=0)
    """
    rows = _codes(dataset.features)
    labels = np.unique(np.asarray(dataset.target).astype(str), return_inverse=True)[1]
    classes = int(labels.max()) + 1
    pairs = np.unique(rows * classes + labels)  # one number for a row and its label
    labels_a_row = np.bincount(pairs // classes)
    return Repetition(len(rows) - len(pairs), int((labels_a_row[rows] > 1).sum()))


def _codes(features: pl.DataFrame | NDArray[Any]) -> NDArray[np.intp]:
    """The same number for equal rows, other numbers for others."""
    if isinstance(features, pl.DataFrame):
        first, second = (features.hash_rows(seed=seed).to_numpy() for seed in (0, 1))
    else:
        flat = np.ascontiguousarray(features)
        digests = (hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in flat)
        first, second = np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2).T
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    is_new = np.concatenate([[False], (np.diff(first) != 0) | (np.diff(second) != 0)])
    codes = np.empty(len(order), np.intp)
    codes[order] = np.cumsum(is_new)
    return codes
