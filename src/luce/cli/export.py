"""``luce export``: a model in the form of another library."""

from pathlib import Path

import click

from luce.cli.terminal import talk
from luce.cli.verb import Verb, show_json


@click.command(
    cls=Verb,
    short_help="Write a MODEL for ONNX, scikit-learn, PyTorch or NumPy.",
    examples=[
        "luce export runs/first model.onnx",
        "luce export runs/first model.onnx --dtype float32",
        "luce export runs/first weights.safetensors --to torch",
        "luce export runs/first model.npz --json",
    ],
)
@click.argument("model")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "form",
    metavar="onnx|sklearn|torch|npz",
    help="Form of the file.  [default: by its suffix: .onnx, .py, .safetensors, .npz]",
)
@click.option(
    "--dtype", metavar="float32|float64", help="Of the weights.  [default: as in the model]"
)
def command(model: str, out: Path, form: str | None, dtype: str | None, as_json: bool) -> None:
    """Write the classifier of MODEL to OUT in the form of another library.

    \b
    onnx     features in, label and probabilities out; plain operators
    sklearn  a Python module that builds a fitted LogisticRegression
    torch    weight and bias of torch.nn.Linear, as .safetensors
    npz      coef, intercept, classes and names, for NumPy alone

    A network (--model mlp) goes --to onnx or npz.

    The file takes the features that luce computes from columns or images; how it computes them
    stays in MODEL.
    """
    from luce.tasks.model_export import export

    done = export(model, out, form=form, dtype=dtype)
    if as_json:
        show_json({**done._asdict(), "path": str(done.path)})
        return
    if done.note:
        talk(done.note)
    talk(
        f"Wrote {done.form} in {done.dtype}: {done.features:,} features, {done.classes:,} classes."
    )
    click.echo(done.path)
