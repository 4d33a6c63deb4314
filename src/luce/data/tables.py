"""Tables: CSV, TSV, JSON lines and Parquet files as data sets."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from luce.data import files
from luce.data.cells import as_numbers, as_text
from luce.data.column_order import ColumnOrder, Namer
from luce.data.dataset import Dataset, drop_columns
from luce.data.delimited import read_delimited
from luce.data.header_doubts import header_doubt
from luce.data.jsonl import all_keys, read_json_lines, to_frame
from luce.data.kinds import LEFT_OUT, Kind, guess_kinds, prose
from luce.data.suggest import listed
from luce.data.targets import choose_target, lookalikes, read_target, require_classes
from luce.errors import DataError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_LARGE = 1 << 23  # bytes parsed at a time where all rows are kept anyway
SEPARATORS = {".csv": None, ".tsv": "\t"}


def load_table(
    path: Path,
    *,
    target: str | None,
    needs_target: bool,
    categorical: Collection[str] = (),
    text: Collection[str] = (),
    ignore: Collection[str] = (),
    learning: bool = True,
    namer: Namer | None = None,
) -> Dataset:
    """Read a table.

    learning : whether to guess the kinds of the columns and to ask for classes; False for rows
        that a model is to be applied to, which brings its own idea of both
    namer : names the columns of a file without a header; None: its first line does
    """
    frame, notes, unnamed, is_line = read_frame(path, namer)
    where = str(path)
    if not len(frame):
        raise DataError(f"{where} must hold rows, but after the header it is empty. Add rows.")
    labels, order, doubt = None, None, None
    if learning and is_line and files.inner_suffix(path) in SEPARATORS:
        doubt = header_doubt(frame, unnamed, where)
    if target is not None or needs_target:
        choice = choose_target(frame.columns, target, where)
        labels = read_target(frame[choice.name], where)
        if learning:
            require_classes(labels, choice.name, where)
        order = None if is_line else ColumnOrder(frame.width, choice.name)
        frame, target = frame.drop(choice.name), choice.name
        notes.extend([choice.note, *lookalikes(labels)])
    frame, left_out = drop_columns(frame, ignore, where)
    notes.extend(left_out)
    kinds: dict[str, Kind] = {}
    if learning:
        kinds, guessed = judge_columns(frame, categorical, unnamed, where, text)
        notes.extend([*_described(kinds, frame), *guessed])
    return Dataset(
        name=Path(path.stem).stem if files.is_gzip(path) else path.stem,
        kind="table",
        features=frame,
        target=labels,
        target_name=target,
        notes=tuple(notes),
        fingerprint=files.fingerprint(path),
        kinds=kinds,
        order=order,
        header_doubt=doubt,
    )


class RawTable(NamedTuple):
    """All columns of a file, untouched."""

    frame: pl.DataFrame
    notes: list[str]  # on how it was read
    unnamed: tuple[str, ...] = ()  # columns whose names are ours
    is_line: bool = True  # whether the names are those of the file


def read_frame(path: Path, namer: Namer | None = None) -> RawTable:
    """Return all columns of a file."""
    suffix, where = files.inner_suffix(path), str(path)
    if suffix == ".parquet":
        return RawTable(_read_parquet(path), [])
    chunks = files.chunks(path, _LARGE)
    if suffix in SEPARATORS:
        header, frames = read_delimited(chunks, where, SEPARATORS[suffix], namer)
        empty = pl.DataFrame(schema=dict.fromkeys(header.names, pl.String))
        whole = pl.concat(chain([empty], frames))
        return RawTable(whole, list(header.notes), header.unnamed, header.is_line)
    rows = list(chain.from_iterable(read_json_lines(chunks, where)))
    return RawTable(to_frame(rows, all_keys(rows)), [])


def column_names(path: Path, namer: Namer | None = None) -> tuple[str, ...]:
    """Return the columns of a table without reading its rows; of JSON lines, its first megabyte."""
    suffix, where = files.inner_suffix(path), str(path)
    if suffix == ".parquet":
        with _parquet_errors(path):
            return tuple(pl.read_parquet_schema(path))
    if suffix in SEPARATORS:
        return read_delimited(files.chunks(path), where, SEPARATORS[suffix], namer)[0].names
    return tuple(all_keys(next(read_json_lines(files.chunks(path), where), [])))


def _read_parquet(path: Path) -> pl.DataFrame:
    with _parquet_errors(path):
        return pl.read_parquet(path, glob=False)


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    try:
        yield
    # On some damage polars panics, with an exception that is not even an Exception.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DataError(
            f"{path} must be a whole Parquet file, but it is damaged or of another kind "
            f"({str(error).splitlines()[0]}). Export it again."
        ) from error


def judge_columns(
    frame: pl.DataFrame,
    categorical: Collection[str],
    unnamed: tuple[str, ...],
    where: str,
    text: Collection[str] = (),
) -> tuple[dict[str, Kind], list[str]]:
    """Guess what each column holds; refuse a table of which nothing can be learnt."""
    kinds, notes = guess_kinds(frame, categorical, where, text)
    for name in kinds.keys() & set(unnamed):
        if kinds[name] is Kind.NUMBER and _counts_rows(frame[name]):
            kinds[name] = Kind.COUNTER
    kinds |= dict.fromkeys(prose(frame, kinds), Kind.WORDS)
    if all(kind in LEFT_OUT for kind in kinds.values()):
        raise DataError(
            f"{where} must have at least one column to learn from beside the target, but each is "
            f"empty or holds a different text in every row: {listed(kinds) or 'there is none'}. To "
            "learn from the words of a column, have it read as text: --text NAME."
        )
    return kinds, notes


def _counts_rows(column: pl.Series) -> bool:
    return bool((np.diff(as_numbers(column).values) == 1).all())


def _described(kinds: dict[str, Kind], frame: pl.DataFrame) -> Iterator[str]:
    """Yield a sentence for each kind of column that occurs."""
    for kind, said in _SAID.items():
        names = [name for name, its in kinds.items() if its is kind]
        if kind is Kind.CATEGORY:
            names = [
                f"{name} ({as_text(frame[name]).drop_nulls().n_unique()} different)"
                for name in names
            ]
        if names:
            yield f"{said}: {listed(names)}."


_SAID = {
    Kind.NUMBER: "Read as numbers",
    Kind.BOOLEAN: "Read as true or false",
    Kind.DATE: "Read as dates, in seconds since 1970",
    Kind.CATEGORY: "Read as categories",
    Kind.WORDS: "Read as text",
    Kind.TEXT: "Left out, a different text in nearly every row",
    Kind.EMPTY: "Left out, without a single value",
    Kind.COUNTER: "Left out, a row number without a name",
}
