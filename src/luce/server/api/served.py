"""A model as it is served: what every answer needs, prepared once."""

import json
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from luce.data import ArrayEncoding, ImageEncoding
from luce.tasks.crowds import predict_rows
from luce.tasks.models import Model, load_model
from luce.tasks.runs import model_path


@dataclass(frozen=True, eq=False)
class Served:
    """A model with its name; a file that is replaced becomes another one of these.

    Attributes
    ----------
    model : the model
    name : by which it is called in addresses
    stamp : of its file: time, size and number
    """

    model: Model
    name: str
    stamp: tuple[int, int, int]

    @classmethod
    def load(cls, path: str | Path, name: str | None = None) -> "Served":
        """Read a model file or run folder.

        Raises
        ------
        ModelFileError
            The model cannot be read.
        """
        stamp = stamp_of(path)  # before the file is read: a change meanwhile is seen afterwards
        model = load_model(path)
        return cls(model, name or name_of(path, model), stamp)

    @cached_property
    def labels(self) -> list[Any]:
        """What is predicted: the names of the classes, or where there are none, these."""
        return list(self.model.class_names or self.model.values)

    @cached_property
    def classes_json(self) -> str:
        """The labels in JSON."""
        return json.dumps(self.labels, ensure_ascii=False, allow_nan=False)

    @cached_property
    def labels_json(self) -> list[str]:
        """Each label in JSON."""
        return [json.dumps(one, ensure_ascii=False, allow_nan=False) for one in self.labels]

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns of a model that reads tables, else None."""
        return self.model.encoding.columns

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of a row of a model that reads arrays or images."""
        encoding = self.model.encoding
        if isinstance(encoding, ImageEncoding):
            return encoding.shape
        assert isinstance(encoding, ArrayEncoding), "all others read tables"
        return (encoding.features,)

    @cached_property
    def width(self) -> int:
        """The number of features in such a row."""
        return prod(self.shape)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the probabilities, from those of a blank row; which also warms all up."""
        columns = self.columns
        if columns is None:
            return predict_rows(self.model, np.zeros((1, self.width), np.float32)).dtype
        blank = pl.DataFrame(
            {name: [None] for name in columns}, schema=dict.fromkeys(columns, pl.String)
        )
        return predict_rows(self.model, blank).dtype


def stamp_of(path: str | Path) -> tuple[int, int, int]:
    """Return what changes when a model file is replaced; zeros where there is none."""
    try:
        found = model_path(path).stat()
    except (OSError, ValueError):
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def name_of(path: str | Path, model: Model) -> str:
    """Return the name of the data that the model learnt, fit to stand in an address."""
    given = str(model.metadata["data"].get("name") or "") or Path(path).stem
    plain = "".join(ch if ch.isascii() and (ch.isalnum() or ch in "._-") else "-" for ch in given)
    return plain.strip("-.")[:64] or "model"
