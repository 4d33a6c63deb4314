"""Small valid models, and a safetensors writer that can write what no library would."""

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]
KINDS = {"float32": "F32", "float64": "F64", "uint8": "U8", "int32": "I32"}


def metadata(**changes: Any) -> dict[str, Any]:
    """Metadata of a model of three classes, with some fields changed."""
    return {
        "format": "luce-model",
        "version": 1,
        "luce_version": "0.1.0",
        "created": "2026-11-21T01:30:00Z",
        "estimator": "SoftmaxRegression",
        "classes": {"kind": "str", "values": ["ant", "bee", "cat"]},
        "class_names": None,
        "encoding": {"kind": "array", "width": 4},
        "options": {"C": 1.0, "solver": "auto", "seed": 0},
        "data": {"name": "toy", "fingerprint": "sha256:0", "rows": 12, "target": "y"},
        "metrics": {"accuracy": 0.5},
        "training": {"n_iter": 3, "gap": 1e-5, "converged": True},
    } | changes


def tensors(dtype: str = "float64", seed: int = 0) -> Tensors:
    """Weights of three classes and four features."""
    rng = np.random.default_rng(seed)
    return {"coef": rng.normal(size=(3, 4)).astype(dtype), "intercept": np.zeros(3, dtype)}


def sealed(meta: Any, weights: Tensors) -> str:
    """The metadata's JSON with the digest that docs/model_file.md describes."""
    text = json.dumps({"sha256": "0" * 64} | meta)
    sha = hashlib.sha256(text.encode())
    for name, tensor in sorted(weights.items()):
        kind = KINDS.get(tensor.dtype.name, "I64")
        sha.update(f"\0{name}\0{kind}\0{list(tensor.shape)}\0".encode() + tensor.tobytes())
    return text.replace("0" * 64, sha.hexdigest(), 1)


def entries(weights: Tensors) -> dict[str, Any]:
    """The header's entries of tensors that lie side by side."""
    result, begin = {}, 0
    for name, tensor in weights.items():
        end = begin + tensor.nbytes
        kind = KINDS.get(tensor.dtype.name, "I64")
        shape, offsets = list(tensor.shape), [begin, end]
        result[name] = {"dtype": kind, "shape": shape, "data_offsets": offsets}
        begin = end
    return result


def container(header: str | bytes, body: bytes = b"", length: int | None = None) -> bytes:
    """Header and body as a safetensors file, however wrong they are."""
    raw = header.encode() if isinstance(header, str) else header
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + body


def model_bytes(
    meta: Any = None, weights: Tensors | None = None, *, text: str | None = None, **header: Any
) -> bytes:
    """A whole model file; ``text`` replaces the metadata's JSON, ``header`` adds entries."""
    weights = tensors() if weights is None else weights
    text = sealed(metadata() if meta is None else meta, weights) if text is None else text
    tree: dict[str, Any] = {"__metadata__": {"luce": text}}
    tree |= entries(weights) | header
    return container(json.dumps(tree), b"".join(t.tobytes() for t in weights.values()))
