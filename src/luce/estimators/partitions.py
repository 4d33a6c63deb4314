"""Rows in the partitions of Dask arrays and dataframes, and what is done where they lie."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from luce.errors import DataError, LabelError, ParameterError, ShapeError
from luce.estimators.blas_threads import one_blas_thread
from luce.estimators.standardised import Units
from luce.solvers import Labels, LinearSoftmax

Doubles = NDArray[np.float64]
T = TypeVar("T")


def is_partitioned(X: Any) -> bool:
    """Return whether X is a collection of Dask, without importing it."""
    dask = sys.modules.get("dask")
    return dask is not None and bool(dask.is_dask_collection(X))


class Block(NamedTuple):
    """The rows of one partition, as numbers."""

    X: NDArray[Any]  # (b, d) float32, float64 or uint8
    y: NDArray[Any]  # (b,)
    weights: Doubles  # (b,)
    labels: NDArray[Any]  # sorted; those of rows without weight, which are left out, too


class Moments(NamedTuple):
    """What is learnt of a partition in the first pass, and of all of them when merged."""

    labels: NDArray[Any]  # sorted
    counts: Doubles  # weight of the rows of each
    mean: Doubles  # (d,) weighted
    square: Doubles  # (d,) weighted sum of the squares about the mean
    low: Doubles  # (d,)
    high: Doubles  # (d,)
    single: bool  # float32

    @property
    def mass(self) -> float:
        """The weight of all rows."""
        return float(self.counts.sum())


class Plan(NamedTuple):
    """What every partition must know to become a part of the objective."""

    classes: NDArray[Any]
    of_class: Doubles  # factor of the weight of the rows of each class
    smoothing: float
    measured: Units


class Partitions:
    """Parts of an objective that lie with Dask's workers.

    If a worker dies, Dask reads and prepares its partitions again on another; a pass that was
    under way is completed.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts = parts

    def each(self, function: Callable[[Any], T]) -> Iterable[T]:
        """Return ``function(part)`` of every part in order, computed by the workers."""
        import dask

        shipped = dask.delayed(_on_one_core, pure=False)
        wrapped = dask.delayed(function, pure=False, traverse=False)  # travels once, not per part
        found: Iterable[T] = dask.compute(*[shipped(wrapped, part) for part in self._parts])
        return found

    def prepared(self, plan: Plan) -> "Partitions":
        """Return the parts of the objective, which stay in the workers' memory."""
        import dask

        prepare = dask.delayed(prepare_part, pure=False)
        shared = dask.delayed(plan, pure=False, traverse=False)
        return Partitions(dask.persist(*[prepare(block, shared) for block in self._parts]))

    def of(self, numbers: Iterable[int]) -> "Partitions":
        """Return some of the parts."""
        return Partitions([self._parts[number] for number in numbers])


def partitions(X: Any, y: Any, sample_weight: Any) -> Partitions:
    """Return the partitions of the rows, with their labels and weights.

    X and y may be Dask arrays or dataframes (series); y and the weights also arrays in memory where
    the partitions of X have known sizes.
    """
    import dask

    tables, sizes = _row_blocks(X)
    columns = [tables, _beside(y, "y", sizes, len(tables))]
    if sample_weight is not None:
        columns.append(_beside(sample_weight, "sample_weight", sizes, len(tables)))
    block = dask.delayed(_block, pure=False)
    return Partitions([block(*row) for row in zip(*columns, strict=True)])


def column_names(X: Any) -> NDArray[Any] | None:
    """Return the names of the columns of a dataframe, where all are text."""
    names = [name for name in getattr(X, "columns", ()) if isinstance(name, str)]
    named = len(names) == len(getattr(X, "columns", ()))
    return np.asarray(names, dtype=object) if names and named else None


def _row_blocks(X: Any) -> tuple[list[Any], tuple[int, ...] | None]:
    """Return the blocks of rows of a collection, and their sizes where they are known."""
    chunks = getattr(X, "chunks", None)
    if chunks is None:  # a dataframe
        return list(X.to_delayed()), None
    if len(chunks) > 1 and len(chunks[1]) > 1:
        X = X.rechunk({1: -1})
    known = not any(np.isnan(size) for size in X.chunks[0])
    return X.to_delayed().ravel().tolist(), tuple(map(int, X.chunks[0])) if known else None


