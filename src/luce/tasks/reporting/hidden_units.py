"""Section 6 of a network: what the units of its first layer look at."""

import numpy as np
from numpy.typing import NDArray

from luce.tasks.model_kinds import NetworkClassifier
from luce.tasks.reporting import markup, pictures
from luce.tasks.reporting.markup import counted, text
from luce.tasks.reporting.record import Record

_MOST_PICTURES = 24
_MOST_FEATURES = 15


def hidden_units(record: Record, classifier: NetworkClassifier) -> str:
    """Return pictures of the units' weights for images, the strongest features otherwise."""
    weights = classifier.network.weights[0]  # (d, h), of standardised features
    shape = record.model.encoding.image_shape
    if shape is not None:
        return _as_images(weights, shape)
    return _as_table(weights, record.model.encoding.feature_names)


def _as_images(weights: NDArray[np.floating], shape: tuple[int, ...]) -> str:
    strongest = np.argsort(-np.linalg.norm(weights, axis=0), kind="stable")[:_MOST_PICTURES]
    images = weights.T.reshape(weights.shape[1], shape[0], shape[1], -1)[strongest].mean(axis=3)
    top = float(np.quantile(np.abs(images), 0.995)) or 1.0
    parts = [
        markup.figure(pictures.signed(image, top, f"Weights of hidden unit {unit}"), f"{unit}")
        for unit, image in zip(strongest.tolist(), images, strict=True)
    ]
    caption = (
        f"The weight of each pixel for {len(parts)} of the {counted(weights.shape[1], 'unit')} of"
        " the first hidden layer, those with the largest weights: blue excites the unit where the"
        " pixel is bright, orange inhibits it. All share one scale."
    )
    return markup.figure(markup.grid(parts, "strip weights"), caption)


def _as_table(weights: NDArray[np.floating], names: list[str] | tuple[str, ...]) -> str:
    strength = np.sqrt(np.mean(weights**2, axis=1))  # (d,)
    order = np.argsort(-strength, kind="stable")[:_MOST_FEATURES]
    top = float(strength.max()) or 1.0
    rows = [
        [text(names[i]), markup.tinted(f"{strength[i]:.3f}", float(strength[i]) / top, "right")]
        for i in order
    ]
    caption = (
        f"The {len(order)} of {counted(len(strength), 'feature')} with the largest weights in the"
        " first layer: root mean square over its units, per standard deviation of the feature."
    )
    return markup.figure(markup.table(["feature", "weight"], rows, "coefficients"), caption)
