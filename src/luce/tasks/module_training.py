"""Train any module of torch and leave a run folder behind, as ``luce train`` does."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import tomli_w

from luce import metrics, storage
from luce.errors import MissingExtraError, ParameterError
from luce.storage import write_atomically
from luce.tasks import runs
from luce.tasks.checkpoints import load_checkpoint, save_checkpoint
from luce.tasks.environment import environment
from luce.tasks.report import write_module_report
from luce.tasks.spreadsheet import neutralised

if TYPE_CHECKING:
    from luce.nn import Fitted, Plan

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class ModuleRun:
    """What a training came to.

    Attributes
    ----------
    run : the run folder
    fitted : history, best epoch, whether it was interrupted
    figures : the content of ``eval.json``; None without held-out labels
    notes : what the user should know besides
    """

    run: Path
    fitted: "Fitted"
    figures: Mapping[str, Any] | None
    notes: tuple[str, ...] = ()


def train_module(
    model: Any,
    loss: Any,
    train: Any,
    *,
    valid: Any = None,
    plan: "Plan | None" = None,
    name: str = "module",
    classes: Sequence[str] | None = None,
    out: str | Path | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
) -> ModuleRun:
    """Train a module with `luce.nn.fit` in a run folder that can be resumed and read.

    The folder holds ``config.toml`` (the plan), ``metrics.jsonl`` (a line an epoch, written while
    training), ``checkpoint.safetensors`` (all that is needed to go on), ``environment.json``, and,
    for held-out rows with labels, ``eval.json``, ``predictions.csv`` and ``report.html``.

    Parameters
    ----------
    model : torch.nn.Module
        It is changed in place, and left with the parameters of its best epoch.
    loss, train, valid, plan, checkpoint_every
        As for `luce.nn.fit`.
    name : str, default="module"
        Name of the run, for the folder and the report.
    classes : sequence of str, optional
        Names of the classes; without them their numbers.
    out : path, optional
        The run folder; without it ``runs/<name>-<time>``.
    resume : bool, default=False
        Whether to go on with the training that stopped in the folder `out`, bit for bit.

    Returns
    -------
    ModuleRun
        The folder, the history and the figures.

    Raises
    ------
    MissingExtraError
        PyTorch is not installed.
    ParameterError
        There is nothing to resume, or model, rows or plan are not those of the checkpoint.
    ConvergenceError
        The loss became NaN or infinite.
    WriteError
        The folder cannot be written.
    """
    from luce.nn import Plan, fit

    plan = plan or Plan()
    kept = load_checkpoint(_checkpoint_of(out)) if resume else None
    with _folder(name, out, resume) as run:
        write_atomically(run / runs.CONFIG, _config(name, plan))
        runs.write_json(run / runs.ENVIRONMENT, environment())
        history = [] if kept is None else kept.facts["history"]
        lines = "".join(f"{json.dumps(entry)}\n" for entry in history)
        write_atomically(run / runs.METRICS, lines.encode())
        with runs.MetricsLog(run / runs.METRICS) as log:
            fitted = fit(
                model,
                loss,
                train,
                valid=valid,
                plan=plan,
                callbacks=[log],
                on_checkpoint=lambda state: save_checkpoint(state, run / CHECKPOINT),
                checkpoint_every=checkpoint_every,
                resume=kept,
            )
        figures, notes = _evaluate(run, name, model, valid, classes)
    return ModuleRun(run, fitted, figures, notes)


def _checkpoint_of(out: str | Path | None) -> Path:
    if out is None or not (Path(out) / CHECKPOINT).is_file():
        raise ParameterError(
            f"out must be a run folder with {CHECKPOINT} to be resumed, got"
            f" {None if out is None else str(out)!r}. Name the folder of the training that stopped."
        )
    return Path(out) / CHECKPOINT


def _folder(name: str, out: str | Path | None, resume: bool) -> AbstractContextManager[Path]:
    place = None if out is None else Path(out)
    if resume:
        assert place is not None, "its checkpoint has been read"
        return nullcontext(place)
    return runs.new_run(name, place, keep=CHECKPOINT)


def _config(name: str, plan: "Plan") -> bytes:
    options = {key: value for key, value in plan.to_json().items() if value is not None}
    return tomli_w.dumps({"name": name, **options}).encode()


def _evaluate(
    run: Path, name: str, model: Any, valid: Any, classes: Sequence[str] | None
) -> tuple[Mapping[str, Any] | None, tuple[str, ...]]:
    """Measure the held-out rows, where the model gives probabilities of classes for them."""
    from luce.nn.training.prediction import predict_rows

    predicted = None if valid is None else predict_rows(model, valid)
    if predicted is None:
        return None, ()
    p, labels = predicted
    names = tuple(classes) if classes is not None else tuple(map(str, range(p.shape[1])))
    figures = metrics.evaluate(labels, p, names)
    runs.write_json(run / runs.EVALUATION, figures)
    storage.write_atomically(run / runs.PREDICTIONS, _predictions(p, labels, names))
    try:
        write_module_report(run, name)
    except MissingExtraError as error:
        return figures, (f"No report was written: {error}",)
    return figures, ()


def _predictions(p: Any, labels: Any, classes: tuple[str, ...]) -> bytes:
    names = np.asarray([neutralised(name) for name in classes], dtype=object)
    columns: dict[str, Any] = {
        "row": np.arange(len(p)),
        "label": names[labels],
        "prediction": names[p.argmax(axis=1)],
    }
    columns |= {f"p({name})": p[:, code] for code, name in enumerate(names)}
    buffer = BytesIO()
    pl.DataFrame(columns).write_csv(buffer)
    return buffer.getvalue()
