"""Probabilities for many small requests at once; each gets what it would get alone."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.errors import LuceError
from luce.tasks.computable import require_numbers
from luce.tasks.models import Model

Rows = pl.DataFrame | NDArray[Any]
Probabilities = NDArray[np.floating[Any]]

WHERE = "the request"
_TILE = 8192  # rows of one request that are worked on at a time


def predict_crowd(model: Model, crowd: Sequence[Rows]) -> list[Probabilities | Exception]:
    """Return the probabilities of each request's rows, or the error that it alone gets.

    Rows of several requests are put together where that cannot change what any of them means:
    arrays of one shape and dtype, tables with the same columns of the same types (a column of
    numbers beside one of texts would become text). If some cell of such a group cannot be read,
    each request is computed on its own, so that only the one at fault fails.

    Raises nothing: a `LuceError` stands in the place of the answer.
    """
    answers: list[Probabilities | Exception] = [LuceError("not answered")] * len(crowd)
    groups: dict[Any, list[int]] = {}
    for number, rows in enumerate(crowd):
        groups.setdefault(_kind(rows), []).append(number)
    for members in groups.values():
        for number, answer in zip(
            members, _answers(model, [crowd[i] for i in members]), strict=True
        ):
            answers[number] = answer
    return answers


def predict_rows(model: Model, rows: Rows) -> Probabilities:
    """Return the probabilities of the rows of one request.

    Raises
    ------
    LuceError
        The rows do not fit the model.
    """
    parts = [
        _of_tile(model, rows[start : start + _TILE], start + 1)
        for start in range(0, len(rows), _TILE)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _of_tile(model: Model, rows: Rows, first_row: int) -> Probabilities:
    X = model.encoding.apply(rows, first_row=first_row, where=WHERE).X
    p = model.probabilities(X)
    require_numbers(p, X, model.encoding, WHERE, first_row)
    return p


def _answers(model: Model, group: list[Rows]) -> list[Probabilities | Exception]:
    if len(group) > 1:
        try:
            p = predict_rows(model, _joined(group))
        except LuceError:
            return [answer for rows in group for answer in _answers(model, [rows])]
        ends = list(accumulate(map(len, group)))
        return [p[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    try:
        return [predict_rows(model, group[0])]
    except LuceError as error:
        return [error]


def _kind(rows: Rows) -> Any:
    """What two requests must have in common to be computed together."""
    if isinstance(rows, pl.DataFrame):
        return tuple(rows.schema.items())
    return (rows.shape[1:], rows.dtype)


def _joined(group: list[Rows]) -> Rows:
    if isinstance(group[0], pl.DataFrame):
        return pl.concat([rows for rows in group if isinstance(rows, pl.DataFrame)])
    return np.concatenate([rows for rows in group if isinstance(rows, np.ndarray)])
