"""Go on with a training that was stopped, in its own run folder."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from luce import storage
from luce.errors import DataError, ParameterError
from luce.estimators.options import MINIBATCH
from luce.tasks import runs
from luce.tasks.environment import environment
from luce.tasks.model_kinds import KINDS
from luce.tasks.models import Model, load_model
from luce.tasks.options import OPTIONS, TrainOptions, read_config
from luce.tasks.preparation import Prepared, prepare
from luce.tasks.training import Ended, Listener, Starter, Trained, calibration_of, conclude

CHANGEABLE = (
    "data",
    *(option.name for option in OPTIONS.values() if option.limits.resumable),
)


@dataclass(frozen=True)
class Stopped:
    """A training as it was left.

    Attributes
    ----------
    options : its options, resolved
    model : the best model until then
    history : the entries of ``metrics.jsonl``
    """

    options: TrainOptions
    model: Model
    history: list[dict[str, Any]]

    @classmethod
    def read(cls, run: Path) -> "Stopped":
        """Read a run folder.

        Raises
        ------
        ParameterError
            The run holds no model to go on from.
        ModelFileError
            The model is damaged.
        """
        runs.require_run(run)
        options = TrainOptions(**read_config(run / runs.CONFIG))
        if not (run / runs.MODEL).is_file():
            raise ParameterError(
                f"--resume needs a run with a model to go on from, got {str(run)!r}, which ended"
                " before there was one. Train anew with: luce train --config"
                f" {run / runs.CONFIG}"
            )
        return cls(options, load_model(run), _history(run / runs.METRICS))

    @property
    def done(self) -> int:
        """How many iterations or epochs were made."""
        last = self.history[-1] if self.history else {}
        return int(last.get("epoch", last.get("iteration", 0)))

    @property
    def seconds(self) -> float:
        """How long they took."""
        return float(self.history[-1].get("seconds", 0)) if self.history else 0.0


def resume(
    run: str | Path,
    changes: Mapping[str, Any] | None = None,
    *,
    on_start: Starter | None = None,
    on_entry: Listener | None = None,
) -> Trained:
    """Go on with a training that Ctrl-C or a limit ended, in its own folder.

    It starts from the best model of the run. Solvers that reach the optimum (newton, lbfgs) end
    where a training without a stop ends, within ``tol``. Those that go by minibatch (sgd, adam,
    mlp) make the epochs that are left, with fresh moments and the whole schedule over them: a warm
    restart. If no epoch of these is better on held-out rows, the model stays what it was. The
    history of the run goes on where it ended.

    Parameters
    ----------
    run : path
        The run folder.
    changes : mapping, optional
        Options that may be another now: the limits epochs, max_iter, tol, patience; threads; and
        data, where the same data lie elsewhere.
    on_start, on_entry : callable, optional
        As for `luce.tasks.train`.

    Returns
    -------
    Trained
        As `luce.tasks.train` returns it.

    Raises
    ------
    ParameterError
        There is nothing to go on from, nothing left to do, or an option may not be changed.
    DataError
        The data are not those of the run.
    ModelFileError
        The model of the run is damaged.

    Notes
    -----
    Source of the warm restart: Loshchilov & Hutter (2017), SGDR, ICLR.
    """
    folder = Path(run)
    with runs.reopened_run(folder):
        stopped = Stopped.read(folder)
        options = replace(stopped.options, **_allowed(changes or {}))
        _require_unfinished(stopped, options)
        prepared = prepare(options)
        _require_same_data(stopped.model, prepared)
        continued = _Continued(stopped, folder, on_entry)
        kind = KINDS[options.model]
        classifier = kind.continued(prepared, [continued], stopped.model.classifier, stopped.done)
        if on_start is not None:
            on_start(prepared)
        runs.write_config(folder, prepared.options)
        runs.write_json(folder / runs.ENVIRONMENT, environment())
        started = time.perf_counter()
        with continued:
            classifier.fit(prepared.features, prepared.labels)
        ended = Ended.of(classifier, stopped.seconds + time.perf_counter() - started)
        ended = replace(ended, n_iter=stopped.done + ended.n_iter)
        kept = kind.kept(classifier)
        if _is_worse(continued.entries, stopped.history):
            kept = stopped.model.classifier
        whole = kind.unfitted(prepared, [])  # what calibration trains anew, fold by fold
        whole.classes_ = kept.classes_
        calibration = None if ended.interrupted else calibration_of(prepared, whole)
        return conclude(folder, prepared, kept, ended, calibration)


class _Continued:
    """Callback that appends to the history with the count and the clock of before."""

    def __init__(self, stopped: Stopped, run: Path, on_entry: Listener | None) -> None:
        self._done, self._seconds = stopped.done, stopped.seconds
        self._log = runs.MetricsLog(run / runs.METRICS)
        self._path, self._before = run / runs.METRICS, stopped.history
        self._on_entry = on_entry
        self.entries: list[Mapping[str, Any]] = []

    def __enter__(self) -> None:
        # A process that was killed may have left half a line.
        lines = "".join(f"{json.dumps(entry)}\n" for entry in self._before)
        storage.write_atomically(self._path, lines.encode())
        self._log.__enter__()

    def __exit__(self, *exception: object) -> None:
        self._log.__exit__(*exception)

    def __call__(self, entry: Mapping[str, Any]) -> None:
        counted = {
            name: entry[name] + self._done for name in ("epoch", "iteration") if name in entry
        }
        timed = {"seconds": entry["seconds"] + self._seconds} if "seconds" in entry else {}
        told = {**entry, **counted, **timed}
        self.entries.append(told)
        self._log(told)
        if self._on_entry is not None:
            self._on_entry(told)


def _allowed(changes: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in changes.items() if value is not None}
    for name in given:
        if name not in CHANGEABLE:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in CHANGEABLE[1:])
            raise ParameterError(
                f"with --resume only DATA and {flags} may be given, got --{name.replace('_', '-')}:"
                " a training with other options is another one. Leave it out, or train anew with"
                " --config RUN/config.toml."
            )
    return given


def _require_unfinished(stopped: Stopped, options: TrainOptions) -> None:
    training = stopped.model.metadata["training"]
    exact = options.model == "linear" and options.solver not in MINIBATCH
    ended = training["converged"] and not training["interrupted"]
    if exact and ended and options.tol >= stopped.options.tol:
        raise ParameterError(
            "--resume needs a training that has something left to do, but this one has reached its"
            f" optimum within {stopped.options.tol:g}. To go nearer, give a smaller --tol."
        )


def _require_same_data(model: Model, prepared: Prepared) -> None:
    wanted = model.metadata["data"]["fingerprint"]
    if prepared.train.fingerprint != wanted:
        raise DataError(
            f"--resume needs the data of the run ({wanted[:19]}…), but"
            f" {prepared.options.data!r} now holds others ({prepared.train.fingerprint[:19]}…)."
            " Give the right file: luce train DATA --resume RUN; or train anew."
        )
    if prepared.encoding.to_json() != model.encoding.to_json():
        raise DataError(
            f"--resume needs rows that are read as in the run, but {prepared.options.data!r} is"
            " read in another way now. Train anew with --config RUN/config.toml."
        )


def _is_worse(entries: list[Mapping[str, Any]], before: list[dict[str, Any]]) -> bool:
    """Whether held-out rows of the training say that nothing was won."""
    losses = [_least(history) for history in (entries, before)]
    return bool(losses[0] > losses[1])


def _least(history: Any) -> float:
    losses = [entry["valid_loss"] for entry in history if entry.get("valid_loss") is not None]
    return float(np.min(losses)) if losses else float("nan")


def _history(path: Path) -> list[dict[str, Any]]:
    """The whole lines of ``metrics.jsonl``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    lines = text[: text.rfind("\n") + 1].splitlines()
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise DataError(
            f"every line of {str(path)!r} must be as luce train has written it, but one is damaged"
            f" ({error}). Train anew with --config RUN/config.toml."
        ) from error
