"""Texts as counts of terms: the native core or its twin, and what Python knows of characters.

The terms of a text are n-grams of its words or characters. Which characters are letters or white
and what their lower case is comes from this Python's `re` and `str.lower`, so both cores cut texts
exactly as the regular expressions of scikit-learn's vectorizers do.
"""

import re
import threading
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from luce.kernels import _text_twin, dispatch

Longs = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Rows = tuple[Longs, NDArray[np.int32], NDArray[np.int32]]  # starts, columns, counts: CSR

ANALYZERS = ("word", "script", "char", "char_wb")
LONGEST_TEXT = 1 << 29  # characters
MOST_COLUMNS = (1 << 31) - 1

_CODE_POINTS = 0x110000
_WORD, _SPACE, _UNSPACED, _MARK = 1, 2, 4, 8
_lock = threading.Lock()


class Analysis(NamedTuple):
    """How a text is cut into terms: what counts as one, and from how many to how many of them."""

    analyzer: str = "word"
    lowercase: bool = True
    shortest: int = 1
    longest: int = 1


class Counted(Protocol):
    """All terms of some texts and how often each text holds them."""

    def select(self, low: float, high: float) -> tuple[Longs, Longs]:
        """Keep the terms of `low` to `high` texts, sorted; return in how many, and how often."""

    def keep(self, marked: Bytes) -> tuple[Longs, Longs]:
        """Keep those of the selected terms that are marked; return as `select` does."""

    def terms(self) -> tuple[Bytes, Longs]:
        """Return the kept terms: their UTF-8 one after the other, and where each one ends."""

    def rows(self) -> Rows:
        """Return how often each text holds each kept term, columns sorted."""


def count_terms(texts: tuple[str, ...], how: Analysis) -> Counted:
    """Collect and count all terms of the texts."""
    counted: Counted = _core().CountedTerms(_prepared(texts, how), *_arguments(how))
    return counted


class KnownTerms:
    """A vocabulary to count in later texts; its order is that of the columns."""

    def __init__(self, utf8: Bytes, ends: Longs) -> None:
        self._known = _core().KnownTerms(utf8, ends)

    def count(self, texts: tuple[str, ...], how: Analysis) -> Rows:
        """Return how often each text holds each term, columns sorted."""
        rows: Rows = self._known.count(_prepared(texts, how), *_arguments(how))
        return rows


def hash_terms(texts: tuple[str, ...], how: Analysis, columns: int, *, signed: bool) -> Rows:
    """Count terms in the column that their MurmurHash3 says; with its sign if `signed`."""
    rows: Rows = _core().hashed_terms(_prepared(texts, how), *_arguments(how), columns, signed)
    return rows


def terms_as_strings(utf8: Bytes, ends: Longs) -> list[str]:
    """Return the terms as strings."""
    terms: list[str] = _core().terms_as_strings(utf8, ends)
    return terms


def _arguments(how: Analysis) -> tuple[int, bool, int, int]:
    return ANALYZERS.index(how.analyzer), how.lowercase, how.shortest, how.longest


def _core() -> Any:
    if dispatch.simd() == "numpy":
        return _text_twin
    with _lock:
        _set_tables()
    return dispatch._native


@cache
def _set_tables() -> None:
    assert dispatch._native is not None
    dispatch._native.set_character_tables(_lower_table()[0], _kind_table())


def _prepared(texts: tuple[str, ...], how: Analysis) -> tuple[str, ...]:
    """Lower here the few texts whose lower case no table of single characters gives.

    A Greek capital sigma has two, by where it stands; a dotted capital I becomes two characters.
    What is in lower case already, the core leaves as it is.
    """
    if not how.lowercase or all(text.isascii() for text in texts):
        return texts
    irregular = _lower_table()[1]

    def regular(text: str) -> str:
        if text.isascii() or not any(character in text for character in irregular):
            return text
        return text.lower()

    return tuple(map(regular, texts))


@cache
def _every_character() -> str:
    codes = np.arange(_CODE_POINTS, dtype="<u4").tobytes()
    return codes.decode("utf-32-le", "surrogatepass")


@cache
def _lower_table() -> tuple[NDArray[np.uint32], tuple[str, ...]]:
    """Return the lower case of each code point, and the characters that have no single one."""
    irregular = ["\N{GREEK CAPITAL LETTER SIGMA}", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}"]
    lowered = _lowered_but(irregular)
    if len(lowered) != _CODE_POINTS:  # a later Unicode has more of them
        irregular += [c for c in _every_character() if len(c.lower()) != 1 and c not in irregular]
        lowered = _lowered_but(irregular)
    codes = np.frombuffer(lowered.encode("utf-32-le", "surrogatepass"), "<u4")
    return codes.astype(np.uint32), tuple(irregular)


def _lowered_but(irregular: list[str]) -> str:
    every = _every_character()
    for character in irregular:
        every = every.replace(character, "_")
    return every.lower()


def _kind_table() -> Bytes:
    """Return the bits of each code point: word character, white, script without spaces, mark."""
    kinds = np.zeros(_CODE_POINTS, np.uint8)
    for pattern, bit in ((r"\w+", _WORD), (r"\s+", _SPACE)):
        for run in re.finditer(pattern, _every_character()):
            kinds[run.start() : run.end()] |= bit
    for first, last in _text_twin.UNSPACED:
        part = kinds[first : last + 1]
        part[(part & _WORD) > 0] |= _UNSPACED
    kinds[_text_twin.marks()] |= _MARK
    return kinds
