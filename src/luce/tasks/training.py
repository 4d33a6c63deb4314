"""Train a classifier on a file or a named set, and leave a run folder behind."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from luce import __version__
from luce.errors import MissingExtraError
from luce.storage import FORMAT_VERSION
from luce.tasks import runs
from luce.tasks.calibration import Calibration, calibrate
from luce.tasks.environment import environment
from luce.tasks.evaluation import Evaluation, measure, write_predictions
from luce.tasks.model_kinds import KINDS, Classifier
from luce.tasks.models import Model, classes_to_json
from luce.tasks.options import TrainOptions
from luce.tasks.preparation import Prepared, prepare
from luce.tasks.report import write_report
from luce.tasks.streamed_preparation import prepare_stream
from luce.tasks.trials import Trial, Tuned
from luce.tasks.tuning import tune

Starter = Callable[[Prepared], None]
Listener = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes
    ----------
    run : the run folder
    model : the model, as it was saved
    figures : the content of ``eval.json``
    interrupted : whether Ctrl-C ended it early; the model is the best one until then
    seconds : the time that the fit alone took
    notes : what the user should know besides
    tuned : the search that came before, if there was one
    """

    run: Path
    model: Model
    figures: Mapping[str, Any]
    interrupted: bool
    seconds: float
    notes: tuple[str, ...]
    tuned: Tuned | None = None


def train(
    options: TrainOptions,
    *,
    out: str | Path | None = None,
    on_start: Starter | None = None,
    on_entry: Listener | None = None,
    on_trial: Callable[[Trial], object] | None = None,
) -> Trained:
    """Train, evaluate on held-out rows and report; all of it in a new run folder.

    The folder is created when data and options are known to be good, and removed again if no
    model comes of it. Ctrl-C ends the training early with the best model so far.

    Parameters
    ----------
    options : TrainOptions
    out : path, optional
        The run folder; without it ``runs/<name>-<time>``.
    on_start : callable, optional
        Called with the prepared training before it begins.
    on_entry : callable, optional
        Called with each entry of the history as it comes.
    on_trial : callable, optional
        Called with each trial of a search before the training (``tune``).

    Raises
    ------
    DataError
        The data cannot be used.
    ParameterError
        An option does not fit the data or another option.
    ConvergenceError
        The loss became NaN or infinite.
    WriteError
        The run folder cannot be written.
    """
    prepared = prepare(options) if options.out_of_core is None else prepare_stream(options)
    if on_start is not None:
        on_start(prepared)
    with runs.new_run(prepared.train.name, None if out is None else Path(out)) as run:
        runs.write_config(run, prepared.options)
        runs.write_json(run / runs.ENVIRONMENT, environment())
        prepared, tuned = _tuned(run, prepared, on_trial)
        started = time.perf_counter()
        classifier = _fit(run, prepared, on_entry)
        seconds = time.perf_counter() - started
        ended = Ended.of(classifier, seconds)
        kept = KINDS[prepared.options.model].kept(classifier)
        calibration = None if ended.interrupted else calibration_of(prepared, classifier)
        return replace(conclude(run, prepared, kept, ended, calibration), tuned=tuned)


@dataclass(frozen=True)
class Ended:
    """How a fit ended: iterations or epochs, the proven gap, and the seconds it took."""

    n_iter: int
    gap: float | None
    converged: bool
    interrupted: bool
    seconds: float

    @classmethod
    def of(cls, classifier: Any, seconds: float) -> "Ended":
        """Return how the fit of an estimator ended."""
        return cls(
            int(np.max(classifier.n_iter_)),
            _finite(getattr(classifier, "gap_", None)),
            bool(getattr(classifier, "converged_", True)),
            bool(classifier.interrupted_),
            seconds,
        )


def conclude(
    run: Path,
    prepared: Prepared,
    kept: Classifier,
    ended: Ended,
    calibration: Calibration | None,
) -> Trained:
    """Save the model, evaluate it on held-out rows, and report."""
    metadata = _metadata(prepared, kept, ended, calibration)
    model = Model(kept, prepared.encoding, metadata, calibration)
    model.save(run / runs.MODEL)  # now: what follows may be interrupted
    evaluation = measure(model, prepared.held_out.dataset)
    _write_evaluation(run, model, evaluation, prepared)
    notes = (*evaluation.notes, *_report_notes(run))
    return Trained(run, model, evaluation.figures, ended.interrupted, ended.seconds, notes)


def _tuned(
    run: Path, prepared: Prepared, on_trial: Callable[[Trial], object] | None
) -> tuple[Prepared, Tuned | None]:
    """Search first, if that is asked for: the winner is what is trained, and what config says."""
    if prepared.options.tune is None:
        return prepared, None
    winner, tuned = tune(prepared, on_trial)
    runs.write_json(run / runs.TUNING, tuned.to_json())
    runs.write_config(run, tuned.options)
    return winner, tuned


def _fit(run: Path, prepared: Prepared, on_entry: Listener | None) -> Any:
    with runs.MetricsLog(run / runs.METRICS) as log:
        callbacks = [log] if on_entry is None else [log, on_entry]
        classifier = KINDS[prepared.options.model].unfitted(prepared, callbacks)
        return classifier.fit(prepared.features, prepared.labels)


def calibration_of(prepared: Prepared, classifier: Any) -> Calibration | None:
    """Learn the calibration that was asked for; the rows held out for evaluation have no part."""
    kind = prepared.options.calibrate
    if kind in (None, "none"):
        return None
    assert prepared.labels is not None, "`prepare_stream` has refused it"
    return calibrate(kind, classifier, prepared.features, prepared.labels)


def _metadata(
    prepared: Prepared, kept: Classifier, ended: Ended, calibration: Calibration | None
) -> dict[str, Any]:
    """The metadata of the model file; ``docs/model_file.md`` describes the fields."""
    train = prepared.train
    names = train.class_names
    return {
        "format": "luce-model",
        "version": FORMAT_VERSION,
        "luce_version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "estimator": KINDS[prepared.options.model].estimator,
        "classes": classes_to_json(kept.classes_),
        "class_names": None if names is None else [names[code] for code in kept.classes_],
        "encoding": prepared.encoding.to_json(),
        "options": prepared.options.estimator_arguments(),
        "data": {
            "name": train.name,
            "fingerprint": train.fingerprint,
            "rows": prepared.rows,
            "target": train.target_name,
        },
        "metrics": {},
        "training": {
            "n_iter": ended.n_iter,
            "gap": ended.gap,
            "converged": ended.converged,
            "interrupted": ended.interrupted,
            "seconds": round(ended.seconds, 3),
        },
        "calibration": None if calibration is None else calibration.facts,
    }


def _finite(gap: float | None) -> float | None:
    """The solvers that go by minibatch prove no gap."""
    return float(gap) if gap is not None and math.isfinite(gap) else None


def _write_evaluation(run: Path, model: Model, evaluation: Evaluation, prepared: Prepared) -> None:
    """Write the figures, the predictions, and the model once more with its figures in it."""
    runs.write_json(run / runs.EVALUATION, evaluation.figures)
    write_predictions(run / runs.PREDICTIONS, model, evaluation, prepared.held_out.rows)
    kept = ("rows", "accuracy", "log_loss", "calibration_error", "baseline")
    figures = {name: evaluation.figures[name] for name in kept}
    model.with_metrics(figures).save(run / runs.MODEL)


def _report_notes(run: Path) -> tuple[str, ...]:
    """Write the report; without the package that draws it, the run is good all the same."""
    try:
        write_report(run)
    except MissingExtraError as error:
        return (f"No report was written: {error}",)
    return ()