def _beside(column: Any, name: str, sizes: tuple[int, ...] | None, parts: int) -> list[Any]:
    if not is_partitioned(column):
        values = np.asarray(column)
        if sizes is None or sum(sizes) != len(values):
            raise DataError(
                f"{name} must be a Dask array or series with the partitions of X, got"
                f" {type(column).__name__} of {len(values)} rows. Pass it as Dask does X."
            )
        return np.split(values, np.cumsum(sizes)[:-1])
    blocks, own = _row_blocks(column)
    if sizes is not None and own is not None and own != sizes and sum(own) == sum(sizes):
        blocks, own = _row_blocks(column.rechunk({0: sizes}))
    if len(blocks) != parts:
        raise DataError(
            f"{name} must have the {parts} partitions of X, got {len(blocks)}. Repartition it like"
            " X."
        )
    return blocks


# What runs where the rows lie.


def _on_one_core(function: Callable[[Any], T], part: Any) -> T:
    with one_blas_thread():
        return function(part)


def _block(X: Any, y: Any, weights: Any = None) -> Block:
    """Check one partition; rows without weight are left out."""
    table, labels = np.asarray(X), np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if table.ndim != 2 or labels.ndim != 1 or len(table) != len(labels):
        raise ShapeError(
            "each partition of X must be a matrix with one label a row in y, got the shapes"
            f" {table.shape} and {labels.shape}. Repartition y like X."
        )
    if table.dtype not in (np.float32, np.float64, np.uint8):
        table = table.astype(np.float64)
    if table.dtype.kind == "f" and not np.isfinite(table).all():
        wrong = ~np.isfinite(table)
        raise DataError(
            "features must be finite, got NaN or infinity in a partition (numbers at fault:"
            f" {np.count_nonzero(wrong)}). Fill in or drop such rows."
        )
    given = (
        np.ones(len(table)) if weights is None else np.asarray(weights, dtype=np.float64).ravel()
    )
    if len(given) != len(table) or not (np.isfinite(given) & (given >= 0)).all():
        raise ParameterError(
            f"sample_weight must hold one number from 0 a row, got {len(given)} for {len(table)}"
            f" rows, the smallest {given.min(initial=np.inf):g}. Correct the weights."
        )
    kept = given > 0
    return Block(table[kept], labels[kept], given[kept], np.unique(labels))


def moments(block: Block) -> Moments:
    """Measure one partition."""
    codes = np.searchsorted(block.labels, block.y)
    counts = np.bincount(codes, block.weights, len(block.labels)).astype(np.float64)
    x = block.X.astype(np.float64)
    mass = max(float(block.weights.sum()), np.finfo(float).tiny)
    mean = block.weights @ x / mass
    low, high = x.min(axis=0, initial=np.inf), x.max(axis=0, initial=-np.inf)
    x -= mean
    with np.errstate(over="ignore", under="ignore"):  # such a column is scaled by its extremes
        square = block.weights @ np.square(x)
    single = block.X.dtype == np.float32
    return Moments(block.labels, counts, mean, square, low, high, single)


def merged(found: Iterable[Moments]) -> Moments:
    """Merge the moments of partitions (Chan, Golub & LeVeque 1983).

    Raises
    ------
    LabelError
        If there are fewer than two classes.
    ShapeError
        If the partitions differ in width.
    """
    parts = [part for part in found if len(part.labels)]
    if len({len(part.mean) for part in parts}) > 1:
        raise ShapeError(
            "all partitions of X must have the same columns, got the widths"
            f" {sorted({len(part.mean) for part in parts})}. Check how X was read."
        )
    if len({label for part in parts for label in part.labels.tolist()}) < 2:
        raise LabelError(
            "y must hold at least two classes, got fewer in all partitions together. Check that y"
            " is the right column."
        )
    labels, codes = np.unique(np.concatenate([p.labels for p in parts]), return_inverse=True)
    counts = np.bincount(codes, np.concatenate([p.counts for p in parts])).astype(np.float64)
    (mean, square), mass = np.zeros((2, len(parts[0].mean))), 0.0
    for part in parts:
        more = part.mass
        if more == 0:
            continue
        shift = part.mean - mean
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            square = square + part.square + shift**2 * (mass * more / (mass + more))
        mass += more
        mean = mean + shift * (more / mass)
    return Moments(
        labels,
        counts,
        mean,
        square,
        np.min([p.low for p in parts], axis=0),
        np.max([p.high for p in parts], axis=0),
        all(p.single for p in parts),
    )


def prepare_part(block: Block, plan: Plan) -> LinearSoftmax:
    """Return the partition as a part of the objective, with standardised columns."""
    codes = np.searchsorted(plan.classes, block.y).astype(np.int64)
    return LinearSoftmax(
        design=plan.measured.design(block.X, np.float64),
        targets=Labels(codes, len(plan.classes), plan.smoothing),
        weights=block.weights * plan.of_class[codes],
        penalty=np.zeros_like(plan.measured.penalty),
        intercept=plan.measured.intercept,
    )
