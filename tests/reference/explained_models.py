"""Small models to explain: of a table, texts, images, an array; linear ones and networks."""

from itertools import pairwise

import numpy as np
import polars as pl
from sklearn.datasets import load_digits

from luce import data
from luce.data.dataset import Dataset
from luce.data.kinds import Kind, guess_kinds
from luce.estimators import SoftmaxRegression, TemperatureScaling, VectorScaling
from luce.estimators.held_out import logits_of
from luce.functions.perceptron import Perceptron
from luce.tasks.calibration import Calibration
from luce.tasks.model_kinds import NetworkClassifier
from luce.tasks.models import Model

CALIBRATORS = {"temperature": TemperatureScaling, "vector": VectorScaling}


def fitted(features, target, *, kind="table", kinds=None, C=1.0):
    dataset = Dataset("test", kind, features, np.asarray(target), kinds=kinds or {})
    encoding, encoded = data.learn_and_apply(dataset)
    classifier = SoftmaxRegression(C=C).fit(encoded.X, dataset.target)
    names = tuple(str(name) for name in classifier.classes_)
    return Model(classifier, encoding, {"class_names": names}), encoded.X, dataset.target


def calibrated(model, X, y, kind):
    codes = np.searchsorted(model.classifier.classes_, y)
    calibrator = CALIBRATORS[kind]().fit(logits_of(model.classifier, X), codes)
    facts = {"kind": kind, "rows": len(y), "folds": 1}
    return Model(model.classifier, model.encoding, model.metadata, Calibration(calibrator, facts))


def table(rows=240, seed=0):
    """Three classes of a number, a number with gaps, a truth value, a date and a category."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, rows)
    size = rng.normal(10 * y, 4.0)
    weight = np.where(rng.random(rows) < 0.1, np.nan, rng.normal(200 - 30 * y, 25.0))
    colour = np.where(rng.random(rows) < 0.7, np.array(["red", "green", "blue"])[y], "blue")
    frame = pl.DataFrame(
        {
            "size": [f"{x:.3f}" for x in size],
            "weight": [None if np.isnan(x) else f"{x:.3f}" for x in weight],
            "new": np.where(rng.random(rows) < 0.3 + 0.2 * y, "true", "false"),
            "day": [
                f"20{10 + (c if i % 3 else 1)}-0{1 + i % 9}-11" for i, c in enumerate(y.tolist())
            ],
            "colour": colour,
        }
    )
    kinds, _ = guess_kinds(frame, (), "the test")
    return frame, y, kinds


def table_model(**options):
    frame, y, kinds = table()
    model, X, y = fitted(frame, y, kinds=kinds, **options)
    return model, frame, X, y


def texts():
    """Two topics, forty texts."""
    cats, boats = (
        ["cat", "purrs", "mouse", "fur", "whiskers", "milk"],
        ["boat", "sail", "harbour", "rope", "wind"],
    )
    rng = np.random.default_rng(1)
    words = [
        " ".join([*rng.choice(topic, 4), *rng.choice(["the", "a", "and", "old"], 3)])
        for topic in (cats, boats) * 20
    ]
    frame = pl.DataFrame({"body": words})
    return frame, ["cat", "boat"] * 20, {"body": Kind.WORDS}


def text_model():
    frame, y, kinds = texts()
    model, _, _ = fitted(frame, np.array(y, object), kinds=kinds, C=100.0)
    return model, frame


def digits_model():
    images, y = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8)
    model, X, y = fitted(images[:600], y[:600], kind="images")
    return model, images, X, y


def network_model(encoding, X, y, hidden=12, seed=0):
    """A network with random weights that were not trained: enough for what holds of all."""
    rng = np.random.default_rng(seed)
    classes = np.unique(y)
    rows = X if isinstance(X, np.ndarray) else X.toarray()
    sizes = [X.shape[1], hidden, hidden, len(classes)]
    weights = [rng.normal(size=pair) / np.sqrt(pair[0]) for pair in pairwise(sizes)]
    biases = [rng.normal(scale=0.1, size=size) for size in sizes[1:]]
    scale = rows.std(axis=0)
    network = Perceptron(rows.mean(axis=0), np.where(scale > 0, scale, 1.0), weights, biases)
    classifier = NetworkClassifier(network, classes, {})
    return Model(classifier, encoding, {"class_names": tuple(map(str, classes))})
