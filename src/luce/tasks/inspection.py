"""Look at data before training, and at a model after it."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce import data
from luce.data import Dataset
from luce.data.cells import as_text
from luce.data.kinds import READERS, Kind
from luce.data.named import is_named
from luce.tasks.loading import load_labelled
from luce.tasks.models import Model, load_model
from luce.tasks.runs import model_path

_FIRST_ROWS = 5
_LARGEST = 5


def inspect_data(
    source: str, *, target: str | None = None, split: str | None = None
) -> dict[str, Any]:
    """Describe a file or named set: columns, classes, missing cells, repeated rows, next step.

    Returns a JSON-ready tree. Reads all the data, and trains nothing.

    Raises
    ------
    DataError
        The data cannot be read.
    """
    dataset = load_labelled(source, target=target, split=split)
    encoding = data.learn_encoding(dataset)
    return {
        "name": dataset.name,
        "kind": dataset.kind,
        "rows": len(dataset),
        "shape": list(dataset.features.shape[1:]),
        "features": encoding.width,
        "target": dataset.target_name,
        "classes": _classes(dataset),
        "columns": _columns(dataset),
        "repeated_rows": _repeated_rows(dataset),
        "first_rows": _first_rows(dataset),
        "notes": list(dict.fromkeys([*dataset.notes, *encoding.notes])),
        "fingerprint": dataset.fingerprint,
        "next": _next_command(source, dataset),
    }


def _classes(dataset: Dataset) -> list[dict[str, Any]]:
    """Each class with its rows, the most frequent first."""
    assert dataset.target is not None, "loaded with its target"
    labels, counts = np.unique(dataset.target, return_counts=True)
    names = dataset.class_names
    rows = [
        {
            "class": str(label) if names is None else names[label],
            "rows": count,
            "share": count / len(dataset),
        }
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True)
    ]
    return sorted(rows, key=lambda row: -row["rows"])


def _columns(dataset: Dataset) -> list[dict[str, Any]]:
    """The columns of a table: how each is read, how many values it has, how many lack."""
    if not isinstance(dataset.features, pl.DataFrame):
        return []
    return [
        {
            "column": column.name,
            "kind": str(dataset.kinds[column.name]),
            "values": column.n_unique(),
            "missing": _missing(column, dataset.kinds[column.name]),
        }
        for column in dataset.features
    ]


def _missing(column: pl.Series, kind: Kind) -> int:
    """Cells without a value; what counts as one depends on how the column is read."""
    if kind in READERS:
        return int(np.isnan(READERS[kind](column).values).sum())
    return as_text(column).null_count()


def _repeated_rows(dataset: Dataset) -> int:
    """Rows that are equal, label and all, to an earlier one."""
    labels = np.asarray(dataset.target).astype(str)
    if isinstance(dataset.features, pl.DataFrame):
        labelled = dataset.features.with_columns(pl.Series(f"{dataset.target_name} ", labels))
        return len(labelled) - labelled.n_unique()
    flat = np.ascontiguousarray(dataset.features)
    distinct = {(row.tobytes(), label) for row, label in zip(flat, labels, strict=True)}
    return len(dataset) - len(distinct)


def _first_rows(dataset: Dataset) -> list[dict[str, Any]]:
    if not isinstance(dataset.features, pl.DataFrame):
        return []
    assert dataset.target is not None
    head = dataset.features.head(_FIRST_ROWS).to_dicts()
    labels = dataset.target[:_FIRST_ROWS].tolist()
    return [
        {**row, str(dataset.target_name): label} for row, label in zip(head, labels, strict=True)
    ]


def _next_command(source: str, dataset: Dataset) -> str:
    command = ["luce", "train", source]
    if dataset.kind == "table" and dataset.target_name is not None and not is_named(source):
        command += ["--target", dataset.target_name]
    return shlex.join(command)


def inspect_model(path: str | Path) -> dict[str, Any]:
    """Describe a model: classes, input, options, figures of merit, largest coefficients.

    Returns a JSON-ready tree.

    Raises
    ------
    ModelFileError
        The model cannot be loaded.
    """
    model = load_model(path)
    metadata = model.metadata
    return {
        "model": str(model_path(path)),
        **{name: metadata[name] for name in ("estimator", "luce_version", "created")},
        "classes": list(model.names),
        "features": model.encoding.width,
        "columns": None if model.encoding.columns is None else list(model.encoding.columns),
        "image_shape": None
        if model.encoding.image_shape is None
        else list(model.encoding.image_shape),
        **{name: metadata[name] for name in ("data", "options", "metrics", "training")},
        "calibration": metadata.get("calibration"),  # files of version 1 have none
        "layers": None if model.network is None else list(model.network.sizes),
        "largest_coefficients": _largest_coefficients(model),
    }


def _largest_coefficients(model: Model) -> list[dict[str, Any]]:
    """For each class the features that speak most strongly for it or against it."""
    if model.linear is None:
        return []
    coef: NDArray[np.floating[Any]] = model.linear.coef_
    names = model.names if len(coef) > 1 else model.names[1:]  # one row speaks for the second class
    found, features = [], model.encoding.feature_names
    for name, row in zip(names, coef, strict=True):
        for feature in np.argsort(-np.abs(row), kind="stable")[:_LARGEST]:
            found.append(
                {
                    "class": name,
                    "feature": features[feature],
                    "coefficient": float(row[feature]),
                }
            )
    return found
