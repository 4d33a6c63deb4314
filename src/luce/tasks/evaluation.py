"""Measure a model on labelled rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce import data, metrics, storage
from luce.data import Dataset
from luce.data.set_infos import is_named
from luce.errors import DataError
from luce.tasks.computable import require_numbers
from luce.tasks.loading import load_labelled
from luce.tasks.models import Model, load_model
from luce.tasks.spreadsheet import neutralised

_SEEN = (
    "The model was trained on rows of these data: the figures flatter it. "
    "Those of rows that it has not seen are in its run folder."
)


@dataclass(frozen=True)
class Evaluation:
    """The figures of merit of a model on some rows, and the probabilities behind them."""

    figures: dict[str, Any]
    codes: NDArray[np.intp]
    probabilities: NDArray[np.floating[Any]]
    notes: tuple[str, ...] = ()


def evaluate(
    model: str | Path,
    source: str | Path,
    *,
    target: str | None = None,
    split: str | None = None,
    no_header: bool = False,
) -> Evaluation:
    """Load a model and labelled data, and measure.

    Parameters
    ----------
    model : path of a model file or a run folder
    source : path or named set
    target : the column of the labels; without it the one that the model was trained on
    split : ``"train"``, ``"test"`` or ``"all"`` of a named set; without it the standard test
        split where there is one
    no_header : whether a CSV or TSV file begins with a row; a model that was trained so knows it

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
    if target is None and fitted.encoding.columns is not None and not is_named(source):
        target = fitted.metadata["data"]["target"]
    dataset = load_labelled(
        source, target=target, split=split, no_header=no_header, encoding=fitted.encoding
    )
    evaluation = measure(fitted, dataset)
    if dataset.fingerprint == fitted.metadata["data"]["fingerprint"]:
        return replace(evaluation, notes=(_SEEN, *evaluation.notes))
    return evaluation


def measure(model: Model, dataset: Dataset) -> Evaluation:
    """Measure a model on the rows of a data set."""
    if dataset.target is None:
        raise DataError(
            f"{dataset.name!r} must have labels to be evaluated, but it has none. "
            "Name their column with --target, or use luce predict."
        )
    encoded = model.encoding.apply(dataset.features)
    p = model.probabilities(encoded.X)
    require_numbers(p, encoded.X, model.encoding, repr(dataset.name))
    codes = model.codes(dataset.target)
    notes = cell_notes(encoded.unseen, encoded.missing)
    figures = metrics.evaluate(codes, p, model.names)
    if model.calibration is not None:
        figures["uncalibrated"] = _before(model, codes, model.classifier.predict_proba(encoded.X))
    return Evaluation(figures, codes, p, notes)


def _before(model: Model, codes: NDArray[np.intp], p: NDArray[Any]) -> dict[str, Any]:
    """What the calibration was meant to better: the same figures without it."""
    figures = metrics.evaluate(codes, p, model.names)
    kept = {name: figures[name] for name in ("log_loss", "calibration_error")}
    return {**kept, "reliability": {"top_label": figures["reliability"]["top_label"]}}


def cell_notes(unseen: Mapping[str, int], missing: Mapping[str, int]) -> tuple[str, ...]:
    """Say in words which cells the model had to do without."""
    new = [
        f"Column {name!r}: {_cells(n)} with a category that training did not see."
        for name, n in unseen.items()
    ]
    empty = [f"Column {name!r}: {_cells(n)} without a value." for name, n in missing.items()]
    return (*new, *empty)


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"


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
    columns |= {f"p({name})": p[:, code] for code, name in enumerate(names)}
    buffer = BytesIO()
    pl.DataFrame(columns).write_csv(buffer)
    storage.write_atomically(path, buffer.getvalue())
