"""``luce demo``: the whole of luce on real data, with one word."""

from pathlib import Path

import click

from luce.cli.train import train_and_show
from luce.cli.verb import Verb


@click.command(
    cls=Verb,
    short_help="Train on a named set, evaluate and report.",
    examples=["luce demo", "luce demo fashion-mnist", "luce demo iris --json"],
)
@click.argument("name", default="digits")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Run folder.  [default: runs/<name>-<time>]",
)
def command(name: str, out: Path | None, as_json: bool) -> None:
    """Train on the named set NAME (digits if none is given), evaluate and report.

    digits, iris, wine and breast_cancer need no network.
    """
    from luce.tasks.options import TrainOptions

    train_and_show(TrainOptions(data=name), out, as_json)
