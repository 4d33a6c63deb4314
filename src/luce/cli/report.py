"""``luce report``: everything about a run on one page."""

from pathlib import Path

import click

from luce.cli.verb import Verb, show_json


@click.command(
    cls=Verb,
    short_help="Write the report of a run as one HTML page.",
    examples=["luce report runs/first", "luce report runs/first -o report.html"],
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="File to write.  [default: RUN/report.html]",
)
def command(run: Path, out: Path | None, as_json: bool) -> None:
    """Write the report of RUN, the folder of a training, as one HTML page that opens offline."""
    from luce.tasks.report import write_report

    path = write_report(run, out)
    if as_json:
        show_json({"report": str(path)})
    else:
        click.echo(path)
