"""What one pass over a stream finds: classes, moments, products of columns, and some of the rows.

Everything that the solver needs besides its passes for value and gradient is learnt here at once,
in memory that does not depend on the number of rows.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import DataError, LabelError, ShapeError
from luce.solvers.design import Doubles
from luce.solvers.row_stream import RowBlock, RowStream

_SAMPLE_BYTES = 8 << 20
_SAMPLE_ROWS = 200_000
_LEAST_OF_A_CLASS = 50  # rows in the sample, or all there are
_WIDEST_GRAM = 2048  # columns; of more only the squares are added up
_MOST_CLASSES = 100_000


class Survey(NamedTuple):
    """The columns and classes of a stream, and a sample of its rows."""

    rows: int
    classes: NDArray[Any]  # (k,) sorted
    counts: NDArray[np.int64]  # (k,) rows of each
    mean: Doubles  # (d,)
    products: Doubles  # (d, d) mean of (x - mean)(x - mean)^T, or its diagonal (d,)
    first: Doubles  # (d,) the first row
    largest: Doubles  # (d,) of the absolute values
    dtype: np.dtype[Any]
    sample: NDArray[Any]  # (m, d) rows, of each class its share and a few more
    sample_labels: NDArray[Any]  # (m,)
    sample_weights: Doubles  # (m,) rows of the stream that each row stands for

    @property
    def squares(self) -> Doubles:
        """The variance of each column."""
        return self.products.diagonal().copy() if self.products.ndim == 2 else self.products


def survey(stream: RowStream, *, seed: int = 0) -> Survey:
    """Read a stream once.

    Parameters
    ----------
    stream : RowStream
        The rows.
    seed : int
        Of the sample.

    Returns
    -------
    Survey

    Raises
    ------
    DataError
        If there are no rows, or a value is not finite.
    LabelError
        If there are fewer than two classes, or a label for nearly every row.
    ShapeError
        If the blocks do not fit together.

    Notes
    -----
    The moments are taken about the mean of the first block, and moved to that of all rows at the
    end: Chan, Golub & LeVeque (1983), Algorithms for computing the sample variance, The American
    Statistician 37. The sample is that of the smallest of random keys, class by class.
    """
    columns: _Columns | None = None
    classes = _Classes()
    chosen = _Sample(np.random.default_rng(seed))
    for X, y in _checked(stream):
        if columns is None:
            columns = _Columns(X)
        columns.add(X)
        classes.add(y)
        chosen.add(X, y, classes.counts)
    if columns is None:
        raise DataError("a stream must hold rows, but it is empty. Check the source.")
    labels, counts = classes.sorted()
    mean, products = columns.moments()
    return Survey(
        rows=columns.rows,
        classes=labels,
        counts=counts,
        mean=mean,
        products=products,
        first=columns.first,
        largest=columns.largest,
        dtype=columns.dtype,
        **chosen.result(classes.counts),
    )


def _checked(stream: RowStream) -> Iterator[RowBlock]:
    """Yield the blocks; refuse what no solver could use."""
    width, row = -1, 1
    for X, y in stream.ahead():
        if X.ndim != 2 or len(X) != len(y) or (width >= 0 and X.shape[1] != width):
            raise ShapeError(
                "blocks of a stream must be matrices of equal width with a label for each row, got"
                f" shapes {X.shape} and {y.shape} at row {row}. Check the source."
            )
        width = X.shape[1]
        if X.dtype.kind == "f" and not np.isfinite(X).all():
            wrong = int((~np.isfinite(X)).any(axis=1).argmax())
            raise DataError(
                f"features must be finite, got NaN or infinity at row {row + wrong} of the stream."
                " Fill in or drop such rows."
            )
        row += len(X)
        if len(X):
            yield RowBlock(X, y)


class _Columns:
    """Sums over the columns, about the mean of the first block."""

    def __init__(self, X: NDArray[Any]) -> None:
        d = X.shape[1]
        self.rows = 0
        self.dtype = X.dtype
        self.first = X[0].astype(np.float64)
        self.largest = np.zeros(d)
        self._origin = X.mean(axis=0, dtype=np.float64)
        self._sum = np.zeros(d)
        self._products = np.zeros((d, d) if d <= _WIDEST_GRAM else d)

    def add(self, X: NDArray[Any]) -> None:
        self.rows += len(X)
        self.dtype = np.result_type(self.dtype, X.dtype)
        x = X.astype(np.float64)
        self.largest = np.maximum(self.largest, np.abs(x).max(axis=0))
        x -= self._origin
        self._sum += x.sum(axis=0)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            self._products += x.T @ x if self._products.ndim == 2 else np.square(x).sum(axis=0)

    def moments(self) -> tuple[Doubles, Doubles]:
        shift = self._sum / self.rows
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            own = np.outer(shift, shift) if self._products.ndim == 2 else shift * shift
            return self._origin + shift, self._products / self.rows - own


class _Classes:
    """How many rows each label has."""

    def __init__(self) -> None:
        self.counts: dict[Any, int] = {}

    def add(self, y: NDArray[Any]) -> None:
        labels, counts = np.unique(y, return_counts=True)
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True):
            self.counts[label] = self.counts.get(label, 0) + count
        if len(self.counts) > _MOST_CLASSES:
            raise LabelError(
                f"y must name the class of each row, got more than {_MOST_CLASSES} different"
                " labels. Check that y is the right column."
            )

    def sorted(self) -> tuple[NDArray[Any], NDArray[np.int64]]:
        if len(self.counts) < 2:
            raise LabelError(
                f"y must hold at least two classes, got one class, {next(iter(self.counts))!r}, in"
                " all rows. Check that y is the right column."
            )
        labels = sorted(self.counts)
        kind = object if isinstance(labels[0], str) else None
        counts = [self.counts[label] for label in labels]
        return np.array(labels, dtype=kind), np.array(counts, dtype=np.int64)


class _Sample:
    """The rows with the smallest random keys of each class; a class has its share, or 50 rows."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._parts: list[tuple[Doubles, NDArray[Any], NDArray[Any]]] = []
        self._limit: dict[Any, float] = {}  # of a class: keys above it are never needed
        self._held = 0

    def add(self, X: NDArray[Any], y: NDArray[Any], counts: dict[Any, int]) -> None:
        keys = self._random.random(len(y))
        labels, codes = np.unique(y, return_inverse=True)
        limits = np.array([self._limit.get(label, 1.0) for label in labels.tolist()])
        kept = np.flatnonzero(keys < limits[codes])
        if len(kept):
            self._parts.append((keys[kept], y[kept], X[kept]))
            self._held += len(kept)
        if self._held > 2 * self._room(X):
            self._prune(self._room(X), counts)

    def result(self, counts: dict[Any, int]) -> dict[str, Any]:
        room = self._room(self._parts[0][2])
        self._prune(room, counts)
        _, y, X = self._parts[0]
        labels, codes, kept = np.unique(y, return_inverse=True, return_counts=True)
        weights = np.array([counts[label] for label in labels.tolist()]) / kept
        return {"sample": X, "sample_labels": y, "sample_weights": weights[codes]}

    @staticmethod
    def _room(X: NDArray[Any]) -> int:
        row_bytes = X.dtype.itemsize * max(1, int(X.shape[1]))
        return min(_SAMPLE_ROWS, max(1000, _SAMPLE_BYTES // row_bytes))

    def _prune(self, room: int, counts: dict[Any, int]) -> None:
        keys, y, X = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        total = sum(counts.values())
        labels, codes = np.unique(y, return_inverse=True)
        kept = np.zeros(len(keys), bool)
        for code, label in enumerate(labels.tolist()):
            own = np.flatnonzero(codes == code)
            share = max(_LEAST_OF_A_CLASS, room * counts[label] // total)
            if len(own) > share:
                own = own[np.argpartition(keys[own], share)[: share + 1]]
                self._limit[label] = float(keys[own].max())
                own = own[keys[own] < self._limit[label]]
            kept[own] = True
        self._parts = [(keys[kept], y[kept], X[kept])]
        self._held = int(kept.sum())
