"""What a model is, how good it is, and against what."""

from collections.abc import Mapping
from typing import Any

from luce.data.array_encoding import ArrayEncoding, ImageEncoding
from luce.data.encoding import Encoding
from luce.data.table_encoding import TableEncoding
from luce.data.text_encoding import TextEncoding
from luce.tasks.models import Model
from luce.tasks.reporting.record import Record

_INPUTS: Mapping[type[Encoding], str] = {
    ImageEncoding: "image",
    ArrayEncoding: "array",
    TableEncoding: "table",
    TextEncoding: "text",
}


def input_of(encoding: Encoding) -> str:
    """Return what a row is: ``"image"``, ``"array"``, ``"table"`` or ``"text"``."""
    return _INPUTS[type(encoding)]


def overview(model: Model, record: Record | None) -> dict[str, Any]:
    """Return everything but the large tables.

    Parameters
    ----------
    model : the model
    record : its run; None for a model file that lies in no run folder, of which there are only
        the figures that the file holds
    """
    metadata = model.metadata
    return {
        "classes": list(model.names),
        "input": input_of(model.encoding),
        "image_shape": None
        if model.encoding.image_shape is None
        else list(model.encoding.image_shape),
        "columns": None if model.encoding.columns is None else list(model.encoding.columns),
        "features": model.encoding.width,
        "layers": None if model.network is None else list(model.network.sizes),
        **{name: metadata[name] for name in ("estimator", "luce_version", "created", "data")},
        **{name: metadata[name] for name in ("options", "training")},
        "calibration": metadata.get("calibration"),  # files of version 1 have none
        "notes": list(model.encoding.notes),
        "figures": dict(metadata["metrics"]) if record is None else _figures(record.figures),
        "run": None if record is None else _run(record),
    }


def _figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``eval.json`` that are not tables."""
    large = ("confusion", "reliability", "classes", "per_class")
    kept = {name: value for name, value in figures.items() if name not in large}
    if (before := figures.get("uncalibrated")) is not None:
        kept["uncalibrated"] = {name: before[name] for name in ("log_loss", "calibration_error")}
    matrix = figures["confusion"]
    wrong = figures["rows"] - sum(line[i] for i, line in enumerate(matrix))
    return {**kept, "wrong": wrong}


def _run(record: Record) -> dict[str, Any]:
    return {
        "name": record.run.name,
        "config": dict(record.config),
        "environment": dict(record.environment),
        "rows_shown": record.evaluated is not None,
        "absence": record.absence,
    }
