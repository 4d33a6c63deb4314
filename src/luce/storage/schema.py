"""What the metadata of a model must hold, checked field by field.

The encoding is checked again, in full, by the room that understands it (``luce.data``).
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.storage.refusal import Quoted, Refusal, refuse

FORMAT = "luce-model"
FORMAT_VERSION = 3

_KINDS: dict[str, type] = {"int": int, "str": str, "bool": bool, "float": float}
_INT64 = range(-(2**63), 2**63)
_FIELDS = {
    "format", "version", "luce_version", "created", "estimator", "classes", "class_names",
    "encoding", "options", "data", "metrics", "training",
}  # fmt: skip
_FIELDS_OF_VERSION = {1: _FIELDS, 2: _FIELDS | {"calibration"}, 3: _FIELDS | {"calibration"}}
_GROUPS = ("calibration", "estimator", "mlp", "text")  # beside the weights: "calibration.NAME"
_ESTIMATORS = (
    "SoftmaxRegression", "OneVsRest", "OneVsOne", "GaussianNaiveBayes", "MultinomialNaiveBayes",
    "LinearDiscriminantAnalysis", "SoftmaxRegressionCV",
)  # fmt: skip
_WITH_MORE = _ESTIMATORS[2:]  # that need other tensors than coef and intercept
_NETWORK = "SoftmaxMLP"
_ESTIMATORS_OF_VERSION = {1: _ESTIMATORS[:1], 2: _ESTIMATORS, 3: (*_ESTIMATORS, _NETWORK)}


def check_version(metadata: object) -> None:
    """Refuse what is no luce model, and what a later luce has written. Raises Refusal."""
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        got = metadata.get("format") if isinstance(metadata, dict) else metadata
        refuse("metadata.format", f"be {FORMAT!r}", got)
    version = metadata.get("version")
    if type(version) is not int or version < 1:
        refuse("metadata.version", "be a whole number from 1", version)
    if version > FORMAT_VERSION:
        _refuse_newer(version, metadata.get("luce_version"))


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """Check every field of the file's format version. Raises Refusal naming the field."""
    _exact_fields(metadata, _FIELDS_OF_VERSION[metadata["version"]], "metadata")
    for name in ("luce_version", "created"):
        _text(metadata[name], f"metadata.{name}")
    known = _ESTIMATORS_OF_VERSION[metadata["version"]]
    if metadata["estimator"] not in known:
        refuse("metadata.estimator", f"be one of {', '.join(known)}", metadata["estimator"])
    for name in ("encoding", "options", "metrics"):
        _object(metadata[name], f"metadata.{name}")
    count = _check_classes(metadata["classes"], "metadata.classes")
    _check_class_names(metadata["class_names"], count, "metadata.class_names")
    _check_data(metadata["data"], "metadata.data")
    _check_training(metadata["training"], "metadata.training")
    if metadata.get("calibration") is not None:
        calibration = _with_fields(metadata["calibration"], {"kind"}, "metadata.calibration")
        _text(calibration["kind"], "metadata.calibration.kind")


