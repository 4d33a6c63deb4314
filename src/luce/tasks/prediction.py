"""Predict the rows of a file, batch by batch, in their order and in constant memory."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce import data
from luce.data import Encoded
from luce.data.row_batches import STDIN
from luce.errors import ParameterError
from luce.tasks.computable import require_numbers
from luce.tasks.explaining.effects import Columns, Effect, explain_rows
from luce.tasks.models import Model, load_model
from luce.tasks.promises import Promises, learn_promises
from luce.tasks.spreadsheet import neutralised

Probabilities = NDArray[np.floating[Any]]

NO_PROMISES = Promises()
_ROWS = 8192  # that are encoded at a time
_EXPLAINED = 256  # so many are, if each feature of each has an effect to be told
_REASONS = 3  # in CSV


@dataclass
class PredictionSummary:
    """How many rows were predicted, and which cells the model had to do without."""

    rows: int = 0
    unseen: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    promises: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """What stands in a row of the output.

    ``format`` is ``"csv"`` or ``"jsonl"``; ``proba`` adds the probability of every class, ``top``
    the most probable classes, best first; ``sets`` a set of classes that holds the truth with that
    probability, and ``max_risk`` whether the row is answered at that risk; ``explain`` what each
    feature adds to the lead of the answer over the class with the next best probability: the
    three strongest in CSV, all in JSON lines.
    """

    format: str = "csv"
    proba: bool = False
    top: int = 0
    sets: float | None = None
    max_risk: float | None = None
    explain: bool = False


class Reasons(NamedTuple):
    """What is told of an explanation; of many thousand features most have no effect."""

    against: int
    lead: float
    offset: float
    effects: list[Effect]


def predict(
    model: str | Path,
    source: str,
    output: BinaryIO,
    layout: Layout | None = None,
    *,
    no_header: bool = False,
) -> PredictionSummary:
    """Predict every row of ``source`` and write one line a row, in the same order.

    Parameters
    ----------
    model : path of a model file or a run folder
    source : path of a table, images or arrays; a named set; or ``"-"``, a table on stdin
    output : binary stream
    layout : what to write
    no_header : whether a CSV or TSV table begins with a row; a model that was trained so knows it

    Raises
    ------
    DataError
        The input cannot be read or lacks a column of the model.
    ModelFileError
        The model cannot be loaded.
    ParameterError
        More top classes are asked for than there are classes, or promises are asked for without
        the rows on which the model was evaluated.
    """
    layout = layout or Layout()
    fitted = load_model(model)
    if layout.top > len(fitted.names):
        raise ParameterError(
            f"--top must be at most the number of classes, {len(fitted.names)} in "
            f"{str(model)!r}, got {layout.top}. Ask for fewer, or for all with --proba."
        )
    promises = learn_promises(fitted, model, level=layout.sets, max_risk=layout.max_risk)
    summary = PredictionSummary(promises=promises.notes)
    lines = csv_lines if layout.format == "csv" else json_lines
    columns = Columns.of(fitted.encoding) if layout.explain else None
    rows = _ROWS if columns is None else _EXPLAINED
    for encoded in _encoded(fitted, source, no_header, rows):
        p = fitted.probabilities(encoded.X)
        where = "standard input" if source == STDIN else source
        require_numbers(p, encoded.X, fitted.encoding, where, summary.rows + 1)
        most = _REASONS if layout.format == "csv" else None
        why = [] if columns is None else list(_reasons(fitted, encoded.X, p, columns, most))
        output.write(lines(fitted, p, summary.rows, layout, promises, why))
        summary.rows += len(p)
        summary.unseen.update(encoded.unseen)
        summary.missing.update(encoded.missing)
    return summary


def _encoded(model: Model, source: str, no_header: bool, rows: int) -> Iterator[Encoded]:
    """The encoded rows of the input, in batches: a table as a stream, all else at once."""
    if model.encoding.columns is not None:
        for batch in data.batches(source, model.encoding, rows=rows, no_header=no_header):
            yield batch.features
        return
    split = "test" if data.has_test_split(source) else None
    dataset = data.load(
        source, split=split, needs_target=False, no_header=no_header, encoding=model.encoding
    )
    for start in range(0, len(dataset), rows):
        some = np.arange(start, min(start + rows, len(dataset)))
        yield model.encoding.apply(dataset.take(some).features)


def _reasons(
    model: Model, X: Any, p: Probabilities, columns: Columns, most: int | None
) -> Iterator[Reasons]:
    """Explain each row: numbers of a table count from the mean of training, all else from 0."""
    for why in explain_rows(model, X, p, reference="mean"):
        effects = columns.strongest(why, most)
        yield Reasons(why.against, why.lead, why.offset, effects)


def csv_lines(
    model: Model,
    p: Probabilities,
    first_row: int,
    layout: Layout,
    promises: Promises = NO_PROMISES,
    why: Sequence[Reasons] = (),
) -> bytes:
    """Return rows of predictions as CSV, with the header if they are the first ones."""
    names = np.asarray([neutralised(name) for name in model.names], dtype=object)
    columns: dict[str, Any] = {
        "row": np.arange(first_row, first_row + len(p)),
        "prediction": names[p.argmax(axis=1)],
    }
    answered, members = promises.answered(p), promises.members(p)
    if answered is not None:
        columns["answered"] = answered
    if members is not None:
        columns["set"] = ["|".join(names[row]) for row in members]
    best = _best(p, layout.top)
    for rank in range(layout.top):
        codes = best[:, rank]
        columns[f"top{rank + 1}"] = names[codes]
        columns[f"p(top{rank + 1})"] = np.take_along_axis(p, codes[:, None], axis=1)[:, 0]
    if layout.proba:
        columns |= {f"p({name})": p[:, code] for code, name in enumerate(names)}
    if layout.explain:
        columns |= _reason_columns(names, why)
    buffer = BytesIO()
    pl.DataFrame(columns).write_csv(buffer, include_header=first_row == 0)
    return buffer.getvalue()


def _reason_columns(names: NDArray[np.object_], why: Sequence[Reasons]) -> dict[str, Any]:
    """The class next to the answer, the lead over it, and what adds most to the lead."""
    columns: dict[str, Any] = {
        "against": names[[one.against for one in why]],
        "lead": [one.lead for one in why],
    }
    for rank in range(_REASONS):
        found = [one.effects[rank] if rank < len(one.effects) else None for one in why]
        columns[f"why{rank + 1}"] = pl.Series(
            [effect and neutralised(effect.feature) for effect in found], dtype=pl.String
        )
        columns[f"effect(why{rank + 1})"] = pl.Series(
            [effect and effect.logit for effect in found], dtype=pl.Float64
        )
    return columns


def json_lines(
    model: Model,
    p: Probabilities,
    first_row: int,
    layout: Layout,
    promises: Promises = NO_PROMISES,
    why: Sequence[Reasons] = (),
) -> bytes:
    """Return rows of predictions as JSON, an object a line."""
    labels = list(model.class_names or model.values)
    best = _best(p, layout.top)
    answered, members = promises.answered(p), promises.members(p)
    lines = []
    for offset, (row, winner) in enumerate(zip(p.tolist(), p.argmax(axis=1), strict=True)):
        line: dict[str, Any] = {"row": first_row + offset, "prediction": labels[winner]}
        if answered is not None:
            line["answered"] = bool(answered[offset])
        if members is not None:
            line["set"] = [labels[code] for code in np.flatnonzero(members[offset])]
        if layout.top:
            line["top"] = [{"class": labels[code], "p": row[code]} for code in best[offset]]
        if layout.proba:
            line["proba"] = dict(zip(model.names, row, strict=True))
        if layout.explain:
            one = why[offset]
            line["explanation"] = {
                "against": labels[one.against],
                "lead": one.lead,
                "offset": one.offset,
                "effects": {effect.feature: effect.logit for effect in one.effects},
            }
        lines.append(json.dumps(line, ensure_ascii=False, allow_nan=False))
    return "".join(f"{line}\n" for line in lines).encode()


def _best(p: Probabilities, top: int) -> NDArray[np.intp]:
    """The ``top`` most probable classes of each row, best first; of equals the first."""
    return np.argsort(-p, axis=1, kind="stable")[:, :top]
