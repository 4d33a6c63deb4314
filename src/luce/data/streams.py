"""Files and arrays as streams of rows: read again in every pass, in constant memory."""

import mmap
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.data import files
from luce.data.idx import labels_path, read_idx, read_idx_rows
from luce.data.scratch import Scratch
from luce.data.table_stream import SUFFIXES, TableStream
from luce.errors import DataError, ParameterError, ShapeError
from luce.solvers import RowBlock, RowStream

_BLOCK_BYTES = 4 << 20  # of a block, in float64
_KINDS = {np.dtype(kind) for kind in (np.float32, np.float64, np.uint8)}


def stream(
    source: str | Path | NDArray[Any],
    y: ArrayLike | None = None,
    *,
    target: str | None = None,
    categorical: Collection[str] = (),
    head: int = 20_000,
    no_header: bool = False,
    scratch: str | Path | None = None,
) -> RowStream:
    """Return rows with labels that are read again in every pass, for `SoftmaxRegression.fit`.

    Parameters
    ----------
    source : str, Path or array
        A table (``.csv`` or ``.tsv``, also with ``.gz``, or ``.parquet``), an IDX file of images
        beside which its labels lie, or an array (n, d), which may be mapped from a file.
    y : array_like of shape (n,), optional
        The labels; only where the source is an array.
    target : str, optional
        The column of the labels; without it the one named target, label or class, else the last.
    categorical : collection of str
        Columns to be read as categories whatever is in them.
    head : int
        Rows of a table on which it is decided what each column holds, and which categories there
        are. A later cell that does not fit is an error that says so.
    no_header : bool
        Whether a CSV or TSV file begins with a row; its columns are column_1, column_2, ...
    scratch : str or Path, optional
        A folder for a copy of the rows as numbers, made in the first pass and read in all later
        ones: many times faster than reading text again. It takes 8 bytes a number and is
        deleted with the stream.

    Returns
    -------
    RowStream
        Of a table with the attributes `encoding`, `target_name` and `notes`.

    Raises
    ------
    DataError
        If the source is missing or cannot be used.
    ParameterError
        If arguments do not go with this kind of source.

    Notes
    -----
    Rows are numbered with Python's integers and blocks are some megabytes, so nothing depends on
    the size of the whole. Rows may be in any order; a pass needs no random access.

    Examples
    --------
    >>> import numpy as np
    >>> from luce import SoftmaxRegression
    >>> from luce.data import stream
    >>> X = np.repeat(np.eye(3), 50, axis=0)
    >>> model = SoftmaxRegression().fit(stream(X, np.repeat(["a", "b", "c"], 50)))
    >>> model.predict(np.eye(3)).tolist(), bool(model.gap_ <= 1e-4)
    (['a', 'b', 'c'], True)
    """
    table = {"target": target, "categorical": categorical, "head": head, "no_header": no_header}
    rows = _open(source, y, **table)
    return rows if scratch is None else Scratch(rows, Path(scratch))


def _open(source: str | Path | NDArray[Any], y: ArrayLike | None, **table: Any) -> RowStream:
    if not isinstance(source, (str, Path)):
        if y is None:
            raise ParameterError(
                "y must be the labels where the source is an array, got none. Pass stream(X, y)."
            )
        return ArrayStream(source, np.asarray(y))
    if y is not None:
        raise ParameterError(
            f"y must be left out where the source is a file, got {type(y).__name__}. Name the"
            " column of the labels: target=..."
        )
    path = Path(source)
    files.require_file(path)
    if files.inner_suffix(path) in SUFFIXES:
        return TableStream(path, **table)
    if "idx" in path.name.lower():
        return IdxStream(path)
    raise DataError(
        f"a stream must be a .csv, .tsv or .parquet table, an IDX file or an array, got"
        f" {path.name!r}. Load other files with luce.data.load."
    )


class ArrayStream(RowStream):
    """Rows of an array; of one that is mapped from a file no more than a block is held."""

    def __init__(self, X: NDArray[Any], y: NDArray[Any]) -> None:
        if X.ndim != 2 or y.shape != X.shape[:1]:
            raise ShapeError(
                f"X must be a matrix and y a label for each of its rows, got shapes {X.shape} and"
                f" {y.shape}. Reshape X to (rows, features)."
            )
        self._X, self._y = X, y
        self._map = _mapping(X)

    @property
    def feature_names(self) -> None:
        return None

    def blocks(self) -> Iterator[RowBlock]:
        step = _rows_of(self._X.shape[1])
        for start in range(0, len(self._X), step):
            part = slice(start, start + step)
            X = self._X[part]
            numbers = X.astype(X.dtype if X.dtype in _KINDS else np.float64)  # a copy, off the map
            if self._map is not None:
                self._map.madvise(mmap.MADV_DONTNEED)
            yield RowBlock(numbers, self._y[part])


class IdxStream(RowStream):
    """Images of an IDX file, as rows of bytes, with the labels that lie beside it."""

    def __init__(self, path: Path) -> None:
        labels = labels_path(path)
        if labels is None:
            raise DataError(
                f"labels for {path} must lie beside it in a file of the same name with 'labels' for"
                " 'images' and 'idx1' for 'idx3', but there is none. Add it."
            )
        self._path, self._labels = path, read_idx(labels)

    @property
    def feature_names(self) -> None:
        return None

    def blocks(self) -> Iterator[RowBlock]:
        start = 0
        for X in read_idx_rows(self._path, _BLOCK_BYTES):
            y = self._labels[start : start + len(X)]
            start += len(X)
            yield RowBlock(X if X.dtype in _KINDS else X.astype(np.float64), y)
        if start != len(self._labels):
            raise DataError(
                f"{self._path} must hold an image for each of the {len(self._labels)} labels"
                f" beside it, got {start}. Give files that belong together."
            )


def _rows_of(width: int) -> int:
    return max(1, _BLOCK_BYTES // (8 * max(1, width)))


def _mapping(X: Any) -> mmap.mmap | None:
    """Return the file mapping that an array is a view of, if it is one."""
    while isinstance(X, np.ndarray):
        X = X.base
    return X if isinstance(X, mmap.mmap) else None
