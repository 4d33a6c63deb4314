"""Probabilities as the body of an answer: JSON, or the very lines of ``luce predict``.

Numbers are written so that they read back as the same bits: the shortest form of a float64, which
also holds every float32.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

import numpy as np
import orjson

from luce.server.api.bodies import CSV, NDJSON
from luce.server.api.served import Served
from luce.server.security import Refused
from luce.tasks.crowds import Probabilities
from luce.tasks.prediction import Layout, csv_lines, json_lines

_SWITCH = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True)
class Wish:
    """What an answer is to hold: the probability of every class, and the `top` most probable."""

    proba: bool = True
    top: int = 0

    @classmethod
    def of_query(cls, query: bytes, classes: int) -> "Wish":
        """Read ``proba=false&top=3``.

        Raises
        ------
        Refused
            422: an unknown parameter, or a value that it cannot have.
        """
        if not query:
            return _PLAIN
        try:
            pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=10)
        except ValueError:
            raise _wrong("query", "well-formed") from None
        given = dict(pairs)
        if len(given) < len(pairs) or not given.keys() <= {"proba", "top"}:
            raise _wrong("query parameters", "proba or top, each at most once")
        return cls(_proba(given), _top(given, classes))


_PLAIN = Wish()


def answer(served: Served, p: Probabilities, kind: str, wish: Wish) -> tuple[bytes, str]:
    """Return the body for a request of the media type `kind`, and its own media type."""
    layout = Layout("csv", proba=wish.proba, top=wish.top)
    if kind == CSV:
        return csv_lines(served.model, p, 0, layout), CSV
    if kind == NDJSON:
        return json_lines(served.model, p, 0, layout), NDJSON
    return _json(served, p, wish), "application/json"


def _json(served: Served, p: Probabilities, wish: Wish) -> bytes:
    names = served.labels_json
    winners = ", ".join([names[code] for code in p.argmax(axis=1).tolist()])
    parts = [f'{{"model": "{served.name}", "predictions": [{winners}]']
    if wish.top:
        parts.append(f', "top": {_best(served, p, wish.top)}')
    if wish.proba:
        # As float64, which every float32 is: orjson would write the fewest digits that tell a
        # float32 from its neighbours, and these read back as another float64.
        numbers = orjson.dumps(p.tolist()).decode()
        parts.append(f', "classes": {served.classes_json}, "probabilities": {numbers}')
    return "".join([*parts, "}"]).encode()


def _best(served: Served, p: Probabilities, top: int) -> str:
    order = np.argsort(-p, axis=1, kind="stable")[:, :top]
    rows = [
        [{"class": served.labels[code], "p": row[code]} for code in codes]
        for row, codes in zip(p.tolist(), order.tolist(), strict=True)
    ]
    return json.dumps(rows, ensure_ascii=False, allow_nan=False)


def _proba(given: Mapping[str, str]) -> bool:
    value = given.get("proba", "true")
    if value not in _SWITCH:
        raise _wrong("proba", "true or false")
    return _SWITCH[value]


def _top(given: Mapping[str, str], classes: int) -> int:
    value = given.get("top", "0")
    if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value) <= classes):
        raise _wrong("top", f"a whole number up to {classes}, the number of classes")
    return int(value)


def _wrong(name: str, wanted: str) -> Refused:
    return Refused(422, "ParameterError", f"{name} must be {wanted}.")
