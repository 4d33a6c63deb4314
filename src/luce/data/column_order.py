"""Files without a header: names for their columns, by which a model finds them again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from luce.data.json_fields import Fields
from luce.errors import DataError

# Given the first line and what the file is called: names for the columns; None: it names them.
Namer = Callable[[Sequence[str], str], tuple[str, ...] | None]

_WIDEST = 100_000  # columns


@dataclass(frozen=True)
class ColumnOrder:
    """The columns of a training file without a header, which are found by their place alone.

    Attributes
    ----------
    columns : how many there were
    target : which of them held the labels
    """

    columns: int
    target: str

    def names(self, first: Sequence[str], where: str) -> tuple[str, ...] | None:
        """Return the names of the columns of a file: all that training saw, or all but the labels.

        A first line of such names is a header after all; then None is returned.

        Raises
        ------
        DataError
            There are more columns, or fewer.
        """
        every = numbered(self.columns)
        if set(first) <= set(every):
            return None
        for names in (every, tuple(name for name in every if name != self.target)):
            if len(first) == len(names):
                return names
        raise DataError(
            f"{where} must have the {self.columns} columns that the model was trained on, which had"
            f" no header, or {self.columns - 1} without its target {self.target!r}, got"
            f" {len(first)} in line 1. Complete the rows, or write a first line with the names of"
            " those that are there: column_1, column_2, ..."
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON tree that `order_from_json` takes."""
        return {"columns": self.columns, "target": self.target}


def order_from_json(fields: Fields) -> ColumnOrder:
    """Read the order of the columns, strictly."""
    columns, target = fields.count("columns", least=2), fields.text("target")
    if columns > _WIDEST or target not in numbered(columns):
        raise fields.error("target", f"a name from column_1 to column_{columns}", target)
    fields.done()
    return ColumnOrder(columns, target)


def numbered(columns: int) -> tuple[str, ...]:
    """Return names for columns that have none.

    >>> numbered(3)
    ('column_1', 'column_2', 'column_3')
    """
    return tuple(f"column_{i}" for i in range(1, columns + 1))


def numbered_names(first: Sequence[str], where: str) -> tuple[str, ...] | None:
    """Name the columns of a file to learn from by their numbers; None where it names them so."""
    names = numbered(len(first))
    return None if tuple(first) == names else names
