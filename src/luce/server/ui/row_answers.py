"""What the Predict page is answered: a form, a row, probabilities with their reasons, flips."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data import Encoded
from luce.errors import ParameterError
from luce.server.ui.opened import Opened, evaluated_rows
from luce.server.ui.single_rows import features_of, image_of, sample_of
from luce.tasks.computable import require_numbers
from luce.tasks.explaining.effects import Explanation, explain
from luce.tasks.explaining.flips import flips
from luce.tasks.explaining.nearest import nearest_change
from luce.tasks.explaining.words import word_losses
from luce.tasks.models import Model
from luce.tasks.viewing.examples import dark_ground
from luce.tasks.viewing.form import spans, to_json
from luce.tasks.viewing.missing import Missing, missing_cells
from luce.tasks.viewing.overview import input_of
from luce.tasks.viewing.pixels import image as image_tree
from luce.tasks.viewing.pixels import pixels_of, signed

_MOST_EFFECTS = 40


def form(opened: Opened) -> dict[str, Any]:
    """Return what a row consists of, with values to start from."""
    model, record = opened.model, opened.record
    shape = model.encoding.image_shape
    evaluated = None if record is None else record.evaluated
    return {
        "classes": list(model.names),
        "input": input_of(model.encoding),
        "linear": model.linear is not None,
        "calibration": None if model.calibration is None else model.calibration.facts["kind"],
        "fields": [to_json(field) for field in opened.fields],
        "image_shape": None if shape is None else list(shape),
        "scale": model.encoding.to_json().get("scale"),  # what a white pixel is in the data
        "dark_ground": shape is not None and (evaluated is None or dark_ground(evaluated.features)),
        "samples": 0 if evaluated is None else len(evaluated),
    }


def sample(opened: Opened, position: int) -> dict[str, Any]:
    """Return an evaluated row as the form takes it."""
    record = evaluated_rows(opened)
    assert record.evaluated is not None, "evaluated_rows says so"
    seen = record.predictions
    if position >= len(seen.rows):
        raise ParameterError(
            f"position must be below the number of evaluated rows, {len(seen.rows)}, got"
            f" {position}. Pass a smaller one."
        )
    return {
        "position": position,
        "row": int(seen.rows[position]),
        "true": int(seen.labels[position]),
        "input": sample_of(record.evaluated, position),
    }


def prediction(opened: Opened, body: dict[str, Any]) -> dict[str, Any]:
    """Return probabilities, and what each feature adds to the lead of the answer."""
    model = opened.model
    row = features_of(model.encoding, body)
    against, reference = body.get("against"), str(body.get("reference", "zero"))
    if not isinstance(against, int | None) or isinstance(against, bool):
        raise ParameterError(
            f"against must be the number of a class or null, got {against!r}. Leave it out."
        )
    encoded, p = _answered(model, row)
    if against == p[0].argmax():
        against = None  # while a row is changed, the class to compare with may become the answer
    why = explain(model, row, against=against, reference=reference)
    return {
        "probabilities": why.probabilities.tolist(),
        **{name: getattr(why, name) for name in ("answer", "against", "lead", "offset", "linear")},
        "unseen": list(encoded.unseen),
        "missing": [cell._asdict() for cell in _missing(opened, row)],
        **_effects(opened, row, why),
    }


def _answered(model: Model, row: Any) -> tuple[Encoded, NDArray[Any]]:
    """The row encoded, and its probabilities, which are numbers."""
    encoded = model.encoding.apply(row, where="the row")
    p = model.probabilities(encoded.X)
    require_numbers(p, encoded.X, model.encoding, "the row")
    return encoded, p


def _missing(opened: Opened, row: Any) -> list[Missing]:
    return missing_cells(opened.model.encoding, row) if isinstance(row, pl.DataFrame) else []


def _effects(opened: Opened, row: Any, why: Explanation) -> dict[str, Any]:
    """A map for an image; else the strongest effects, and what each word of a text does."""
    encoding = opened.model.encoding
    if encoding.image_shape is not None:
        effects = pixels_of(why.effects, encoding.image_shape)
        top = float(np.abs(effects).max())
        return {"effects": [], "rest": 0.0, "map": signed(effects, top), "words": {}}
    strongest = why.strongest(encoding, _MOST_EFFECTS)
    texts = [field.name for field in opened.fields if field.kind == "text"]
    return {
        "effects": [effect._asdict() for effect in strongest],
        "rest": float(why.effects.sum()) - sum(effect.logit for effect in strongest),
        "map": None,
        "words": {
            name: [
                word._asdict()
                for word in word_losses(opened.model, row, name, why.answer, why.against)
            ]
            for name in texts
        },
    }


def changes(opened: Opened, body: dict[str, Any]) -> dict[str, Any]:
    """Return the smallest changes that change the answer."""
    model = opened.model
    row = features_of(model.encoding, body)
    _answered(model, row)
    shape = model.encoding.image_shape
    if shape is None:
        found = flips(model, row, spans(opened.fields))
        return {"flips": [asdict(flip) for flip in found], "nearest": None}
    near = nearest_change(model, row)
    if near is None:
        return {"flips": [], "nearest": None}
    change = pixels_of(near.change, shape)
    kept = {name: getattr(near, name) for name in ("distance", "answer", "probability", "exact")}
    return {
        "flips": [],
        "nearest": {
            **kept,
            "image": image_tree(near.features.reshape(shape), 1.0),
            "change": signed(change, float(np.abs(change).max())),
            "largest": float(np.abs(near.change).max()),
        },
    }


def dropped_image(opened: Opened, path: Path) -> dict[str, Any]:
    """Return an image file in the size and the colours of the model."""
    return image_of(opened.model.encoding, path)
