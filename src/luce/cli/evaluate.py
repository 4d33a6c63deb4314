"""``luce evaluate``: the figures of merit of a model on labelled rows."""

import click

from luce.cli.terminal import figures, show_fields, show_table, talk
from luce.cli.verb import Verb, show_json, train_options


@click.command(
    cls=Verb,
    short_help="Measure a model on DATA, with intervals.",
    examples=[
        "luce evaluate runs/first test.csv",
        "luce evaluate runs/first/model.safetensors fashion-mnist --json",
    ],
)
@click.argument("model")
@click.argument("data")
@train_options("target", "no_header", "split")
def command(
    model: str,
    data: str,
    target: str | None,
    no_header: bool | None,
    split: str | None,
    as_json: bool,
) -> None:
    """Measure MODEL on the labelled rows of DATA, each figure with its 95 % interval.

    A named set with a standard test split is measured on that, unless --split says otherwise.
    """
    from luce.tasks.evaluation import evaluate

    evaluation = evaluate(model, data, target=target, split=split, no_header=bool(no_header))
    for note in evaluation.notes:
        talk(note)
    found = evaluation.figures
    if as_json:
        show_json(found)
        return
    show_fields({"rows": f"{found['rows']:,}", **figures(found)})
    columns = ("class", "precision", "recall", "f1", "support")
    rows = [[row[name] for name in columns] for row in found["per_class"]]
    show_table(columns, rows, title="Per class", decimals=4)
