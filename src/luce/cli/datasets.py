"""``luce datasets``: what can be named in place of a file."""

from dataclasses import asdict

import click

from luce.cli.terminal import show_table
from luce.cli.verb import Verb, show_json


@click.command(
    cls=Verb,
    short_help="List the named data sets.",
    examples=["luce datasets", "luce datasets --json"],
)
def command(as_json: bool) -> None:
    """List the data sets that can be named in place of a file."""
    from luce.data import named_sets

    sets = [asdict(info) for info in named_sets()]
    if as_json:
        show_json(sets)
        return
    columns = ("name", "rows", "features", "classes", "kind", "about")
    show_table(columns, [[info[column] for column in columns] for info in sets])
