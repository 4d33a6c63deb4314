"""From what a source holds to the numbers a classifier learns from; learnt once, in training."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from luce.data.column_order import ColumnOrder, Namer, numbered_names
from luce.errors import DataError, ParameterError


@dataclass(frozen=True, eq=False)
class Encoded:
    """Rows as numbers, and the cells that the encoding had no number for.

    Attributes
    ----------
    X : (n, d) float32 or float64, finite; a C-contiguous array, or for texts a CSR matrix
    unseen : how many cells of a column hold a category that training did not see
    missing : how many cells of a column are empty although none was in training
    ignored : columns that the model does not use
    """

    X: NDArray[Any] | csr_matrix
    unseen: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.X.shape[0])


class Encoding(ABC):
    """What training learnt about its input; applied unchanged to every later row."""

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """A name for each column of ``X``."""

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.feature_names)

    @property
    def tensors(self) -> dict[str, NDArray[Any]]:
        """What is too much for JSON; a model file stores it beside the weights."""
        return {}

    @property
    @abstractmethod
    def notes(self) -> tuple[str, ...]:
        """What the encoding does that one might not expect, one sentence each."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns of a table that it reads; None where it reads images or arrays."""
        return None

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """Shape of one image, ``(h, w)`` or ``(h, w, 3)``; None where it reads something else."""
        return None

    @property
    def order(self) -> ColumnOrder | None:
        """How the columns of a file without a header are found; None: the model knows no such."""
        return None

    @abstractmethod
    def apply(
        self,
        features: pl.DataFrame | NDArray[Any],
        *,
        first_row: int = 1,
        where: str = "the data",
    ) -> Encoded:
        """Return the features of these rows.

        first_row : number of the first row, for messages
        where : where the rows come from, for messages

        Raises DataError for rows that the encoding does not fit.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the encoding as a JSON tree; `encoding_from_json` takes it and `tensors` back."""


def namer_for(
    encoding: Encoding | None, no_header: bool, where: str, *, delimited: bool = True
) -> Namer | None:
    """Return what names the columns of a file for a model, or to learn from; None: its first line.

    delimited : whether the source is CSV or TSV

    Raises
    ------
    DataError
        The source is said to have no header, and is of a kind that never has one.
    ParameterError
        The model finds its columns by names, and the file is said to have none.
    """
    if no_header and not delimited:
        raise DataError(
            f"only a CSV or TSV file can lack a header, got --no-header for {where:.200}. Leave the"
            " option out."
        )
    if encoding is not None and encoding.order is not None:
        return encoding.order.names
    if not no_header:
        return None
    if encoding is not None and encoding.columns is not None:
        raise ParameterError(
            "--no-header needs a model that was trained on a file without a header, got one that"
            f" finds its columns by their names. Write these into the first line of {where}:"
            f" {', '.join(encoding.columns[:20])}."
        )
    return numbered_names


def require_memory(needed: int, what: str, where: str) -> None:
    """Refuse to allocate more bytes than the machine has: the system would end the process."""
    if hasattr(os, "sysconf"):  # not on Windows
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if needed > there:
            raise DataError(
                f"{what} of {where} need {needed / 2**30:.1f} GB of memory, but the machine has "
                f"{there / 2**30:.1f}. Use fewer rows, or leave out columns with many categories."
            )
