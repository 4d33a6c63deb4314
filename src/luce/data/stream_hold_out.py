"""Some rows of a streamed table, to evaluate on, and the stream of all others."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data import files
from luce.data.dataset import Dataset
from luce.data.table_stream import TableStream
from luce.errors import DataError
from luce.solvers import RowBlock, RowStream

MOST = 100_000  # rows to evaluate on: more than decide any digit, and no burden to memory


class HeldBack(NamedTuple):
    """The two parts of a table."""

    rest: "Rest"
    rows: Dataset  # as the file spells them, with their labels
    numbers: NDArray[np.intp]  # of these rows in the file, from 0


class Rest(RowStream):
    """The rows of a table whose random key is not below a limit.

    Attributes
    ----------
    rows : int
        How many there are.
    """

    def __init__(self, source: TableStream, seed: int, limit: float, rows: int) -> None:
        self._source, self._seed, self._limit, self.rows = source, seed, limit, rows

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self._source.feature_names

    def blocks(self) -> Iterator[RowBlock]:
        random = np.random.default_rng(self._seed)
        for X, y in self._source.blocks():
            kept = random.random(len(y)) >= self._limit
            yield RowBlock(X[kept], y[kept])


def hold_out(
    path: Path, source: TableStream, fraction: float, seed: int, most: int = MOST
) -> HeldBack:
    """Draw about a fraction of the rows, but no more than `most`, in one pass.

    Each row gets a random key, which depends on the seed and its place alone; those with the
    smallest keys are held out.

    Raises
    ------
    DataError
        If no row is drawn, or a class has all its rows drawn.
    """
    drawn, limit, count, classes = _draw(source, fraction, seed, most)
    if not len(drawn.numbers):
        raise DataError(
            f"{path} must have more rows for a fraction of {fraction:g} to be held out, got"
            f" {count}. Give a larger fraction, or evaluate on another file."
        )
    labels = source.labels_of(drawn.frame, 1)
    for label, held in Counter(labels.tolist()).items():
        if held == classes[label]:
            raise DataError(
                f"every class must have rows to learn from, but all of {label!r} ({held}) were"
                " drawn to evaluate on. Give another seed, or evaluate on another file."
            )
    rows = Dataset(
        name=Path(path.stem).stem if files.is_gzip(path) else path.stem,
        kind="table",
        features=drawn.frame.drop(source.target_name),
        target=labels,
        target_name=source.target_name,
        notes=tuple(source.notes),
        fingerprint=files.fingerprint(path),
    )
    return HeldBack(Rest(source, seed, limit, count - len(labels)), rows, drawn.numbers)


class _Drawn(NamedTuple):
    keys: NDArray[np.float64]
    numbers: NDArray[np.intp]
    frame: pl.DataFrame


def _draw(
    source: TableStream, fraction: float, seed: int, most: int
) -> tuple[_Drawn, float, int, Counter[object]]:
    """Return the rows drawn, the limit of their keys, and how many rows and classes there are."""
    random = np.random.default_rng(seed)
    limit, count, parts, held = fraction, 0, [], 0
    classes: Counter[object] = Counter()
    for frame in source.pieces():
        keys = random.random(len(frame))
        chosen = np.flatnonzero(keys < limit)
        parts.append(_Drawn(keys[chosen], count + chosen, frame[chosen]))
        classes.update(source.labels_of(frame, count + 1).tolist())
        count += len(frame)
        held += len(chosen)
        if held > 2 * most:
            parts, limit = _pruned(parts, limit, most)
            held = len(parts[0].keys)
    parts, limit = _pruned(parts, limit, most)
    return parts[0], limit, count, classes


def _pruned(parts: list[_Drawn], limit: float, most: int) -> tuple[list[_Drawn], float]:
    """Join the parts, and leave the rows with the smallest keys."""
    keys = np.concatenate([part.keys for part in parts])
    numbers = np.concatenate([part.numbers for part in parts])
    frame = pl.concat([part.frame for part in parts])
    if len(keys) > most:
        limit = float(np.partition(keys, most)[most])
        kept = np.flatnonzero(keys < limit)
        keys, numbers, frame = keys[kept], numbers[kept], frame[kept]
    return [_Drawn(keys, numbers, frame)], limit
