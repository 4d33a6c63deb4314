"""What a model has learnt: pictures of weights for images, else the largest coefficients."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.tasks.models import Model
from luce.tasks.reporting.feature_rows import spread_of
from luce.tasks.reporting.mistakes import class_rows
from luce.tasks.reporting.record import Record
from luce.tasks.viewing.pixels import signed

Floats = NDArray[np.floating[Any]]

_MOST_PICTURES = 24
_MOST_FEATURES = 15
_MOST_UNITS = 24
_FULL = 0.995  # quantile that gets the full colour: a single pixel must not pale all others


def weights(
    model: Model, record: Record | None, *, page: int = 0, classes: int = 12
) -> dict[str, Any]:
    """Return the weights of some classes, or of the units of a network's first layer.

    Of images they are pictures on one scale; of texts and tables the features with the largest
    weights for and against each class, per standard deviation of the feature where the evaluated
    rows are to be had, so that units do not matter.
    """
    if model.network is not None:
        return _units(model, model.network.network.weights[0])
    assert model.linear is not None, "a model is linear or a network"
    coef = class_rows(model.linear.coef_)
    first = page * classes
    chosen = range(len(coef))[first : first + classes]
    shape = model.encoding.image_shape
    paging = {"page": page, "pages": -(-len(coef) // classes), "of": "classes"}
    if shape is not None:
        images = coef.reshape(len(coef), shape[0], shape[1], -1).mean(axis=3)
        top = _top(images)
        pictures = [{"class": code, "image": signed(images[code], top)} for code in chosen]
        return {"kind": "images", "items": pictures, **paging}
    spread = _spread(model, record)
    names = model.encoding.feature_names
    lists = [
        {"class": code, **_strongest(coef[code] if spread is None else coef[code] * spread, names)}
        for code in chosen
    ]
    return {"kind": "lists", "items": lists, "per_deviation": spread is not None, **paging}


def _units(model: Model, first: Floats) -> dict[str, Any]:
    """The units with the largest weights (d, h) of standardised features."""
    size = np.linalg.norm(first, axis=0)
    order = np.argsort(-size, kind="stable")[:_MOST_UNITS].tolist()
    paging = {"page": 0, "pages": 1, "of": "units", "units": first.shape[1]}
    shape = model.encoding.image_shape
    if shape is not None:
        images = first.T.reshape(first.shape[1], shape[0], shape[1], -1)[order].mean(axis=3)
        top = _top(images)
        pictures = [
            {"unit": unit, "image": signed(picture, top)}
            for unit, picture in zip(order, images, strict=True)
        ]
        return {"kind": "images", "items": pictures, **paging}
    names = model.encoding.feature_names
    lists = [{"unit": unit, **_strongest(first[:, unit], names)} for unit in order]
    return {"kind": "lists", "items": lists, "per_deviation": True, **paging}


def _strongest(row: Floats, names: tuple[str, ...]) -> dict[str, Any]:
    order = np.argsort(row, kind="stable")
    above = [i for i in order[::-1][:_MOST_FEATURES] if row[i] > 0]
    below = [i for i in order[:_MOST_FEATURES] if row[i] < 0]
    return {
        "for": [{"feature": names[i], "weight": float(row[i])} for i in above],
        "against": [{"feature": names[i], "weight": float(row[i])} for i in below],
    }


def _spread(model: Model, record: Record | None) -> NDArray[np.float64] | None:
    """Standard deviation of each feature over the evaluated rows."""
    if record is None or record.evaluated is None:
        return None
    return spread_of(model.encoding.apply(record.evaluated.features).X)


def _top(images: Floats) -> float:
    return float(np.quantile(np.abs(images), _FULL)) or 1.0
