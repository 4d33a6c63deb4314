"""``luce softmax``: see what the softmax makes of a few numbers."""

import math
import re
import sys
from collections.abc import Iterable, Iterator

import click

from luce.cli.terminal import show_fields, show_table
from luce.cli.verb import Verb, show_json
from luce.errors import DataError, ParameterError


class NumbersVerb(Verb):
    """A verb whose arguments may be negative numbers: ``-3`` is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        takes_value = {
            name
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }
        cut = args.index("--") if "--" in args else len(args)
        options: list[str] = []
        numbers: list[str] = []
        previous = ""
        for arg in args[:cut]:
            is_number = previous not in takes_value and _is_number(arg)
            (numbers if is_number else options).append(arg)
            previous = arg
        numbers += args[cut + 1 :]
        return super().parse_args(ctx, [*options, "--", *numbers] if numbers else options)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@click.command(
    cls=NumbersVerb,
    short_help="Show the softmax of NUMBERS.",
    examples=[
        "luce softmax 2.0 1.0 0.1",
        "luce softmax -3 2 -1 0 -T 0.5",
        "printf '1 2 3\\n4 5 6\\n' | luce softmax - --json",
    ],
)
@click.argument("numbers", nargs=-1)
@click.option(
    "-T",
    "--temperature",
    type=click.FLOAT,
    default=1.0,
    show_default=True,
    help="Divides the logits.",
)
def command(numbers: tuple[str, ...], temperature: float, as_json: bool) -> None:
    """Show probabilities, log-probabilities and entropy (in nats) of NUMBERS.

    With - the numbers come from stdin, one row of logits a line, apart by blanks or commas.
    """
    from luce.tasks.logits import describe_logits

    for index, logits in enumerate(_rows(numbers)):
        summary = describe_logits(logits, temperature=temperature)
        columns = (logits, summary.probabilities.tolist(), summary.log_probabilities.tolist())
        if as_json:
            names = ("logits", "probabilities", "log_probabilities")
            lists = {name: _finite(column) for name, column in zip(names, columns, strict=True)}
            show_json({**lists, "entropy": _finite([summary.entropy])[0]})
            continue
        if index:
            click.echo()
        show_table(("logit", "probability", "log-probability"), list(zip(*columns, strict=True)))
        show_fields({"entropy": summary.entropy})


def _rows(numbers: tuple[str, ...]) -> Iterator[list[float]]:
    if numbers != ("-",):
        yield [_number(text) for text in numbers]
        return
    for line_number, line in enumerate(sys.stdin, start=1):
        words = re.split(r"[\s,;]+", line.strip().strip("[]"))
        if words != [""]:
            yield _line(words, line_number)


def _line(words: Iterable[str], line_number: int) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError as error:
        raise DataError(
            f"stdin must hold numbers, one row of logits a line, but on line {line_number}: "
            f"{error}. Correct that line."
        ) from None


def _number(text: str) -> float:
    if _is_number(text):
        return float(text)
    raise ParameterError(
        f"the arguments of luce softmax must be numbers, got {text!r}. "
        "For instance: luce softmax 2.0 1.0 0.1, or - to read them from stdin."
    )


def _finite(numbers: list[float]) -> list[float | None]:
    """JSON has no infinity and no NaN: they become null."""
    return [number if math.isfinite(number) else None for number in numbers]