def check_tensors(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> None:
    """Check names, shapes and values of the tensors of such a model. Raises Refusal."""
    _check_names(tensors, metadata)
    classes = len(metadata["classes"]["values"])
    coef, intercept = tensors["coef"], tensors["intercept"]
    rows = (1, 2) if classes == 2 else (classes,)  # two classes need one row only
    if metadata["estimator"] == "OneVsOne":
        rows = (classes * (classes - 1) // 2,)
    if coef.dtype.kind != "f":
        refuse("tensor coef", "be float32 or float64", Quoted(str(coef.dtype)))
    if coef.ndim != 2 or coef.shape[0] not in rows:
        wanted = f"({' or '.join(map(str, rows))}, features) for {classes} classes"
        refuse("tensor coef", f"have the shape {wanted}", coef.shape)
    if intercept.shape != coef.shape[:1]:
        refuse("tensor intercept", f"have the shape {coef.shape[:1]} as coef has", intercept.shape)
    if intercept.dtype != coef.dtype:
        refuse("tensor intercept", f"be {coef.dtype} as coef is", Quoted(str(intercept.dtype)))
    if metadata["estimator"] == _NETWORK:
        _check_layers(tensors, classes)
    for name, tensor in tensors.items():
        if tensor.dtype.kind == "f" and len(wrong := np.argwhere(~np.isfinite(tensor))):
            at = wrong[0].tolist()
            refuse(f"tensor {name}", "be finite everywhere", Quoted(f"{tensor[tuple(at)]} at {at}"))


def _check_names(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> None:
    """The weights must be there, and no tensor but those of a group that the metadata name."""
    named = {
        "calibration": metadata.get("calibration") is not None,
        "estimator": metadata["estimator"] in _WITH_MORE,
        "mlp": metadata["estimator"] == _NETWORK,
        "text": metadata["encoding"].get("kind") == "text",
    }
    for group in _GROUPS:
        if named[group] and not any(name.startswith(f"{group}.") for name in tensors):
            refuse("the tensors", f"hold {group}.NAME, as the metadata say", sorted(tensors))
    allowed = tuple(f"{group}." for group in _GROUPS if named[group])
    weights = {name for name in tensors if not (allowed and name.startswith(allowed))}
    if weights != {"coef", "intercept"}:
        besides = "".join(f" and {prefix}NAME" for prefix in allowed)
        refuse("the tensors", f"be coef and intercept{besides}", sorted(tensors))


def _check_layers(tensors: Mapping[str, NDArray[Any]], classes: int) -> None:
    """Each hidden layer must take what the one before gives, the first one the features."""
    depth = sum(name.startswith("mlp.weight.") for name in tensors)
    layers = [(f"mlp.weight.{i}", f"mlp.bias.{i}") for i in range(depth)]
    layers.append(("coef", "intercept"))
    wanted = {"coef", "intercept", "mlp.centre", "mlp.scale"}.union(*layers)
    found = {name for name in tensors if name in wanted or name.startswith("mlp.")}
    if found != wanted:
        refuse("the tensors of mlp", f"be {', '.join(sorted(wanted))}", sorted(found))
    before = tensors["mlp.centre"].shape
    if tensors["mlp.scale"].shape != before or len(before) != 1:
        refuse("tensor mlp.scale", f"have the shape {before} of mlp.centre, one axis", before)
    if not (tensors["mlp.scale"] > 0).all():
        refuse("tensor mlp.scale", "be above 0 everywhere", Quoted("a number that is not"))
    for weight, bias in layers:
        shape = tensors[weight].shape
        if len(shape) != 2 or shape[1:] != before:
            refuse(f"tensor {weight}", f"take the {before[0]} outputs before it", shape)
        if tensors[bias].shape != shape[:1] or tensors[bias].dtype != tensors["coef"].dtype:
            refuse(f"tensor {bias}", f"be {tensors['coef'].dtype} of shape {shape[:1]}", bias)
        if tensors[weight].dtype != tensors["coef"].dtype:
            refuse(f"tensor {weight}", f"be {tensors['coef'].dtype}", tensors[weight].dtype)
        before = shape[:1]
    if before != (classes,):
        refuse("tensor coef", f"have a row for each of the {classes} classes", before)


def _refuse_newer(version: int, written_by: object) -> None:
    known = isinstance(written_by, str) and re.fullmatch(r"\d+(\.\w+){1,4}", written_by, re.ASCII)
    wanted = f"'luce>={written_by}'" if known else "--upgrade luce"
    raise Refusal(
        f"metadata.version must be at most {FORMAT_VERSION} for this luce, got {version}:"
        " a later luce has written the file",
        f"Install that one: pip install {wanted}",
    )


def _check_classes(classes: object, where: str) -> int:
    _exact_fields(_object(classes, where), {"kind", "values"}, where)
    assert isinstance(classes, dict)
    if not isinstance(classes["kind"], str) or classes["kind"] not in _KINDS:
        refuse(f"{where}.kind", f"be one of {', '.join(_KINDS)}", classes["kind"])
    values = _list(classes["values"], f"{where}.values")
    for i, value in enumerate(values):
        if type(value) is not _KINDS[classes["kind"]]:
            refuse(f"{where}.values[{i}]", f"be of kind {classes['kind']}", value)
        if type(value) is int and value not in _INT64:
            refuse(f"{where}.values[{i}]", "fit into 64 bits", value)
    if len(values) < 2:
        refuse(f"{where}.values", "hold two classes or more", values)
    _distinct(values, f"{where}.values")
    return len(values)


def _check_class_names(names: object, count: int, where: str) -> None:
    if names is None:
        return
    names = _list(names, where)
    for i, name in enumerate(names):
        _text(name, f"{where}[{i}]")
    if len(names) != count:
        refuse(where, f"hold {count} names, one a class", Quoted(f"{len(names)}"))
    _distinct(names, where)


def _check_data(data: object, where: str) -> None:
    data = _with_fields(data, {"name", "fingerprint", "rows", "target"}, where)
    _text(data["name"], f"{where}.name")
    _text(data["fingerprint"], f"{where}.fingerprint")
    _count(data["rows"], f"{where}.rows")
    if data["target"] is not None:
        _text(data["target"], f"{where}.target")


def _check_training(training: object, where: str) -> None:
    training = _with_fields(training, {"n_iter", "gap", "converged"}, where)
    _count(training["n_iter"], f"{where}.n_iter")
    if training["gap"] is not None and type(training["gap"]) not in (int, float):
        refuse(f"{where}.gap", "be a number or null", training["gap"])
    if type(training["converged"]) is not bool:
        refuse(f"{where}.converged", "be true or false", training["converged"])


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        refuse(where, "be an object", value)
    return value


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        refuse(where, "be a list", value)
    return list(value)


def _text(value: object, where: str) -> None:
    if not isinstance(value, str):
        refuse(where, "be text", value)


def _count(value: object, where: str) -> None:
    if type(value) is not int or value < 0:
        refuse(where, "be a whole number from 0", value)


def _with_fields(value: object, names: set[str], where: str) -> dict[str, Any]:
    tree = _object(value, where)
    missing = sorted(names - tree.keys())
    if missing:
        refuse(where, f"have the field {missing[0]!r}", sorted(tree))
    return tree


def _exact_fields(value: Mapping[str, Any], names: set[str], where: str) -> None:
    unknown = sorted(_with_fields(value, names, where).keys() - names)
    if unknown:
        refuse(where, f"have no field but {', '.join(sorted(names))}", unknown[0])


def _distinct(values: list[Any], where: str) -> None:
    seen = set()
    for value in values:
        if value in seen:
            refuse(where, "hold no value twice", value)
        seen.add(value)
