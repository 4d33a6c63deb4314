"""All figures of merit of a classifier in one JSON-ready tree: the content of ``eval.json``."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from numpy.typing import ArrayLike

from luce.errors import ShapeError
from luce.metrics.accuracy import accuracy, majority_baseline
from luce.metrics.brier import brier_score
from luce.metrics.calibration import (
    calibration_error,
    reliability_of_classes,
    reliability_of_top_label,
)
from luce.metrics.classwise import classwise_calibration_error
from luce.metrics.confusion import class_scores, confusion_matrix
from luce.metrics.inputs import as_labels, as_probabilities
from luce.metrics.intervals import Estimate
from luce.metrics.log_loss import log_loss


def evaluate(labels: ArrayLike, proba: ArrayLike, classes: Sequence[str]) -> dict[str, Any]:
    """Every metric of this room for labels (n,) in 0..k-1 and probabilities (n, k).

    ``classes`` are the k names to show. Returns a tree of dict, list, str, int, float and None;
    None stands where a figure does not exist, such as the precision of a class never predicted.
    Deterministic. Cost: a sort of the rows for each of the two binnings of the top label.

    Raises
    ------
    ShapeError
        If there is no row, or the number of labels, probabilities or names differ.
    LabelError
        If a label is out of range or a row of ``proba`` is no distribution.

    Examples
    --------
    >>> figures = evaluate([0, 1], [[0.9, 0.1], [0.4, 0.6]], ["no", "yes"])
    >>> figures["accuracy"]["value"], figures["confusion"]
    (1.0, [[1, 0], [0, 1]])
    """
    p = as_probabilities(proba)
    y = as_labels(labels, *p.shape)
    if p.shape[1] != len(classes):
        raise ShapeError(
            f"classes must name each of the {p.shape[1]} columns of proba, got {len(classes)}"
            " names. Pass one name a column."
        )
    baseline = majority_baseline(y, len(classes))
    confusion = confusion_matrix(y, p.argmax(axis=1), len(classes))
    return {
        "rows": len(y),
        "classes": list(classes),
        "accuracy": _tree(accuracy(y, p)),
        "log_loss": _tree(log_loss(y, p)),
        "calibration_error": _tree(calibration_error(y, p)),
        "classwise_calibration_error": classwise_calibration_error(y, p).mean,
        "brier_score": _tree(brier_score(y, p)),
        "baseline": {
            "class": classes[baseline.label],
            "accuracy": _tree(baseline.accuracy),
            "log_loss": _tree(baseline.log_loss),
        },
        "confusion": confusion.tolist(),
        "per_class": [
            {"class": name} | dict(zip(("precision", "recall", "f1", "support"), row, strict=True))
            for name, row in zip(classes, _rows(class_scores(confusion)), strict=True)
        ],
        "reliability": {
            "top_label": [asdict(b) for b in reliability_of_top_label(y, p)],
            "per_class": {
                name: [asdict(b) for b in bins]
                for name, bins in zip(classes, reliability_of_classes(y, p), strict=True)
            },
        },
    }


def _tree(figures: Estimate) -> dict[str, Any]:
    return {name: _json(value) for name, value in figures._asdict().items()}


def _rows(columns: Sequence[Any]) -> list[list[Any]]:
    return [[_json(x.item()) for x in row] for row in zip(*columns, strict=True)]


def _json(value: float) -> float | None:
    return None if math.isnan(value) else value
