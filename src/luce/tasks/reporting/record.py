"""What a run folder says about a training, read once for the whole report."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce import data
from luce.data import Dataset
from luce.errors import DataError, LuceError
from luce.tasks import runs
from luce.tasks.models import Model, load_model
from luce.tasks.spreadsheet import neutralised


@dataclass(frozen=True)
class Predictions:
    """The evaluated rows: their number in the source, label, answer and probabilities."""

    rows: NDArray[np.intp]  # (n,)
    labels: NDArray[np.intp]  # (n,) numbers of classes
    answers: NDArray[np.intp]  # (n,)
    proba: NDArray[np.float64]  # (n, k)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the answer is the label, (n,)."""
        right: NDArray[np.bool_] = self.labels == self.answers
        return right

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the answer, (n,)."""
        return self.proba[np.arange(len(self.rows)), self.answers]

    def confident_mistakes(self) -> NDArray[np.intp]:
        """Positions of the wrong answers, the most confident first."""
        wrong = np.flatnonzero(~self.right)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a training went and what came of it, whatever was trained."""

    config: Mapping[str, Any]
    history: list[dict[str, Any]]
    figures: Mapping[str, Any]

    @property
    def classes(self) -> list[str]:
        """The names of the classes."""
        return list(self.figures["classes"])


@dataclass(frozen=True, kw_only=True)
class Record(Outcome):
    """A training of ``luce train`` as its run folder holds it.

    ``evaluated`` are the rows of ``predictions`` as the source spells them, in the same order;
    where they are not to be had any more it is None, and ``absence`` says why.
    """

    run: Path
    predictions: Predictions
    model: Model
    environment: Mapping[str, Any]
    evaluated: Dataset | None
    absence: str


def read_run(run: Path) -> Record:
    """Read all of a run folder, and the evaluated rows if they are still what they were.

    Raises
    ------
    DataError
        A file of the folder is missing or damaged.
    ModelFileError
        The model cannot be loaded.
    """
    with _undamaged(run):
        outcome = _outcome(run)
        environment = json.loads(_text(run, runs.ENVIRONMENT))
        predictions = _predictions(_text(run, runs.PREDICTIONS), outcome.classes)
    model = load_model(run)
    evaluated, absence = _evaluated(outcome.config, model, predictions)
    return Record(
        **vars(outcome),
        run=run,
        predictions=predictions,
        model=model,
        environment=environment,
        evaluated=evaluated,
        absence=absence,
    )


def read_outcome(run: Path) -> Outcome:
    """Read what any training leaves: options, history and figures.

    Raises
    ------
    DataError
        A file of the folder is missing or damaged.
    """
    with _undamaged(run):
        return _outcome(run)


def _outcome(run: Path) -> Outcome:
    return Outcome(
        figures=json.loads(_text(run, runs.EVALUATION)),
        config=tomllib.loads(_text(run, runs.CONFIG)),
        history=[json.loads(line) for line in _text(run, runs.METRICS).splitlines()],
    )


@contextmanager
def _undamaged(run: Path) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
        if isinstance(error, LuceError):
            raise
        raise DataError(
            f"the files of a run must be as luce train has written them, but one in {str(run)!r}"
            f" is damaged: {error}. Train again with: luce train --config {run / runs.CONFIG}"
        ) from error


def read_predictions(run: Path, classes: list[str]) -> Predictions:
    """Read the evaluated rows of a run folder.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    try:
        return _predictions(_text(run, runs.PREDICTIONS), classes)
    except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
        if isinstance(error, LuceError):
            raise
        raise DataError(
            f"{str(run / runs.PREDICTIONS)!r} must be as luce train has written it, but it is"
            f" damaged: {error}. Train again with: luce train --config {run / runs.CONFIG}"
        ) from error


def _text(run: Path, name: str) -> str:
    try:
        return (run / name).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"a report needs the folder of a finished training, but {str(run / name)!r} cannot be"
            f" read: {error.strerror}. Give the folder that luce train has printed, or train again."
        ) from error


def _predictions(text: str, classes: list[str]) -> Predictions:
    table = pl.read_csv(StringIO(text), infer_schema_length=0)
    codes = {neutralised(name): code for code, name in enumerate(classes)}
    return Predictions(
        table["row"].cast(pl.Int64).to_numpy(),
        np.array([codes[label] for label in table["label"]], np.intp),
        np.array([codes[label] for label in table["prediction"]], np.intp),
        table.select(table.columns[-len(classes) :]).cast(pl.Float64).to_numpy(),
    )


def _evaluated(
    config: Mapping[str, Any], model: Model, predictions: Predictions
) -> tuple[Dataset | None, str]:
    """The evaluated rows, or None and the reason why they are not to be had."""
    try:
        source = _source(config, model)
        fingerprint = model.metadata["data"]["fingerprint"]
        changed = _held_out(config["valid"]) and source.fingerprint != fingerprint
        if changed or source.target is None or len(source) <= predictions.rows.max(initial=-1):
            return None, "The data have changed since the training."
        dataset = source.take(predictions.rows)
        assert dataset.target is not None
        if not np.array_equal(model.codes(dataset.target), predictions.labels):
            return None, "The labels have changed since the training."
    except LuceError as error:
        return None, f"The data could not be read again: {error}"
    return dataset, ""


def _source(config: Mapping[str, Any], model: Model) -> Dataset:
    """Load what the rows of ``predictions.csv`` are numbered in."""
    valid, target = config["valid"], config.get("target")
    if _held_out(valid):
        split, no_header = config.get("split"), config.get("no_header", False)
        return data.load(config["data"], target=target, split=split, no_header=no_header)
    if valid == "test":
        return data.load(config["data"], split="test")
    return data.load(valid, target=target, encoding=model.encoding)  # as the training did


def _held_out(valid: str) -> bool:
    """Whether the evaluated rows are a fraction of the data, and not of another source."""
    try:
        return 0 < float(valid) < 1
    except ValueError:
        return False
