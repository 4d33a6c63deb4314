"""Section 6: what a linear model has learnt: pictures for images, else the largest coefficients."""

import numpy as np
from numpy.typing import NDArray

from luce.tasks.reporting import markup, pictures
from luce.tasks.reporting.feature_rows import spread_of
from luce.tasks.reporting.hidden_units import hidden_units
from luce.tasks.reporting.markup import counted, text
from luce.tasks.reporting.record import Record

_MOST_FEATURES = 15
_MOST_COLUMNS = 12
_MOST_PICTURES = 24


def weights(record: Record) -> str:
    """The coefficients, in the form that suits the features."""
    if record.model.network is not None:
        return hidden_units(record, record.model.network)
    shape = record.model.encoding.image_shape
    if shape is not None:
        return _as_images(record, shape)
    return _as_table(record)


def _rows(record: Record) -> tuple[list[str], NDArray[np.floating]]:
    """Names and coefficients (k, d); one row that two classes share speaks for the second."""
    assert record.model.linear is not None, "networks have a section of their own"
    coef: NDArray[np.floating] = record.model.linear.coef_
    return record.classes if len(coef) > 1 else record.classes[1:], coef


def _as_images(record: Record, shape: tuple[int, ...]) -> str:
    names, coef = _rows(record)
    # colours are averaged; the 99.5 % quantile keeps a single pixel from paling all others
    images = coef.reshape(len(coef), shape[0], shape[1], -1).mean(axis=3)
    top = float(np.quantile(np.abs(images), 0.995)) or 1.0
    parts = [
        markup.figure(pictures.signed(image, top, f"Weights of class {name}"), name)
        for name, image in zip(names[:_MOST_PICTURES], images, strict=False)
    ]
    rest = (
        f" The first {_MOST_PICTURES} of {len(names)} classes." if len(names) > len(parts) else ""
    )
    caption = (
        "The weight of each pixel: blue speaks for the class where the pixel is bright, orange"
        f" against it. All classes share one scale.{rest}"
    )
    return markup.figure(markup.grid(parts, "strip weights"), caption)


def _as_table(record: Record) -> str:
    names, coef = _rows(record)
    spread = _spread(record)
    scaled = coef if spread is None else coef * spread
    if len(names) > _MOST_COLUMNS:
        return _lists(record, names, scaled, spread is not None)
    order = np.argsort(-np.abs(scaled).max(axis=0), kind="stable")[:_MOST_FEATURES]
    top = float(np.abs(scaled).max()) or 1.0
    features = record.model.encoding.feature_names
    lines = [[text(features[i]), *(_cell(w, top) for w in scaled[:, i])] for i in order]
    shown = f"The {len(order)} of {counted(scaled.shape[1], 'feature')} with the largest weights"
    caption = f"{shown}, {_unit(spread is not None)}. Blue speaks for the class, orange against it."
    if len(coef) == 1:
        caption += f" One row of weights serves both classes: what speaks against {names[0]} speaks"
        caption += f" for {record.classes[0]}."
    head = ["feature", *map(text, names)]
    return markup.figure(markup.table(head, lines, "coefficients"), caption)


def _lists(record: Record, names: list[str], scaled: NDArray[np.floating], unit: bool) -> str:
    features = record.model.encoding.feature_names
    lines = [
        [
            text(name),
            "; ".join(
                f"{text(features[i])} {row[i]:+.2f}"
                for i in np.argsort(-np.abs(row), kind="stable")[:3]
            ),
        ]
        for name, row in zip(names[:_MOST_PICTURES], scaled, strict=False)
    ]
    caption = f"The features with the largest weights for each class, {_unit(unit)}."
    if len(names) > len(lines):
        caption += f" The first {len(lines)} of {len(names)} classes."
    return markup.figure(markup.table(["class", "features"], lines, "words"), caption)


def _cell(weight: float, top: float) -> str:
    kind = "right" if weight > 0 else "wrong"
    sign = "+" if weight > 0 else "−"
    return markup.tinted(f"{sign}{abs(weight):.2f}", abs(weight) / top, kind)


def _spread(record: Record) -> NDArray[np.floating] | None:
    """Standard deviation of each feature over the evaluated rows: makes weights comparable."""
    if record.evaluated is None:
        return None
    features = record.model.encoding.apply(record.evaluated.features).X
    return spread_of(features)


def _unit(comparable: bool) -> str:
    if comparable:
        return "per standard deviation of the feature, so that units do not matter"
    return "per unit of the feature, as the data spell it"
