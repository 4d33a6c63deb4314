"""Cells of a row without a value, and what the model takes in their place."""

from typing import NamedTuple

import numpy as np
import polars as pl

from luce.data import Encoding
from luce.data.cells import as_text
from luce.data.columns import CategoryColumn, NumberColumn
from luce.data.kinds import READERS, Kind
from luce.data.table_encoding import TableEncoding
from luce.data.text_encoding import TextEncoding
from luce.tasks.viewing.form import spelled


class Missing(NamedTuple):
    """A cell without a value.

    Attributes
    ----------
    name : its column
    mean : what stands in its place, as a CSV file spells it: the mean of training; None for a
        category, which then has no effect
    known : whether training has seen such cells, so that being empty tells something besides
    """

    name: str
    mean: str | None
    known: bool


def missing_cells(encoding: Encoding, row: pl.DataFrame) -> list[Missing]:
    """Return the cells of one row that have no value; categories only if training saw none so.

    An empty category that training has seen is a category like the others.
    """
    table = encoding.table if isinstance(encoding, TextEncoding) else encoding
    found: list[Missing] = []
    for part in table.parts if isinstance(table, TableEncoding) else ():
        cell = row[part.name]
        if isinstance(part, NumberColumn):
            if np.isnan(READERS[part.kind](cell).values[0]):
                # A truth value in between is a number, not a truth value.
                kind = Kind.NUMBER if part.kind is Kind.BOOLEAN else part.kind
                found.append(
                    Missing(part.name, spelled(part.mean, kind, whole=False), part.flagged)
                )
        elif isinstance(part, CategoryColumn) and as_text(cell).null_count() and not part.flagged:
            found.append(Missing(part.name, None, False))
    return found
