"""``luce train``: from a file to a model with its report."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luce.cli.terminal import figures, show_fields, show_table, talk
from luce.cli.verb import INTERRUPTED, Verb, show_json, train_options

if TYPE_CHECKING:
    from luce.tasks.options import TrainOptions
    from luce.tasks.preparation import Prepared
    from luce.tasks.training import Trained
    from luce.tasks.trials import Trial, Tuned

_FIGURES = ("log loss", "standard error")  # of a trial


@click.command(
    cls=Verb,
    short_help="Train a classifier on DATA and evaluate it on held-out rows.",
    examples=[
        "luce train digits",
        "luce train data.csv --target colour",
        "luce train fashion-mnist --solver adam --epochs 10 --seed 1",
        "luce train data.csv --valid held_out.csv --class-weight balanced --out runs/first",
        "luce train digits --C 1 --calibrate",
        "luce train large.parquet --target clicked --out-of-core=/tmp",
        "luce train data.csv --tune 60s",
        "luce train fashion-mnist --model mlp --hidden 256,128 --epochs 15",
        "luce train --config runs/first/config.toml",
        "luce train --resume runs/first",
        "luce train --resume runs/second --epochs 40",
    ],
)
@click.argument("data", required=False)
@train_options()
@click.option(
    "-c", "--config", type=click.Path(path_type=Path), help="TOML file of options; flags go first."
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Run folder.  [default: runs/<name>-<time>]",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with a training that was stopped, in its folder. DATA, --epochs, --max-iter, --tol,"
    " --patience and --threads may be given anew.",
)
def command(
    config: Path | None, out: Path | None, resume: Path | None, as_json: bool, **flags: Any
) -> None:
    """Train a classifier on DATA, evaluate it on held-out rows, and write a run folder.

    DATA is a file, a folder of images by class, or a named set (see luce datasets). Ctrl-C stops
    the training and keeps the best model so far; --resume goes on from there.
    """
    from luce.tasks.options import resolve

    if resume is None:
        train_and_show(resolve(flags, config), out, as_json)
    else:
        _require_alone(config, out)
        _resume_and_show(resume, flags, as_json)


def _require_alone(config: Path | None, out: Path | None) -> None:
    for flag, value in (("--config", config), ("--out", out)):
        if value is not None:
            raise click.UsageError(
                f"{flag} does not go with --resume: the run brings its options and its folder."
            )


def _resume_and_show(run: Path, changes: dict[str, Any], as_json: bool) -> None:
    """Go on with a training, with progress on stderr, and show the outcome on stdout."""
    from luce.cli.progress import TrainingProgress
    from luce.tasks.resumption import Stopped, resume

    with TrainingProgress(Stopped.read(run).options) as progress:
        trained = resume(run, changes, on_start=_introduce, on_entry=progress)
    _show_outcome(trained, as_json)


def train_and_show(options: "TrainOptions", out: Path | None, as_json: bool) -> None:
    """Train with progress on stderr, and show the outcome on stdout."""
    from luce.cli.progress import TrainingProgress
    from luce.tasks.training import train

    with TrainingProgress(options) as progress:
        trained = train(options, out=out, on_start=_introduce, on_entry=progress, on_trial=_tell)
    if out is not None and trained.run != out:
        talk(f"{out} holds an earlier run, which is kept; this one is in {trained.run}.")
    _show_outcome(trained, as_json)


def _show_outcome(trained: "Trained", as_json: bool) -> None:
    """Say how it ended; show the figures; the exit code tells of an interruption."""
    _conclude(trained)
    if as_json:
        show_json(_summary(trained))
    else:
        _show(trained)
    if trained.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)


def _introduce(prepared: "Prepared") -> None:
    """Say what is about to be trained, and what was guessed."""
    for note in prepared.notes:
        talk(note)
    n, d = prepared.shape
    talk(
        f"Training on {n:,} rows of {d:,} features, "
        f"evaluating on {len(prepared.held_out.rows):,} rows."
    )


def _tell(trial: "Trial") -> None:
    """Say what a trial of the search came to."""
    talk(f"Tried {_in_words(trial)}: log loss {trial.log_loss:.4f}")


def _in_words(trial: "Trial") -> str:
    """Name the options of a trial that are in use."""
    used = {_words(name): value for name, value in trial.options.items() if value}
    return ", ".join(f"{name} {_short(value)}" for name, value in used.items())


def _words(name: str) -> str:
    return name.replace("_", " ")


def _short(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _conclude(trained: "Trained") -> None:
    """Say how the training ended."""
    if trained.tuned is not None:
        talk(_search_in_words(trained.tuned))
    training = trained.model.metadata["training"]
    ended = "Interrupted" if trained.interrupted else "Trained"
    gap = training["gap"]
    proof = "" if gap is None else f"; the loss is within {gap:.1e} of its optimum, proven"
    minibatch = trained.model.metadata["options"]["solver"] in ("sgd", "adam")
    unit = "epochs" if minibatch else "iterations"
    talk(f"{ended} in {trained.seconds:.2f} s, {training['n_iter']} {unit}{proof}.")
    if trained.model.calibration is not None:
        talk(_calibrated(trained))
    for note in trained.notes:
        talk(note)


def _calibrated(trained: "Trained") -> str:
    """Say how the probabilities were calibrated, and what came of it."""
    calibration = trained.model.metadata["calibration"]
    before = trained.figures["uncalibrated"]["calibration_error"]["value"]
    after = trained.figures["calibration_error"]["value"]
    return (
        f"Calibrated ({calibration['kind']}) on {calibration['rows']:,} training rows held out in"
        f" turn: calibration error {100 * before:.1f} % before, {100 * after:.1f} % after."
    )


def _search_in_words(tuned: "Tuned") -> str:
    if tuned.best is None:
        why = "No trial had a finite loss" if tuned.trials else "There was no time to try anything"
        return f"{why}; the options are as they were."
    best = tuned.trials[tuned.best]
    end = "" if tuned.complete else ", and stopped before its end"
    return (
        f"Searched for {tuned.seconds:.1f} s{end}: {len(tuned.trials)} trials; taken was"
        f" {_in_words(best)} with a log loss of {best.log_loss:.4f} on {_held_out(tuned)}."
    )


def _summary(trained: "Trained") -> dict[str, Any]:
    figures = trained.figures
    kept = ("rows", "accuracy", "log_loss", "calibration_error", "baseline")
    return {
        "run": str(trained.run),
        "interrupted": trained.interrupted,
        **{name: figures[name] for name in kept},
        "training": trained.model.metadata["training"],
        **({} if trained.tuned is None else {"tuning": trained.tuned.to_json()}),
        "data": trained.model.metadata["data"],
    }


def _show(trained: "Trained") -> None:
    from luce.tasks.runs import REPORT

    if trained.tuned is not None:
        _show_trials(trained.tuned)
    fields = {**figures(trained.figures), "run": trained.run}
    if (trained.run / REPORT).exists():
        fields["report"] = trained.run / REPORT
    show_fields(fields)


def _show_trials(tuned: "Tuned") -> None:
    """Print what was tried, the best first."""
    ranked = sorted(tuned.trials, key=lambda t: (not math.isfinite(t.log_loss), t.log_loss))
    columns = [*(_words(name) for trial in ranked[:1] for name in trial.options), *_FIGURES]
    rows = [
        (
            *map(_short, trial.options.values()),
            f"{trial.log_loss:.4f}",
            f"{trial.standard_error:.4f}",
        )
        for trial in ranked
    ]
    show_table(columns, rows, title=f"Tried, by log loss on {_held_out(tuned)}")


def _held_out(tuned: "Tuned") -> str:
    return "rows held out in turn" if tuned.folds > 1 else "rows held out"
