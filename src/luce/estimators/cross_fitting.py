"""Logits of every row from a classifier that has not seen it."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing

from luce.errors import LabelError
from luce.estimators.held_out import logits_of

Doubles = NDArray[np.float64]


class OutOfFold(NamedTuple):
    """Logits by classifiers that have not seen their row, and which rows have any."""

    rows: NDArray[np.intp]
    logits: Doubles  # (len(rows), k)


def out_of_fold_logits(
    estimator: Any,
    X: Any,
    labels: NDArray[np.int64],
    weights: Doubles | None,
    classes: NDArray[Any],
    cv: Any,
) -> OutOfFold:
    """Return logits of each row that is held out by some fold, by a clone trained on the others.

    `labels` are numbers of `classes`; `cv` is a number of folds, a splitter or a list of splits.
    A class that a fold has not to train on gets the lowest logit of each row there. Rows without
    weight are left out altogether.
    """
    n = len(labels)
    counted = np.ones(n, bool) if weights is None else weights > 0
    logits = np.full((n, len(classes)), np.nan)
    for kept, held_out in _splits(cv, X, labels, counted):
        present = np.unique(labels[kept])
        if len(present) < 2:
            raise LabelError(
                f"every fold must leave two classes or more to train on, got {len(present)} beside"
                f" a fold of {len(held_out)} of {n} rows. Give at least two different rows of two"
                " classes, or calibrate a fitted classifier with prefit=True."
            )
        own = {} if weights is None else {"sample_weight": weights[kept]}
        fitted = clone(estimator).fit(_safe_indexing(X, kept), classes[labels[kept]], **own)
        logits[np.ix_(held_out, present)] = logits_of(fitted, _safe_indexing(X, held_out))
    rows = np.flatnonzero(~np.isnan(logits).all(axis=1))
    found = logits[rows]
    lowest = np.nanmin(found, axis=1, keepdims=True)
    return OutOfFold(rows, np.where(np.isnan(found), lowest, found))


def _splits(
    cv: Any, X: Any, labels: NDArray[np.int64], counted: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield rows to train on and rows held out, both of those that count."""
    if isinstance(cv, int | np.integer):
        rows = np.flatnonzero(counted)
        fold = folds(_safe_indexing(X, rows), labels[rows], int(cv))
        for number in np.unique(fold):
            yield rows[fold != number], rows[fold == number]
        return
    for kept, held_out in check_cv(cv).split(X, labels):
        yield kept[counted[kept]], held_out[counted[held_out]]


def folds(X: Any, labels: NDArray[np.int64], cv: int) -> NDArray[np.int64]:
    """Deal rows into folds 0..cv-1, each class evenly, equal rows of a class together.

    The order within a class is that of a digest of each row's bytes: as good as chance, and the
    same however the rows are ordered or how often one is repeated.
    """
    digest = _digests(X)
    fold = np.empty(len(labels), np.int64)
    first = 0  # classes begin with the fold after the last one's end, so that small ones spread
    for j in np.unique(labels):
        rows = np.flatnonzero(labels == j)
        distinct, place = np.unique(digest[rows], return_inverse=True)
        fold[rows] = (first + place) % cv
        first += len(distinct)
    return fold


def _digests(X: Any) -> NDArray[np.uint64]:
    """Return a number for each row that depends on its values alone."""
    if issparse(X):
        rows = csr_array(X)
        rows.sum_duplicates()  # which sorts the columns too
        cuts = rows.indptr
        parts = (
            rows.indices[a:b].astype(np.int64).tobytes() + rows.data[a:b].astype(float).tobytes()
            for a, b in pairwise(cuts.tolist())
        )
    else:
        table = np.asarray(X)
        if table.dtype == object or table.dtype.kind in "US":
            parts = (repr(row.tolist()).encode() for row in table)
        else:
            parts = (row.tobytes() for row in np.ascontiguousarray(table))
    return np.array([_digest(part) for part in parts], np.uint64)


def _digest(part: bytes) -> int:
    return int.from_bytes(blake2b(part, digest_size=8).digest(), "little")
