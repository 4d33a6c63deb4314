"""Where the rows come from: arrays in memory, or a data set of torch."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from luce.errors import ShapeError

Batch: TypeAlias = tuple[Tensor, ...]


class Rows(ABC):
    """A number of rows that can be taken in any order."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def take(self, rows: NDArray[np.int64]) -> Batch:
        """Return these rows as tensors: the inputs first, then what the loss needs besides."""


Source: TypeAlias = Rows | Dataset[Any] | Sequence[Any]


class ArrayRows(Rows):
    """Tensors or NumPy arrays with one row each along their first axis.

    Parameters
    ----------
    *arrays : tensors or arrays
        Inputs, targets, and what else the loss takes.

    Raises
    ------
    ShapeError
        If they do not have the same number of rows, or none at all.
    """

    def __init__(self, *arrays: Any) -> None:
        with warnings.catch_warnings():  # of arrays that are read-only: they are only read
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            self.tensors = tuple(torch.as_tensor(array) for array in arrays)
        lengths = [len(tensor) if tensor.ndim else None for tensor in self.tensors]
        if not lengths or None in lengths or len(set(lengths)) > 1 or lengths[0] == 0:
            raise ShapeError(
                "the arrays of a training must have the same number of rows, at least one, along"
                f" their first axis, got {lengths}. Check what is passed."
            )

    def __len__(self) -> int:
        return len(self.tensors[0])

    def take(self, rows: NDArray[np.int64]) -> Batch:
        index = torch.from_numpy(rows)
        return tuple(tensor[index.to(tensor.device)] for tensor in self.tensors)


class DatasetRows(Rows):
    """A map-style data set of torch, whose rows are read when they are needed.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        With ``__len__`` and ``__getitem__``; a row is a tuple of what ``default_collate`` joins.
    """

    def __init__(self, dataset: Dataset[Any]) -> None:
        self.dataset: Any = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def take(self, rows: NDArray[np.int64]) -> Batch:
        return tuple(default_collate([self.dataset[row] for row in rows.tolist()]))


def as_rows(source: Source) -> Rows:
    """Return the rows of a tuple of arrays or of a data set."""
    if isinstance(source, Rows):
        return source
    return DatasetRows(source) if isinstance(source, Dataset) else ArrayRows(*source)
