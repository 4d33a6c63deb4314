"""How many rows to answer, and how often the answers are wrong then."""

from typing import Any

import numpy as np

from luce import metrics
from luce.estimators.selective_classifier import provable_threshold
from luce.metrics.intervals import wilson_interval
from luce.tasks.promises import CERTAINTY
from luce.tasks.reporting.record import Record

_POINTS = 400


def risk_curve(record: Record) -> dict[str, Any]:
    """Return the share of wrong answers over the share of rows answered, surest rows first.

    The points are those of `luce.metrics.risk_coverage`, at most 400 of them evenly chosen; each
    with the number of answers, of wrong ones, and the 95 % interval of the risk.
    """
    seen = record.predictions
    curve = metrics.risk_coverage(~seen.right, seen.confidence)
    count = len(curve.coverage)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _POINTS)).astype(np.intp))
    rows = len(seen.rows)
    points = []
    for i in chosen.tolist():
        answered = round(float(curve.coverage[i]) * rows)
        wrong = round(float(curve.risk[i]) * answered)
        estimate = wilson_interval(wrong, answered)
        points.append(
            {"threshold": float(curve.threshold[i]), "coverage": float(curve.coverage[i]),
             "answered": answered, "wrong": wrong, "risk": float(curve.risk[i]),
             "low": estimate.low, "high": estimate.high}
        )  # fmt: skip
    return {"rows": rows, "points": points, "aurc": metrics.aurc(~seen.right, seen.confidence)}


def promise(record: Record, max_risk: float) -> dict[str, Any]:
    """Return the threshold that ``luce predict --max-risk`` uses; None where nothing is proven."""
    seen = record.predictions
    found = provable_threshold(~seen.right, seen.confidence, max_risk, CERTAINTY)
    proven = found.value < np.inf
    return {
        "max_risk": max_risk,
        "certainty": CERTAINTY,
        "threshold": max(found.value, 0.0) if proven else None,
        "risk_bound": found.risk_bound if proven else None,
        "coverage": found.coverage,
    }
