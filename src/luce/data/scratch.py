"""A copy of a stream as plain numbers in a file without a name, for all passes but the first."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from weakref import finalize

import numpy as np

from luce.errors import DataError
from luce.solvers import RowBlock, RowStream


class Scratch(RowStream):
    """Another stream, copied in its first whole pass and read from the copy from then on.

    Parameters
    ----------
    source : RowStream
        The rows.
    folder : Path
        Where the copy lies; it is deleted with this object, also when the process is killed.
    """

    def __init__(self, source: RowStream, folder: Path) -> None:
        if not folder.is_dir():
            raise DataError(f"scratch must be an existing folder, got {folder}. Create it.")
        self._source, self._folder = source, folder
        self._file: IO[bytes] | None = None
        self._sizes: list[tuple[int, np.dtype[Any]]] = []
        self._width = 0
        self._labels: list[Any] = []

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        return self._source.feature_names

    @property
    def source(self) -> RowStream:
        """The stream that is copied."""
        return self._source

    def blocks(self) -> Iterator[RowBlock]:
        return self._copying() if self._file is None else self._copied(self._file)

    def _copying(self) -> Iterator[RowBlock]:
        codes: dict[Any, int] = {}
        sizes: list[tuple[int, np.dtype[Any]]] = []
        file = TemporaryFile(dir=self._folder)  # noqa: SIM115  # lives as long as the stream
        close = finalize(self, file.close)
        try:
            for X, y in self._source.blocks():
                own = np.array([codes.setdefault(label, len(codes)) for label in y.tolist()])
                file.write(np.ascontiguousarray(X).data)
                file.write(own.astype(np.int32).data)
                sizes.append((len(X), X.dtype))
                self._width = X.shape[1]
                yield RowBlock(X, y)
        except BaseException:  # also where the reader has had enough
            close()
            raise
        file.flush()
        self._labels, self._sizes, self._file = list(codes), sizes, file

    def _copied(self, file: IO[bytes]) -> Iterator[RowBlock]:
        kind = object if self._labels and isinstance(self._labels[0], str) else None
        labels = np.array(self._labels, dtype=kind)
        file.seek(0)
        for rows, dtype in self._sizes:
            X = np.fromfile(file, dtype, rows * self._width).reshape(rows, self._width)
            yield RowBlock(X, labels[np.fromfile(file, np.int32, rows)])
