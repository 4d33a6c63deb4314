"""``luce predict``: the class of each row, in the order of the rows."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from luce.cli.terminal import talk
from luce.cli.verb import Verb, train_options

if TYPE_CHECKING:
    from luce.tasks.prediction import PredictionSummary


@click.command(
    cls=Verb,
    short_help="Predict the class of each row of INPUT.",
    examples=[
        "luce predict runs/first new.csv",
        "luce predict runs/first new.csv --proba -o predictions.csv",
        "luce predict runs/first new.csv --sets 0.9 --max-risk 0.05",
        "luce predict runs/first new.csv --explain -o reasons.jsonl",
        "cat new.jsonl | luce predict runs/first - --top 3 --json",
    ],
)
@click.argument("model")
@click.argument("input_", metavar="INPUT")
@train_options("no_header")
@click.option("--proba", is_flag=True, help="Add the probability of every class.")
@click.option(
    "--top", type=click.IntRange(min=1), metavar="K", help="Add the K most probable classes."
)
@click.option(
    "--sets",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="LEVEL",
    help="Add a set of classes that holds the truth with this probability, 0.9 for instance.",
)
@click.option(
    "--max-risk",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Say which rows are answered, so that at most this share of the answers is wrong.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Add what each feature adds to the lead of the answer over the next class: the three "
    "strongest in CSV, all in JSONL.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl"]),
    help="Form of the output.  [default: csv; jsonl with --json or for a .jsonl OUT]",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="File to write.  [default: stdout]"
)
def command(
    model: str,
    input_: str,
    no_header: bool | None,
    proba: bool,
    top: int | None,
    sets: float | None,
    max_risk: float | None,
    explain: bool,
    form: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Predict the class of each row of INPUT, a table, images, arrays or a named set.

    With - a CSV or JSONL table is read from stdin; for a model of one column of texts a text a
    line, unless the first line names that column or the model was trained without a header: then
    it is CSV. The rows keep their order; a long table takes no more memory than a short one.
    Labels that a spreadsheet would run as a formula get a ' in front in CSV. --sets and --max-risk
    learn from the evaluated rows of the run folder; a set is written as a|b.

    --explain takes the lead, the difference of the logits of the answer and of the class named
    under "against", apart: numbers of a table count from their mean in training, all else from
    0. Of a network the effects hold near the row.
    """
    from luce.tasks.outputs import growing_file
    from luce.tasks.prediction import Layout, predict

    if form is None:
        form = "jsonl" if as_json or (out and out.suffix == ".jsonl") else "csv"
    layout = Layout(form, proba, top or 0, sets, max_risk, explain)
    if out is None:
        _tell(predict(model, input_, sys.stdout.buffer, layout, no_header=bool(no_header)))
        return
    with growing_file(out) as file:
        summary = predict(model, input_, file, layout, no_header=bool(no_header))
    _tell(summary)
    talk(f"Predicted {summary.rows:,} rows into {out}.")


def _tell(summary: "PredictionSummary") -> None:
    from luce.tasks.evaluation import cell_notes

    for note in (*summary.promises, *cell_notes(summary.unseen, summary.missing)):
        talk(note)
