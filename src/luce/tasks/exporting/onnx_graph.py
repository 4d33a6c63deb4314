"""An ONNX graph of plain operators: MatMul, Add, Softmax, ArgMax, Gather, and Relu of networks."""

import json
from typing import Any, NamedTuple

import numpy as np

from luce import __version__
from luce.errors import MissingExtraError
from luce.tasks.exporting.layer import Hidden, Layer

_OPSET = 17  # of 2022; every operator used is older
_IR = 8  # the version of the file format that came with it
_LABELS: dict[type, Any] = {bool: np.bool_, int: np.int64, float: np.float64, str: np.object_}


class _Node(NamedTuple):
    operator: str
    inputs: list[str]
    output: str
    options: dict[str, Any]


def _node(operator: str, inputs: list[str], output: str, **options: int) -> _Node:
    return _Node(operator, inputs, output, options)


def to_bytes(layer: Layer) -> bytes:
    """Return the graph as a file: ``features`` in, ``label`` and ``probabilities`` out.

    No operator of ai.onnx.ml is used, so every runtime can run it. Labels keep their type. Names of
    classes and features are in the metadata, as JSON.

    Raises
    ------
    MissingExtraError
        The package onnx is not installed.
    """
    try:
        from onnx import checker, helper, numpy_helper
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"export to ONNX needs the package {error.name!r}, which is not installed. "
            "Install it with: pip install 'luce[onnx]'"
        ) from error
    labels = np.asarray(layer.classes, dtype=_LABELS[type(layer.classes[0])])
    number = helper.np_dtype_to_tensor_dtype(layer.weight.dtype)
    kind = helper.np_dtype_to_tensor_dtype(labels.dtype)
    nodes, constants = _graph(layer)
    constants["classes"] = labels
    graph = helper.make_graph(
        [helper.make_node(n.operator, n.inputs, [n.output], **n.options) for n in nodes],
        "softmax_regression" if layer.hidden is None else "softmax_mlp",
        [helper.make_tensor_value_info("features", number, ["rows", layer.features])],
        [
            helper.make_tensor_value_info("label", kind, ["rows"]),
            helper.make_tensor_value_info("probabilities", number, ["rows", len(labels)]),
        ],
        [
            numpy_helper.from_array(np.ascontiguousarray(value), name)
            for name, value in constants.items()
        ],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR,
        producer_name="luce",
        producer_version=__version__,
    )
    names = {"class_names": layer.class_names, "feature_names": layer.feature_names}
    helper.set_model_props(
        model, {key: json.dumps(value, ensure_ascii=False) for key, value in names.items()}
    )
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _graph(layer: Layer) -> tuple[list[_Node], dict[str, Any]]:
    """Return the nodes from the features to label and probabilities, and their constants."""
    nodes: list[_Node] = []
    constants, inputs = {"weight": layer.weight.T, "bias": layer.bias}, "features"
    if layer.hidden is not None:
        nodes, constants = _hidden(layer.hidden, constants)
        inputs = nodes[-1].output
    nodes += _linear(inputs, "weight", "bias", "logits")
    scores = "logits"
    if layer.matrix is not None and layer.shift is not None:
        constants |= {"matrix": layer.matrix.T, "shift": layer.shift}
        nodes.append(_node("LogSoftmax", ["logits"], "log_probabilities", axis=-1))
        nodes += _linear("log_probabilities", "matrix", "shift", "calibrated")
        scores = "calibrated"
    nodes += [
        _node("Softmax", [scores], "probabilities", axis=-1),
        _node("ArgMax", [scores], "winner", axis=-1, keepdims=0),
        _node("Gather", ["classes", "winner"], "label"),
    ]
    return nodes, constants


def _hidden(hidden: Hidden, constants: dict[str, Any]) -> tuple[list[_Node], dict[str, Any]]:
    """Return the nodes of standardisation and hidden layers, and the constants with theirs."""
    constants |= {"centre": hidden.centre, "scale": hidden.scale}
    nodes = [
        _node("Sub", ["features", "centre"], "moved"),
        _node("Div", ["moved", "scale"], "hidden_0"),
    ]
    for i, (weight, bias) in enumerate(hidden.layers):
        constants |= {f"weight_{i}": weight.T, f"bias_{i}": bias}
        nodes += _linear(nodes[-1].output, f"weight_{i}", f"bias_{i}", f"sums_{i}")
        nodes.append(_node("Relu", [f"sums_{i}"], f"hidden_{i + 1}"))
    return nodes, constants


def _linear(inputs: str, weight: str, bias: str, output: str) -> list[_Node]:
    product = f"{output}_product"
    return [_node("MatMul", [inputs, weight], product), _node("Add", [product, bias], output)]
