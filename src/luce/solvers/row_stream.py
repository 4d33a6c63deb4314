"""RowBlock that are read again in every pass, because memory does not hold them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import DataError


class RowBlock(NamedTuple):
    """Some consecutive rows with their labels."""

    X: NDArray[Any]  # (b, d) float32, float64 or uint8
    y: NDArray[Any]  # (b,) labels of any sortable kind


class RowStream(ABC):
    """RowBlock with labels, in blocks, as often as a solver asks for them.

    Every pass must give the same rows in the same order. `luce.data.stream` makes one of a file
    or of arrays; a source of another kind is a subclass with these two methods.
    """

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the columns, if they have names."""

    @abstractmethod
    def blocks(self) -> Iterator[RowBlock]:
        """Yield all rows, some thousands at a time, from the beginning."""

    def ahead(self) -> Iterator[RowBlock]:
        """Yield the blocks, the next one being read while the caller works on the last."""
        source = self.blocks()
        with ThreadPoolExecutor(1) as reader:
            waiting = reader.submit(next, source, None)
            while (rows := waiting.result()) is not None:
                waiting = reader.submit(next, source, None)
                yield rows


def labels_as_codes(y: NDArray[Any], classes: NDArray[Any], first_row: int) -> NDArray[np.int64]:
    """Return the place of each label among the sorted classes.

    Parameters
    ----------
    y : (b,) array
        Labels.
    classes : (k,) array
        The classes, sorted.
    first_row : int
        Number of the first row in the stream, for the message.

    Returns
    -------
    (b,) array of int64

    Raises
    ------
    DataError
        If a label is none of the classes: the stream has changed since its first pass.
    """
    codes = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    strange = classes[codes] != y
    if strange.any():
        row = int(strange.argmax())
        raise DataError(
            f"a stream must give the same rows in every pass, got a new label {y[row]!r} at row"
            f" {first_row + row}. Do not change the file while it is read."
        )
    return codes.astype(np.int64)
