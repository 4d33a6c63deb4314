"""``luce inspect``: what is in a data set, or in a model."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import click

from luce.cli.terminal import figures, show_fields, show_table, talk
from luce.cli.verb import Verb, show_json, train_options

_MOST_LINES = 30  # of columns or classes on the screen; --json has them all


@click.command(
    cls=Verb,
    short_help="Show what is in DATA or in a MODEL.",
    examples=[
        "luce inspect data.csv",
        "luce inspect data.csv --target colour --ignore id,date",
        "luce inspect runs/first",
    ],
)
@click.argument("source", metavar="DATA|MODEL")
@train_options("target", "text", "ignore", "no_header", "split")
def command(
    source: str,
    target: str | None,
    text: str | None,
    ignore: str | None,
    no_header: bool | None,
    split: str | None,
    as_json: bool,
) -> None:
    """Show what is in DATA (columns, classes, missing values, leaks, the next command) or a MODEL.

    A .safetensors file or a run folder is taken for a model, all else for data.
    """
    from luce.tasks.column_lists import read_columns
    from luce.tasks.inspection import inspect_data, inspect_model
    from luce.tasks.runs import is_model

    model = is_model(source)
    if model:
        found = inspect_model(source)
    else:
        found = inspect_data(
            source,
            target=target,
            text=read_columns(text, "--text"),
            ignore=read_columns(ignore, "--ignore"),
            split=split,
            no_header=bool(no_header),
        )
    if as_json:
        show_json(found)
    elif model:
        _show_model(found)
    else:
        _show_data(found)


def _show_data(found: Mapping[str, Any]) -> None:
    for note in found["notes"]:
        talk(note)
    show_fields(
        {
            "data": f"{found['name']} ({found['kind']})",
            "rows": f"{found['rows']:,}, {found['repeated_rows']:,} of them repeated",
            "features": f"{found['features']:,}",
            "target": found["target"],
        }
    )
    _show_rows(found["columns"], "Columns")
    _show_rows(found["classes"], "Classes")
    _show_rows(found["first_rows"], "First rows")
    click.echo(f"\nNext: {found['next']}")


def _show_model(found: Mapping[str, Any]) -> None:
    training, data = found["training"], found["data"]
    show_fields(
        {
            "model": found["model"],
            "made": f"{found['created']} by luce {found['luce_version']}",
            "classes": f"{len(found['classes'])}: {', '.join(found['classes'][:_MOST_LINES])}",
            "input": _input(found),
            **(
                {} if found["layers"] is None else {"layers": " - ".join(map(str, found["layers"]))}
            ),
            "trained on": f"{data['rows']:,} rows of {data['name']}",
            "iterations" if found["layers"] is None else "epochs": training["n_iter"],
            "gap": "not proven" if training["gap"] is None else training["gap"],
            "calibration": _calibration(found["calibration"]),
            "options": ", ".join(f"{k}={v}" for k, v in found["options"].items() if v is not None),
        }
    )
    if found["metrics"]:
        show_fields(figures(found["metrics"]))
    if found["largest_coefficients"]:
        click.echo("\nLargest coefficients")
    show_fields(
        {
            name: ", ".join(f"{row['feature']} {row['coefficient']:+.3g}" for row in rows)
            for name, rows in groupby(found["largest_coefficients"], lambda row: row["class"])
        }
    )


def _calibration(facts: Mapping[str, Any] | None) -> str:
    return "none" if facts is None else f"{facts['kind']}, learnt from {facts['rows']:,} rows"


def _input(found: Mapping[str, Any]) -> str:
    features = f"{found['features']:,} features"
    if found["columns"] is not None:
        return f"{features} from the columns {', '.join(found['columns'][:_MOST_LINES])}"
    if found["image_shape"] is not None:
        return f"{features}, images of {' x '.join(map(str, found['image_shape']))}"
    return features


def _show_rows(rows: list[dict[str, Any]], title: str) -> None:
    if not rows:
        return
    columns = list(rows[0])[:_MOST_LINES]
    shown = rows[:_MOST_LINES]
    show_table(columns, [[row[column] for column in columns] for row in shown], title=title)
    if len(rows) > len(shown):
        click.echo(f"... and {len(rows) - len(shown):,} more (--json has them all)")
