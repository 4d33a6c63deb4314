"""The group of verbs, and what each kind of failure looks like from outside."""

import io
import json
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from luce import __version__
from luce.cli.terminal import printable, talk
from luce.cli.verb import INTERRUPTED, ClosedPipe
from luce.errors import LuceError, MissingExtraError
from luce.tasks.suggestions import did_you_mean

# Told here once more so that `luce --help` imports no verb; a test holds them together.
VERBS = {
    "train": "Train a classifier on DATA and evaluate it on held-out rows.",
    "evaluate": "Measure a model on DATA, with intervals.",
    "predict": "Predict the class of each row of INPUT.",
    "report": "Write the report of a run as one HTML page.",
    "export": "Write a MODEL for ONNX, scikit-learn, PyTorch or NumPy.",
    "inspect": "Show what is in DATA or in a MODEL.",
    "datasets": "List the named data sets.",
    "doctor": "Check this installation.",
    "serve": "Answer requests for predictions over HTTP.",
    "softmax": "Show the softmax of NUMBERS.",
    "demo": "Train on a named set, evaluate and report.",
    "ui": "Open luce in the browser.",
}
APP_EXTRA = frozenset(
    {"click", "rich", "polars", "safetensors", "PIL", "matplotlib", "pooch", "tomli_w"}
    | {"starlette", "uvicorn", "httptools"}
)


class Verbs(click.Group):
    """A group that imports a verb's module when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"luce.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            hint = did_you_mean(name, VERBS) or "See luce --help for the commands."
            if Path(name).exists():
                hint = f"To see what is in {printable(name)}: luce inspect {printable(name)}"
            raise click.UsageError(f"No such command {printable(name)!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="luce", message="%(prog)s %(version)s")
def app() -> None:
    """luce: train, check, explain and save softmax classifiers.

    DATA is a file (CSV, TSV, JSONL, Parquet, NPZ, IDX), a folder of images by class, or a named
    set such as digits. MODEL is a model file or the folder of a run.

    \b
    Start with:
      luce demo
      luce inspect data.csv
      luce train data.csv --target label
    """


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code; no exception leaves."""
    _write_what_the_encoding_allows()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: talk(f"Warning: {message}")  # without code
            code = app.main(list(args) or ["--help"], prog_name="luce", standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except (BrokenPipeError, ClosedPipe):  # `luce predict ... | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in args:
            traceback.print_exception(error)
        return _tell(error, as_json="--json" in args)


def _write_what_the_encoding_allows() -> None:
    """A label that the terminal's encoding lacks is escaped; it must not end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _tell(error: BaseException, as_json: bool) -> int:
    """Show an error, as JSON too where that was asked for, and return its exit code."""
    code, message = _verdict(error)
    if as_json:
        tree = {"type": type(error).__name__, "message": message, "exit_code": code}
        click.echo(json.dumps({"error": tree}, ensure_ascii=False))
    lines = [printable(line) for line in message.splitlines()]
    click.echo("\n".join(["luce: " + lines[0], *lines[1:]]), err=True)
    return code


def _verdict(error: BaseException) -> tuple[int, str]:
    """The exit code and the words for an exception."""
    match error:
        case LuceError():
            return error.exit_code, str(error)
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "luce"
            return 2, f"{error.format_message()}\nTry: {command} --help"
        case click.exceptions.Abort() | KeyboardInterrupt():
            return INTERRUPTED, "interrupted"
        case ModuleNotFoundError() if (error.name or "").split(".")[0] in APP_EXTRA:
            return (
                MissingExtraError.exit_code,
                f"this command needs the package {error.name!r}, which is not installed. "
                "Install it with: pip install 'luce[app]'",
            )
        case MemoryError():
            return 1, (
                f"the memory is not enough for this ({error or 'no size given'}). "
                "Use fewer rows or columns, or a computer with more memory."
            )
    return 1, (
        f"unexpected {type(error).__name__}: {error or 'no message'}\n"
        "This is a bug in luce. Please report it with the output of luce doctor, "
        "and of this command with --debug."
    )
