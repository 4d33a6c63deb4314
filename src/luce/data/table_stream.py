"""A table as a stream: CSV and TSV in blocks of whole records, Parquet in slices."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data import files
from luce.data.cells import as_text
from luce.data.column_order import ColumnOrder
from luce.data.delimited import Header, read_delimited
from luce.data.encoding import namer_for
from luce.data.header_doubts import header_doubt
from luce.data.kinds import Kind
from luce.data.suggest import listed
from luce.data.table_encoding import TableEncoding
from luce.data.tables import SEPARATORS, judge_columns
from luce.data.targets import choose_target, read_target
from luce.errors import DataError, LabelError
from luce.solvers import RowBlock, RowStream

SUFFIXES = (*SEPARATORS, ".parquet")
_CHUNK = 1 << 21  # bytes of text parsed at a time
_CELLS = 1 << 20  # of Parquet, read at once: smaller slices would decode the same pages again
_BLOCK_CELLS = 1 << 18  # in a block: the allocator keeps several times what a block takes


class TableStream(RowStream):
    """The rows of a CSV, TSV or Parquet file, encoded as training on the whole table would.

    Attributes
    ----------
    encoding : TableEncoding
        Learnt on the first rows; a model file can hold it.
    target_name : str
        The column of the labels.
    notes : list of str
        A sentence for each guess.
    header_doubt : str or None
        Why the first line, taken for the names of the columns, may be a row.
    """

    def __init__(
        self,
        path: Path,
        *,
        target: str | None = None,
        categorical: Collection[str] = (),
        head: int = 20_000,
        no_header: bool = False,
    ) -> None:
        self._path, self._where = path, str(path)
        delimited = files.inner_suffix(path) in SEPARATORS
        self._namer = namer_for(None, no_header, self._where, delimited=delimited)
        header = self._delimited()[0] if delimited else None
        unnamed = () if header is None else header.unnamed
        first = self._head(head)
        choice = choose_target(first.columns, target, self._where)
        self.target_name = choice.name
        self._labels = read_target(first[choice.name], self._where).dtype
        features = first.drop(choice.name)
        kinds, guessed = judge_columns(features, categorical, unnamed, self._where)
        texts = [name for name, kind in kinds.items() if kind is Kind.WORDS]
        if texts:
            raise DataError(
                f"a stream must have numbers or categories to learn from, but {path} has texts "
                f"alone beside its target: {listed(texts)}. Load it whole with luce.data.load."
            )
        is_line = header is None or header.is_line
        order = None if is_line else ColumnOrder(first.width, choice.name)
        self.encoding = replace(TableEncoding.learn(features, kinds), order=order)
        doubtful = delimited and is_line
        self.header_doubt = header_doubt(first, unnamed, self._where) if doubtful else None
        seen = f"What the columns hold was decided on the first {len(first)} rows."
        self.notes = [choice.note, *guessed, seen, *self.encoding.notes]

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self.encoding.feature_names

    def blocks(self) -> Iterator[RowBlock]:
        row = 1
        for frame in self.pieces():
            found = self.encoding.apply(frame, first_row=row, where=self._where)
            self._require_fit(found.unseen, "a category that is", row)
            self._require_fit(found.missing, "a missing value, which is", row)
            yield RowBlock(found.X, self.labels_of(frame, row))
            row += len(frame)

    def pieces(self) -> Iterator[pl.DataFrame]:
        """Yield the columns of each block of `blocks`, as the file spells them."""
        for frame in self.frames():
            yield from frame.iter_slices(max(1, _BLOCK_CELLS // max(1, frame.width)))

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the columns as the file spells them."""
        if files.inner_suffix(self._path) == ".parquet":
            return self._slices()
        return self._delimited()[1]

    def _delimited(self) -> tuple[Header, Iterator[pl.DataFrame]]:
        separator = SEPARATORS[files.inner_suffix(self._path)]
        return read_delimited(files.chunks(self._path, _CHUNK), self._where, separator, self._namer)

    def _slices(self) -> Iterator[pl.DataFrame]:
        try:
            table = pl.scan_parquet(self._path, glob=False, low_memory=True)
            width = len(table.collect_schema())
            rows = int(table.select(pl.len()).collect().item())
            step = max(1, _CELLS // max(1, width))
            for start in range(0, rows, step):
                yield table.slice(start, step).collect()
        # On some damage polars panics, with an exception that is not even an Exception.
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise DataError(
                f"{self._path} must be a whole Parquet file, but it is damaged or of another kind"
                f" ({str(error).splitlines()[0]}). Export it again."
            ) from error

    def _head(self, rows: int) -> pl.DataFrame:
        parts, held = [], 0
        for frame in self.frames():
            parts.append(frame.head(rows - held))
            held += len(parts[-1])
            if held >= rows:
                break
        if not held:
            raise DataError(f"{self._where} must hold rows, but it is empty. Add rows.")
        return pl.concat(parts)

    def _require_fit(self, misfits: Any, what: str, row: int) -> None:
        if misfits:
            name = next(iter(misfits))
            raise DataError(
                f"what a column holds is decided on the first rows of a stream, but {name!r} of"
                f" {self._where} has {what} not among them, at or after row {row}. Pass a larger"
                " head, or sort the file at random."
            )

    def labels_of(self, frame: pl.DataFrame, row: int) -> NDArray[Any]:
        """Return the labels of a piece whose first row has this number."""
        column = frame[self.target_name]
        if self._labels.kind == "O":
            text = as_text(column)
            if not text.null_count():
                return text.to_numpy().astype(object)
        labels = read_target(column, self._where)
        if labels.dtype != self._labels and not np.can_cast(labels.dtype, self._labels):
            raise LabelError(
                f"labels must all be of one kind, got {labels[0]!r} at or after row {row} of"
                f" {self._where}, where the first rows hold {self._labels} labels. Correct the"
                f" column {self.target_name!r}."
            )
        return labels.astype(self._labels)
