"""The Open Inference Protocol, version 2, which KServe, Triton and others speak.

Source: github.com/kserve/open-inference-protocol, specification of the REST interface; binary
tensors as its extension ``binary_tensor_data`` has them. Errors are ``{"error": text}`` here.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from luce import __version__
from luce.data import ImageEncoding, Kind, TableEncoding, TextEncoding
from luce.server.api.bodies import parse_json, require_rows
from luce.server.api.served import Served
from luce.server.api.tensors import BYTES, Tensor, asked, read_tensors, refuse, to_binary, to_json
from luce.tasks.crowds import Probabilities, Rows

VERSION = "1"  # a model file has no versions; a replaced one is the model
INPUT = "X"
OUTPUTS = ("predictions", "probabilities")
_HEADER = "Inference-Header-Content-Length"
_BY_KIND = {Kind.NUMBER: "FP64", Kind.BOOLEAN: "BOOL"}


class Inference(NamedTuple):
    """A request: its rows, and what the answer is to hold."""

    rows: Rows
    id: str | None
    outputs: list[tuple[str, bool]]  # names, and whether in binary form


def server_metadata() -> dict[str, Any]:
    """Return what the server is."""
    return {"name": "luce", "version": __version__, "extensions": ["binary_tensor_data"]}


def model_metadata(served: Served) -> dict[str, Any]:
    """Return names, datatypes and shapes of what the model takes and gives."""
    p = "FP32" if served.dtype == np.float32 else "FP64"
    return {
        "name": served.name,
        "versions": [VERSION],
        "platform": "luce",
        "inputs": _inputs(served),
        "outputs": [
            {"name": "predictions", "datatype": BYTES, "shape": [-1]},
            {"name": "probabilities", "datatype": p, "shape": [-1, len(served.labels)]},
        ],
    }


def read_inference(body: bytes, header: int | None, served: Served, most: int) -> Inference:
    """Return the rows of a request; `header` is the length of its JSON where bytes follow.

    Raises
    ------
    Refused
        400 for what breaks the protocol, 413 for too many rows.
    """
    if header is not None and not 0 <= header <= len(body):
        refuse(f"{_HEADER} must be at most the length of the body.")
    tree = parse_json(body if header is None else body[:header])
    if not isinstance(tree, dict):
        refuse("The body must be an object with inputs.")
    binary = b"" if header is None else body[header:]
    tensors = read_tensors(tree.get("inputs"), binary)
    id, parameters = tree.get("id"), tree.get("parameters", {})
    if not isinstance(id, str | None) or not isinstance(parameters, dict):
        refuse("id must be a text and parameters an object.")
    every = parameters.get("binary_data_output", False) is True
    outputs = [
        (name, own.get("binary_data", every) is True)
        for name, own in asked(tree.get("outputs"), OUTPUTS)
    ]
    rows = _array(tensors, served) if served.columns is None else _frame(tensors, served.columns)
    return Inference(require_rows(rows, most), id, outputs)


def inference_answer(
    served: Served, p: Probabilities, request: Inference
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Return the body of an answer, and its headers."""
    trees, pieces = [], []
    for name, binary in request.outputs:
        tensor = _output(served, p, name)
        if binary:
            tree, data = to_binary(tensor)
            pieces.append(data)
        else:
            tree = to_json(tensor)
        trees.append(tree)
    answer: dict[str, Any] = {"model_name": served.name, "model_version": VERSION}
    if request.id is not None:
        answer["id"] = request.id
    head = json.dumps({**answer, "outputs": trees}, ensure_ascii=False, allow_nan=False).encode()
    if not any(binary for _, binary in request.outputs):
        return head, [(b"content-type", b"application/json")]
    return b"".join([head, *pieces]), [
        (b"content-type", b"application/octet-stream"),
        (_HEADER.lower().encode(), str(len(head)).encode()),
    ]


def _output(served: Served, p: Probabilities, name: str) -> Tensor:
    if name == "predictions":
        names = served.model.names
        return Tensor(name, BYTES, (len(p),), [names[code] for code in p.argmax(axis=1)])
    datatype = "FP32" if p.dtype == np.float32 else "FP64"
    return Tensor(name, datatype, p.shape, p.reshape(-1))


def _inputs(served: Served) -> list[dict[str, Any]]:
    encoding = served.model.encoding
    if served.columns is None:
        pixels = isinstance(encoding, ImageEncoding) and encoding.scale == 255
        datatype = "UINT8" if pixels else "FP64"
        return [{"name": INPUT, "datatype": datatype, "shape": [-1, *served.shape]}]
    kinds = column_kinds(encoding)
    return [
        {"name": name, "datatype": _BY_KIND.get(kinds[name], BYTES), "shape": [-1]}
        for name in served.columns
    ]


def column_kinds(encoding: Any) -> Mapping[str, Kind]:
    """Return the kind of each column of a model that reads tables."""
    if isinstance(encoding, TextEncoding):
        rest = {} if encoding.table is None else column_kinds(encoding.table)
        return {**dict.fromkeys((part.name for part in encoding.texts), Kind.WORDS), **rest}
    assert isinstance(encoding, TableEncoding), "all others read arrays"
    return {part.name: part.kind for part in encoding.parts}


def _array(tensors: list[Tensor], served: Served) -> Rows:
    (one,) = tensors if len(tensors) == 1 else refuse(f"There must be one input, {INPUT!r}.")
    if one.name != INPUT or isinstance(one.values, list) or one.datatype == "BOOL":
        refuse(f"The input must be called {INPUT!r} and hold numbers.")
    if one.shape[1:] not in (served.shape, (served.width,)):
        refuse(f"The shape must be {[-1, *served.shape]}, got {list(one.shape)}.")
    kept = one.datatype in ("UINT8", "FP32")
    values = one.values if kept else one.values.astype(np.float64)
    return values.reshape(one.shape[0], served.width)


def _frame(tensors: list[Tensor], columns: tuple[str, ...]) -> Rows:
    rows = tensors[0].shape[0]
    for one in tensors:
        if one.name not in columns:
            refuse(f"The inputs are {', '.join(columns)[:500]}, got {one.name[:60]!r}.")
        if one.shape not in ((rows,), (rows, 1)):
            refuse(f"Every input must have the shape [{rows}], got {list(one.shape)}.")
    return pl.DataFrame([_series(one) for one in tensors])


def _series(tensor: Tensor) -> pl.Series:
    if isinstance(tensor.values, list):
        return pl.Series(tensor.name, tensor.values, dtype=pl.String)
    values = tensor.values
    return pl.Series(tensor.name, values.astype(np.float32) if values.dtype == "<f2" else values)
