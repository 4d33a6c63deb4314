"""The words of a text without which the answer is another one."""

import re
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.tasks.models import Model

# A word is what stands between blanks; of scripts without blanks a single character.
_ALONE = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_ALONE}]|[^\s{_ALONE}]+")
_MOST = 200  # different words of one text that are tried, those that come first
_MOST_LEFT_OUT = 8


class Word(NamedTuple):
    """A word, where it stands, and how the answer's lead would fall without it."""

    text: str
    spans: tuple[tuple[int, int], ...]
    loss: float  # in units of logits; negative: the lead would grow


class WithoutWords(NamedTuple):
    """Words that must all be left out for another answer."""

    words: tuple[str, ...]
    answer: int
    probability: float
    exact: bool  # whether fewer words do not do it


def words_of(text: str) -> dict[str, list[tuple[int, int]]]:
    """Return the different words of a text, in their order, and where each stands.

    Examples
    --------
    >>> words_of("to be or not to be")
    {'to': [(0, 2), (13, 15)], 'be': [(3, 5), (16, 18)], 'or': [(6, 8)], 'not': [(9, 12)]}
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for match in _WORD.finditer(text):
        found.setdefault(match.group(), []).append(match.span())
    return found


def without(text: str, words: set[str]) -> str:
    """Return the text with every occurrence of these words left out."""
    return _WORD.sub(lambda match: "" if match.group() in words else match.group(), text)


def word_losses(
    model: Model, row: pl.DataFrame, column: str, answer: int, against: int
) -> list[Word]:
    """Say for each word of a text how much lead over another class the answer owes to it.

    The lead is that of the probabilities, ``log(p_answer / p_against)``; the word is left out
    everywhere, and the text encoded again, so that all n-grams with it are gone and the others
    weigh anew.
    """
    text = str(row[column][0] or "")
    places = dict(list(words_of(text).items())[:_MOST])
    if not places:
        return []
    p = _probabilities(model, row, column, [text, *(without(text, {word}) for word in places)])
    lead = np.log(np.maximum(p[:, answer], _TINY)) - np.log(np.maximum(p[:, against], _TINY))
    return [
        Word(word, tuple(spans), float(lead[0] - rest))
        for (word, spans), rest in zip(places.items(), lead[1:], strict=True)
    ]


_TINY = np.finfo(np.float64).tiny


def fewest_words(model: Model, row: pl.DataFrame, column: str) -> WithoutWords | None:
    """Find the fewest words of a text whose absence changes the answer.

    Single words are all tried. If none does it, words are left out one after the other, each time
    the one that costs the answer most; then fewer might do.
    """
    text = str(row[column][0] or "")
    words = list(words_of(text))[:_MOST]
    answer = int(_probabilities(model, row, column, [text])[0].argmax())
    gone: list[str] = []
    while words and len(gone) < _MOST_LEFT_OUT:
        p = _probabilities(model, row, column, [without(text, {*gone, word}) for word in words])
        other = np.flatnonzero(p.argmax(axis=1) != answer)
        if len(other):
            best = int(other[p[other].max(axis=1).argmax()])
            left_out = (*gone, words[best])
            found = p[best]
            return WithoutWords(left_out, int(found.argmax()), float(found.max()), not gone)
        gone.append(words.pop(int(p[:, answer].argmin())))
    return None


def _probabilities(
    model: Model, row: pl.DataFrame, column: str, texts: list[str]
) -> NDArray[np.float64]:
    """The probabilities of the row with other texts in one column."""
    cells: dict[str, Any] = {
        name: texts if name == column else [row[name][0]] * len(texts) for name in row.columns
    }
    schema = {name: pl.String if name == column else row.schema[name] for name in row.columns}
    frame = pl.DataFrame(cells, schema=schema)
    p = model.probabilities(model.encoding.apply(frame, where="the row").X)
    return np.asarray(p, np.float64)
