"""An ONNX graph of plain operators: MatMul, Add, Softmax, ArgMax, Gather (and LogSoftmax)."""

import json
from typing import Any

import numpy as np

from luce import __version__
from luce.errors import MissingExtraError
from luce.tasks.exporting.layer import Layer

_OPSET = 17  # of 2022; every operator used is older
_IR = 8  # the version of the file format that came with it
_LABELS: dict[type, Any] = {bool: np.bool_, int: np.int64, float: np.float64, str: np.object_}


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
    k, d = layer.weight.shape
    labels = np.asarray(layer.classes, dtype=_LABELS[type(layer.classes[0])])
    number = helper.np_dtype_to_tensor_dtype(layer.weight.dtype)
    kind = helper.np_dtype_to_tensor_dtype(labels.dtype)
    constants = {"weight": layer.weight.T, "bias": layer.bias, "classes": labels}
    calibration, scores = [], "logits"
    if layer.matrix is not None and layer.shift is not None:
        constants |= {"matrix": layer.matrix.T, "shift": layer.shift}
        calibration, scores = (
            [
                helper.make_node("LogSoftmax", ["logits"], ["log_probabilities"], axis=-1),
                helper.make_node("MatMul", ["log_probabilities", "matrix"], ["mixed"]),
                helper.make_node("Add", ["mixed", "shift"], ["calibrated"]),
            ],
            "calibrated",
        )
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "weight"], ["products"]),
            helper.make_node("Add", ["products", "bias"], ["logits"]),
            *calibration,
            helper.make_node("Softmax", [scores], ["probabilities"], axis=-1),
            helper.make_node("ArgMax", [scores], ["winner"], axis=-1, keepdims=0),
            helper.make_node("Gather", ["classes", "winner"], ["label"]),
        ],
        "softmax_regression",
        [helper.make_tensor_value_info("features", number, ["rows", d])],
        [
            helper.make_tensor_value_info("label", kind, ["rows"]),
            helper.make_tensor_value_info("probabilities", number, ["rows", k]),
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
