"""One page that says how good a model is, where it errs and what it has learnt."""

from importlib import resources
from pathlib import Path
from string import Template

from luce.storage import write_atomically
from luce.tasks import runs
from luce.tasks.reporting import markup, mistakes, summary, training, usage, weights
from luce.tasks.reporting.record import Outcome, Record, read_outcome, read_run


def write_report(run: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of a run folder as one HTML file that needs nothing else.

    The page opens offline, in light and in dark, and prints on A4; it holds no script and asks for
    nothing from the network. It reads the run folder; the rows themselves (pictures, the reasons
    for mistakes) are read from the source again, if that is still what it was. The same run gives
    the same bytes.

    Parameters
    ----------
    run : the folder that ``luce train`` has made
    out : the file to write; without it ``report.html`` in the folder

    Returns
    -------
    The path of the file.

    Raises
    ------
    DataError
        The folder lacks a file, or one is damaged.
    ModelFileError
        The model cannot be loaded.
    MissingExtraError
        Matplotlib or Pillow is not installed.
    WriteError
        The file cannot be written; an older one is untouched.
    """
    folder = Path(run)
    target = folder / runs.REPORT if out is None else Path(out)
    write_atomically(target, render(read_run(folder)).encode())
    return target


def write_module_report(run: str | Path, name: str) -> Path:
    """Write the report of a training of `luce.tasks.train_module`: figures, curves, mistakes.

    Raises
    ------
    DataError
        The folder lacks a file, or one is damaged.
    MissingExtraError
        Matplotlib is not installed.
    WriteError
        The file cannot be written.
    """
    outcome = read_outcome(Path(run))
    body = [
        summary.cards(outcome),
        markup.section("Training", training.curves(outcome)),
        markup.section("Answers by class", mistakes.confusion(outcome), mistakes.scores(outcome)),
        markup.section("Stated probabilities", mistakes.reliability(outcome)),
    ]
    target = Path(run) / runs.REPORT
    write_atomically(target, _page(name, outcome, "\n".join(body)).encode())
    return target


def render(record: Record) -> str:
    """The page as text."""
    return _page(record.model.metadata["data"]["name"], record, _body(record))


def _page(name: str, outcome: Outcome, body: str) -> str:
    page = Template(_resource("page.html"))
    return page.substitute(
        title=markup.text(f"{name}: training report"),
        heading=markup.text(name),
        style=_resource("page.css"),
        lead=markup.text(summary.lead(outcome)),
        body=body,
        footer=markup.text(
            "Intervals hold the true figure in 95 of 100 test sets: Wilson’s for shares, ± 1.96"
            " standard errors for the log loss, a reflected bootstrap for the calibration error."
        ),
    )


def _body(record: Record) -> str:
    sections = [
        summary.cards(record) + summary.facts(record),
        markup.section("Training", training.curves(record)),
        markup.section("Answers by class", mistakes.confusion(record), mistakes.scores(record)),
        markup.section("Stated probabilities", mistakes.reliability(record)),
        markup.section("Examples", mistakes.strip(record)),
        markup.section(
            "Most confident mistakes", mistakes.confident(record), mistakes.absence(record)
        ),
        markup.section("Weights", weights.weights(record)),
        markup.section("Using the model", usage.usage(record)),
    ]
    return "\n".join(sections)


def _resource(name: str) -> str:
    return (resources.files("luce.tasks") / "reporting" / name).read_text(encoding="utf-8")
