"""Look at data before training, and at a model after it."""

import math
import shlex
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce import data
from luce.data import Dataset
from luce.data.cells import as_text
from luce.data.kinds import READERS, Kind
from luce.data.set_infos import is_named
from luce.tasks.column_lists import write_columns
from luce.tasks.loading import load_labelled, warn_of
from luce.tasks.models import Model, load_model
from luce.tasks.row_repetition import Repetition, repetition
from luce.tasks.runs import model_path
from luce.tasks.telling_columns import leaks, told_alone

_FIRST_ROWS = 5
_LARGEST = 5


def inspect_data(
    source: str,
    *,
    target: str | None = None,
    text: Collection[str] = (),
    ignore: Collection[str] = (),
    split: str | None = None,
    no_header: bool = False,
) -> dict[str, Any]:
    """Describe a file or named set: columns, classes, missing cells, repeated rows, next step.

    Returns a JSON-ready tree. Reads all the data, and trains nothing. The other arguments are
    those of `luce.data.load`.

    Raises
    ------
    DataError
        The data cannot be read.
    """
    dataset = load_labelled(
        source, target=target, text=text, ignore=ignore, split=split, no_header=no_header
    )
    warn_of(dataset.header_doubt)
    command = _next_command(source, dataset, text=text, ignore=ignore)
    return {**describe_data(dataset), "next": command}


def describe_data(dataset: Dataset, *, first: int = _FIRST_ROWS) -> dict[str, Any]:
    """Describe labelled data that have been loaded; ``first`` is how many rows are shown.

    Returns a JSON-ready tree.
    """
    encoding = data.learn_encoding(dataset)
    classes, counted = _classes(dataset), repetition(dataset)
    columns = _columns(dataset, classes[0]["share"])
    notes = [*dataset.notes, *encoding.notes, *_warnings(columns, counted)]
    return {
        "name": dataset.name,
        "kind": dataset.kind,
        "rows": len(dataset),
        "shape": list(dataset.features.shape[1:]),
        "features": encoding.width,
        "target": dataset.target_name,
        "classes": classes,
        "columns": columns,
        "repeated_rows": counted.repeated,
        "contradictory_rows": counted.contradictory,
        "first_rows": _first_rows(dataset, first),
        "notes": list(dict.fromkeys(notes)),
        "header_doubt": dataset.header_doubt,
        "fingerprint": dataset.fingerprint,
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


def _columns(dataset: Dataset, majority: float) -> list[dict[str, Any]]:
    """The columns of a table: how each is read, its values, how many lack, what it tells alone."""
    if not isinstance(dataset.features, pl.DataFrame):
        return []
    labels = np.unique(np.asarray(dataset.target).astype(str), return_inverse=True)[1]
    found = []
    for column in dataset.features:
        kind = dataset.kinds[column.name]
        alone = told_alone(column, kind, labels)
        found.append(
            {
                "column": column.name,
                "kind": str(kind),
                "values": column.n_unique(),
                "missing": _missing(column, kind),
                "alone": alone,
                "leaks": leaks(alone, majority),
            }
        )
    return found


def _warnings(columns: list[dict[str, Any]], counted: Repetition) -> Iterator[str]:
    """Sentences on what makes a model look better, or be worse, than it is."""
    for column in columns:
        if column["leaks"]:
            yield (
                f"{column['column']!r} alone tells the class of {100 * column['alone']:.1f} % of"
                " the rows. If it is not known before the class is, leave it out: --ignore"
                f" {write_columns([column['column']])}."
            )
    if counted.contradictory:
        yield (
            f"{counted.contradictory} rows are equal to another row with another class; no model"
            " can tell those apart."
        )


def _missing(column: pl.Series, kind: Kind) -> int:
    """Cells without a value; what counts as one depends on how the column is read."""
    if kind in READERS:
        return int(np.isnan(READERS[kind](column).values).sum())
    return as_text(column).null_count()


def _first_rows(dataset: Dataset, first: int) -> list[dict[str, Any]]:
    if not isinstance(dataset.features, pl.DataFrame):
        return []
    assert dataset.target is not None
    head = dataset.features.head(first).to_dicts()
    labels, names = dataset.target[:first].tolist(), dataset.class_names
    if names is not None:
        labels = [names[label] for label in labels]
    return [
        {name: _plain(cell) for name, cell in [*row.items(), (str(dataset.target_name), label)]}
        for row, label in zip(head, labels, strict=True)
    ]


def _plain(cell: Any) -> Any:
    """A cell as JSON has it; a date of a Parquet file as text, NaN as nothing."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell if isinstance(cell, str | int | float | None) else str(cell)


def _next_command(
    source: str, dataset: Dataset, *, text: Collection[str], ignore: Collection[str]
) -> str:
    command = ["luce", "train", source]
    if dataset.kind == "table" and dataset.target_name is not None and not is_named(source):
        command += ["--target", dataset.target_name]
    for flag, names in (("--text", text), ("--ignore", ignore)):
        command += [flag, write_columns(names)] if names else []
    command += ["--no-header"] if dataset.order is not None else []
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
