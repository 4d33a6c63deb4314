"""Write a model in the form of another library."""

from pathlib import Path
from typing import NamedTuple

from luce.errors import ParameterError
from luce.storage import write_atomically
from luce.tasks.exporting import numpy_file, onnx_graph, sklearn_script, torch_layer
from luce.tasks.exporting.layer import Layer, layer
from luce.tasks.models import Model, load_model

SUFFIXES = {"onnx": ".onnx", "sklearn": ".py", "torch": ".safetensors", "npz": ".npz"}
DTYPES = ("float32", "float64")
_LINEAR = ("sklearn", "torch")  # hold weights and bias, and nothing after them


class Export(NamedTuple):
    """What was written, and what stays to be done by whoever uses it."""

    path: Path
    form: str
    dtype: str
    features: int
    classes: int
    note: str


def export(
    model: str | Path, out: str | Path, *, form: str | None = None, dtype: str | None = None
) -> Export:
    """Write the classifier of a model file in the form of another library.

    What is written leads from the features, as `luce` computes them from raw columns or images,
    to probabilities: the linear part with its softmax, or a network with all its layers. The
    encoding stays in the model file.

    Parameters
    ----------
    model : path of a model file or a run folder
    out : the file to write
    form : "onnx", "sklearn", "torch" or "npz"; without it the suffix of ``out`` decides
    dtype : "float32" or "float64"; without it that of the model

    Returns
    -------
    Export

    Raises
    ------
    ParameterError
        The form or the dtype is unknown, or the form cannot hold hidden layers or the calibration.
    ModelFileError
        The model cannot be loaded.
    MissingExtraError
        A package that the form needs is not installed.
    WriteError
        The file cannot be written; an older one is untouched.
    """
    target = Path(out)
    form = form or _form_of(target)
    if form not in SUFFIXES:
        raise ParameterError(
            f"the form must be one of {', '.join(SUFFIXES)}, got {form!r}. Pass one of these."
        )
    fitted = load_model(model)
    linear = layer(fitted)
    _check_linear(linear, form)
    dtype = dtype or linear.weight.dtype.name
    if dtype not in DTYPES:
        raise ParameterError(
            f"the dtype must be one of {', '.join(DTYPES)}, got {dtype!r}. Pass one of these."
        )
    write_atomically(target, _content(fitted, linear.astype(dtype), form, dtype))
    k = len(linear.classes)
    return Export(target, form, dtype, linear.features, k, _note(fitted))


def _form_of(target: Path) -> str:
    for form, suffix in SUFFIXES.items():
        if target.suffix.lower() == suffix:
            return form
    raise ParameterError(
        f"the file's suffix must tell the form ({', '.join(SUFFIXES.values())}), got"
        f" {str(target)!r}. Name the form: --to {'|'.join(SUFFIXES)}."
    )


def _content(model: Model, linear: Layer, form: str, dtype: str) -> bytes:
    match form:
        case "onnx":
            return onnx_graph.to_bytes(linear)
        case "torch":
            return torch_layer.to_bytes(linear)
        case "npz":
            return numpy_file.to_bytes(linear)
    return sklearn_script.to_bytes(model, dtype)


def _check_linear(linear: Layer, form: str) -> None:
    if linear.hidden is not None and form in _LINEAR:
        raise ParameterError(
            f"a model for {form} must be linear, got a network. Export it --to onnx or npz,"
            " or train one with --model linear."
        )
    if linear.matrix is not None and form in _LINEAR:
        raise ParameterError(
            f"a model for {form} must be linear, got one whose calibration is not (vector or"
            " matrix). Export it --to onnx or npz, or train it with a temperature, or without."
        )


def _note(model: Model) -> str:
    """Say what the exported classifier expects, where that is not the raw input."""
    encoding = model.encoding
    if encoding.columns is not None:
        source = f"the columns {', '.join(encoding.columns[:5])}"
        source += ", ..." if len(encoding.columns) > 5 else ""
    elif encoding.image_shape is not None:
        source = f"images of {' x '.join(map(str, encoding.image_shape))}"
    else:
        return ""
    return (
        f"The file takes the {len(encoding.feature_names)} features that luce computes from"
        f" {source}; the encoding is not in it (feature_names tells them in order)."
    )
