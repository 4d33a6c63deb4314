"""What every verb shares: ``--json``, ``--debug``, examples in the help, the table of options."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import click

from luce.tasks.option import Option
from luce.tasks.options import OPTIONS

INTERRUPTED = 130  # the exit code of a command that Ctrl-C ended, as shells have it


class Verb(click.Command):
    """A command with ``--json`` and ``--debug``, whose help ends with examples."""

    def __init__(self, *args: Any, examples: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.context_settings = {"help_option_names": ["-h", "--help"], **self.context_settings}
        self.params += [
            click.Option(["--json", "as_json"], is_flag=True, help="Print JSON on stdout."),
            click.Option(
                ["--debug"], is_flag=True, expose_value=False, help="Show the traceback of errors."
            ),
        ]

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # click would make it a failure; see luce.cli.app.run
            raise ClosedPipe from error

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example}\n")  # never wrapped: it is to be copied


class ClosedPipe(Exception):
    """The reader of our output went away, as ``| head`` does when it has seen enough."""


def train_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the flags of the option table, all but DATA or just those named."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names or [name for name in OPTIONS if name != "data"]):
            function = _flag(OPTIONS[name])(function)
        return function

    return decorate


def _flag(option: Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """One row of the table as a flag; its default stays None, so that a config file can fill it."""
    if option.kind is bool:
        help = option.limits.help
        return click.option(option.flag, option.name, is_flag=True, default=None, help=help)
    default = "" if option.default is None else f"  [default: {option.default}]"
    kinds: dict[type, click.ParamType[Any]] = {
        int: click.INT,
        float: click.FLOAT,
        str: click.STRING,
    }
    bare: dict[str, Any] = {}
    if option.limits.bare is not None:
        bare = {"is_flag": False, "flag_value": option.limits.bare}
    return click.option(
        option.flag,
        option.name,
        type=kinds[option.kind],  # choices are checked by the table, with a did-you-mean
        metavar="|".join(option.limits.choices) or option.limits.metavar,
        **bare,
        help=option.limits.help
        + (f" ({option.limits.range})" if option.limits.range else "")
        + default,
    )


def show_json(tree: Any) -> None:
    """Print one JSON object on one line of stdout."""
    click.echo(json.dumps(tree, ensure_ascii=False, allow_nan=False))
