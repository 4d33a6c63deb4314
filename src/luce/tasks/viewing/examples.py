"""Evaluated rows to look at: what they hold, what they are, and what they were taken for."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data import Dataset
from luce.tasks.reporting.record import Predictions, Record
from luce.tasks.viewing.pixels import image

_LONGEST = 4000  # characters of a text
_MOST_CELLS = 200
Source = pl.DataFrame | NDArray[Any]
ORDERS = ("confident", "unsure", "row")


def examples(
    record: Record,
    *,
    true: int | None = None,
    answer: int | None = None,
    wrong: bool | None = None,
    order: str = "confident",
    offset: int = 0,
    limit: int = 24,
) -> dict[str, Any]:
    """Return some of the evaluated rows, a page at a time.

    Parameters
    ----------
    record : a run
    true, answer : only rows of this class, and with this answer
    wrong : only wrong answers, or only right ones
    order : ``"confident"``, the surest answers first; ``"unsure"``, the least sure first;
        ``"row"``, as in the source
    offset, limit : the page
    """
    seen = record.predictions
    chosen = np.ones(len(seen.rows), np.bool_)
    if true is not None:
        chosen &= seen.labels == true
    if answer is not None:
        chosen &= seen.answers == answer
    if wrong is not None:
        chosen &= seen.right != wrong
    rows = _ordered(seen, np.flatnonzero(chosen), order)
    shown = rows[offset : offset + limit]
    return {
        "total": len(rows),
        "offset": offset,
        "rows": [
            {
                "position": int(at),
                "row": int(seen.rows[at]),
                "true": int(seen.labels[at]),
                "answer": int(seen.answers[at]),
                "p_answer": float(seen.confidence[at]),
                "p_true": float(seen.proba[at, seen.labels[at]]),
                "shown": content(record.evaluated, int(at)),
            }
            for at in shown
        ],
        "absence": record.absence,
    }


def content(dataset: Dataset | None, row: int) -> dict[str, Any] | None:
    """Return what a row holds: an image, texts, or cells; None where it is not to be had."""
    if dataset is None:
        return None
    features = dataset.features
    if isinstance(features, pl.DataFrame):
        cells = features[row].row(0)
        pairs = list(zip(features.columns, map(_cell, cells), strict=True))
        return {"cells": pairs[:_MOST_CELLS], "more": max(0, len(pairs) - _MOST_CELLS)}
    if dataset.kind == "images":
        name = None if dataset.row_names is None else str(dataset.row_names[row])
        return {"image": image(features[row], brightest(features)), "name": name}
    cells = features[row].tolist()
    pairs = [(f"x{i + 1}", value) for i, value in enumerate(cells[:_MOST_CELLS])]
    return {"cells": pairs, "more": max(0, len(cells) - _MOST_CELLS)}


def brightest(images: NDArray[Any]) -> float:
    """Return the value of a white pixel: 255 of bytes, else the largest that occurs."""
    return 255.0 if images.dtype == np.uint8 else float(images.max()) or 1.0


def dark_ground(images: Source) -> bool:
    """Whether grey images are drawn in light on a dark ground, as scanned digits are."""
    assert isinstance(images, np.ndarray), "images are an array"
    border = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    middle = np.median(np.concatenate([side.ravel() for side in border]))
    return images.ndim == 3 and bool(middle < brightest(images) / 4)


def _ordered(seen: Predictions, rows: NDArray[np.intp], order: str) -> NDArray[np.intp]:
    if order == "row":
        return rows
    sure = seen.confidence[rows]
    return rows[np.argsort(sure if order == "unsure" else -sure, kind="stable")]


def _cell(value: Any) -> Any:
    """A cell as JSON has it; long texts are cut."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
