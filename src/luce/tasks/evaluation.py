"""Measure a model on labelled rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce import data, metrics, storage
from luce.data import Dataset
from luce.errors import DataError
from luce.tasks.models import Model, load_model
from luce.tasks.spreadsheet import neutralised


@dataclass(frozen=True)
class Evaluation:
    """The figures of merit of a model on some rows, and the probabilities behind them."""

    figures: dict[str, Any]
    codes: NDArray[np.intp]
    probabilities: NDArray[np.floating[Any]]
    notes: tuple[str, ...] = ()


def evaluate(
    model: str | Path, source: str | Path, *, target: str | None = None, split: str | None = None
) -> Evaluation:
    """Load a model and labelled data, and measure.

    Parameters
    ----------
    model : path of a model file or a run folder
    source : path or named set
    target : the column of the labels; without it the one that the model was trained on, if the
        data have it, else guessed as in training
    split : ``"train"``, ``"test"`` or ``"all"`` of a named set; without it the standard test
        split where there is one

    Raises
    ------
    DataError
        The data cannot be read, do not fit the model, or hold a class that the model lacks.
    ModelFileError
        The model cannot be loaded.
    """
    fitted = load_model(model)
    if split is None and data.has_test_split(source):
        split = "test"
    return measure(fitted, data.load(source, target=target, split=split))


def measure(model: Model, dataset: Dataset) -> Evaluation:
    """Measure a model on the rows of a data set."""
    if dataset.target is None:
        raise DataError(
            f"{dataset.name!r} must have labels to be evaluated, but it has none. "
            "Name their column with --target, or use luce predict."
        )
    encoded = model.encoding.apply(dataset.features)
    p = model.classifier.predict_proba(encoded.X)
    codes = model.codes(dataset.target)
    notes = cell_notes(encoded.unseen, encoded.missing)
    return Evaluation(metrics.evaluate(codes, p, model.names), codes, p, notes)


def cell_notes(unseen: Mapping[str, int], missing: Mapping[str, int]) -> tuple[str, ...]:
    """Say in words which cells the model had to do without."""
    return tuple(
        [
            f"Column {name!r}: {n} cells hold a category not seen in training."
            for name, n in unseen.items()
            if n
        ]
        + [f"Column {name!r}: {n} cells are missing." for name, n in missing.items() if n]
    )


def write_predictions(
    path: Path, model: Model, evaluation: Evaluation, rows: NDArray[np.intp]
) -> None:
    """Write ``predictions.csv``: row number, label, prediction, and ``p(class)`` for each class."""
    names = np.asarray([neutralised(name) for name in model.names], dtype=object)
    p = evaluation.probabilities
    columns: dict[str, Any] = {
        "row": rows,
        "label": names[evaluation.codes],
        "prediction": names[p.argmax(axis=1)],
    }
    columns |= {f"p({name})": p[:, code] for code, name in enumerate(model.names)}
    buffer = BytesIO()
    pl.DataFrame(columns).write_csv(buffer)
    storage.write_atomically(path, buffer.getvalue())
