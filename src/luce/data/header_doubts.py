"""Whether the first line of a table, taken for the names of its columns, is a row like the others.

Many files of the UCI archive have no header; read with one, they lose a row and their columns are
called ``5.1`` and ``3.5``. The rule is that of `csv.Sniffer` turned round: names are doubted only
where every sign speaks against them, since a wrong warning costs more than a missed one.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from luce.data.cells import Cells, as_numbers, as_seconds, as_text, with_plain_numbers
from luce.data.suggest import listed

_ROWS = 1000  # that are looked at
_COLUMNS = 200  # of texts that are looked at; numbers are all looked at, at once
_RUN = 3  # so many numbers that count up are names: 0, 1, 2, ... of pandas, or years
_CELLS = 4  # a category that may repeat a name has at least so many


def header_doubt(frame: pl.DataFrame, unnamed: Sequence[str], where: str) -> str | None:
    """Return a sentence if the names of the columns look like a row of the file, else None.

    They do if there are columns of numbers (or dates) and all their names are such too, but do not
    just count up; or if there are none and at least half of the columns of categories have a name
    that stands in one of their own cells.

    frame : the columns as the file spells them, in text
    unnamed : those whose names are not the file's
    """
    names = [name for name in frame.columns if name not in unnamed]
    read = with_plain_numbers(frame.select(names).head(_ROWS))
    if read.is_empty():
        return None
    alike = _read_alike(read)
    why = (
        "it holds numbers or dates where the rows below do"
        if alike
        else "its words stand in the columns below too"
        if alike is None and _repeats_cells(read)
        else None
    )
    if why is None:
        return None
    shown = listed((name[:40] for name in names), 5)
    return (
        f"The first line of {where} was taken for the names of the columns, but {why}: {shown}. If"
        " it is a row and no header, have the columns called column_1, column_2, ...: --no-header"
        " (no_header=True)."
    )


def _read_alike(read: pl.DataFrame) -> bool | None:
    """Whether all columns of numbers and dates have names of their kind; None: there are none."""
    numbers, dates, texts = [], [], {column.name for column in _texts(read)}
    for column in read:
        if column.null_count() == len(column):
            continue
        if column.dtype != pl.String or (column.name in texts and _all(as_numbers(column))):
            numbers.append(column.name)
        elif column.name in texts and _all(as_seconds(column)):
            dates.append(column.name)
    if not numbers and not dates:
        return None
    of_numbers, of_dates = as_numbers(_series(numbers)), as_seconds(_series(dates))
    if of_numbers.bad.any() or of_dates.bad.any():
        return False
    spelled = of_numbers.values[~np.isnan(of_numbers.values)]
    counting = len(spelled) >= _RUN and bool((np.diff(spelled) == 1).all())
    return bool(not counting and (len(spelled) or not np.isnan(of_dates.values).all()))


def _repeats_cells(read: pl.DataFrame) -> bool:
    """Whether at least half of the columns of categories hold their own name in a cell."""
    held = []
    for column in _texts(read):
        cells = as_text(column).drop_nulls()
        if len(cells) >= _CELLS and 2 * cells.n_unique() <= len(cells):
            held.append(bool((cells == column.name).any()))
    return bool(held) and 2 * sum(held) >= len(held)


def _texts(read: pl.DataFrame) -> list[pl.Series]:
    return [column for column in read if column.dtype == pl.String][:_COLUMNS]


def _series(names: list[str]) -> pl.Series:
    return pl.Series(names, dtype=pl.String)


def _all(cells: Cells) -> bool:
    """Whether all cells were read, and not all are missing."""
    return not cells.bad.any() and not np.isnan(cells.values).all()
