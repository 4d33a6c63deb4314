"""How things look: tables and fields on stdout, talk on stderr, nothing that could harm a terminal.

rich draws on a terminal; into a file or a pipe the same tables come out as plain aligned text.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from rich.console import Console

_WIDER_THAN_ANY_LINE = 100_000  # a pipe has no width to wrap at


def printable(text: object) -> str:
    r"""Escape what could steer a terminal or hide text: control and direction characters.

    >>> print(printable("red\x1b[2J \u202eevil"))
    red\x1b[2J \u202eevil
    """
    return "".join(
        ch if ch.isprintable() else ch.encode("unicode_escape").decode() for ch in str(text)
    )


def talk(message: str) -> None:
    """Say something that is not a result: one line on stderr."""
    click.echo(printable(message), err=True)


def console(stream: TextIO | None = None) -> "Console":
    """Return a rich console that neither wraps nor colours where there is no terminal."""
    from rich.console import Console

    stream = stream or sys.stdout
    return Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        width=None if stream.isatty() else _WIDER_THAN_ANY_LINE,
    )


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    decimals: int | None = None,
) -> None:
    """Print a table on stdout; columns of numbers are set to the right.

    ``decimals`` is how many of them every fraction gets; without it, what it takes.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = [list(row) for row in rows]
    table = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False)
    for index, column in enumerate(columns):
        numbers = all(isinstance(row[index], int | float | None) for row in rows)
        table.add_column(Text(printable(column)), justify="right" if numbers else "left")
    for row in rows:
        table.add_row(*(Text(_cell(cell, decimals)) for cell in row))
    if title:
        click.echo(f"\n{printable(title)}")
    _print(table)


def show_fields(fields: Mapping[str, object]) -> None:
    """Print names and values in two columns on stdout."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for name, value in fields.items():
        table.add_row(Text(name, style="bold"), Text(_cell(value)))
    _print(table)


def _print(renderable: Any) -> None:
    """Print through rich, without the blank lines and blanks that fill a table."""
    screen = console()
    with screen.capture() as captured:
        screen.print(renderable)
    for line in captured.get().splitlines():
        if line.strip():
            click.echo(line.rstrip())


def _cell(value: object, decimals: int | None = None) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if decimals is None else f"{value:.{decimals}f}"
    return printable("" if value is None else value)


def interval(figure: Mapping[str, float]) -> str:
    """Write a figure of merit with its 95 % interval: ``0.967  [0.941, 0.982]``."""
    return f"{figure['value']:.4f}  [{figure['low']:.4f}, {figure['high']:.4f}]"


def figures(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return the headline figures of an evaluation, the majority class beside them, as fields."""
    baseline = metrics["baseline"]
    return {
        "accuracy": f"{interval(metrics['accuracy'])}  "
        f"(always answering {baseline['class']}: {baseline['accuracy']['value']:.4f})",
        "log loss": f"{interval(metrics['log_loss'])}  "
        f"(class shares: {baseline['log_loss']['value']:.4f})",
        "calibration error": interval(metrics["calibration_error"]),
    }
