"""The twin of the native counts of terms, in plain Python: the same terms, the same numbers."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

# First and last code points of blocks whose scripts put no spaces between words.
UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),  # iteration mark and zero
    (0x3021, 0x3029),  # Hangzhou numerals
    (0x3031, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31FF),  # Bopomofo and Katakana, extended
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA9E0, 0xA9FF),  # Myanmar, extended
    (0xAA60, 0xAADF),  # Myanmar, extended; Tai Viet
    (0xF900, 0xFAFF),  # Han, compatibility
    (0xFF66, 0xFF9F),  # Katakana, half width
    (0x1AFF0, 0x1B16F),  # Kana, extended
    (0x20000, 0x3FFFF),  # Han, extensions B and later
)
# Where marks can stand: not among Han and Hangul, and from 0x20000 variation selectors alone.
_WITH_MARKS = ((0x300, 0x3400), (0xA000, 0xAC00), (0xFB00, 0x20000), (0xE0100, 0xE01F0))

Longs = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Rows = tuple[Longs, NDArray[np.int32], NDArray[np.int32]]


@cache
def marks() -> NDArray[np.int64]:
    """Return the code points of marks, which belong to the character before them."""
    codes = (code for first, end in _WITH_MARKS for code in range(first, end))
    return np.array([c for c in codes if unicodedata.category(chr(c))[0] == "M"])


@cache
def _script_words() -> re.Pattern[str]:
    """Return a pattern of words with their marks, and of single characters with theirs."""
    alone = "".join(f"{chr(first)}-{chr(last)}" for first, last in UNSPACED)
    mark = "".join(map(chr, marks()))
    return re.compile(rf"(?=[{alone}])\w[{mark}]*|(?![{alone}])\w(?:(?![{alone}])\w|[{mark}])*")


def _terms(text: str, analyzer: int, lowercase: bool, shortest: int, longest: int) -> Iterator[str]:
    if lowercase:
        text = text.lower()
    yield from _CUTTERS[analyzer](text, shortest, longest)


def _word_terms(text: str, shortest: int, longest: int) -> Iterator[str]:
    words = re.findall(r"(?u)\b\w\w+\b", text)
    for n in range(shortest, min(longest, len(words)) + 1):
        for i in range(len(words) - n + 1):
            yield " ".join(words[i : i + n])


def _script_terms(text: str, shortest: int, longest: int) -> Iterator[str]:
    found = [
        run
        for run in _script_words().finditer(text)
        if run.end() - run.start() > 1 or _is_unspaced(run[0])
    ]
    joints = [
        "" if a.end() == b.start() and _is_unspaced(a[0]) and _is_unspaced(b[0]) else " "
        for a, b in pairwise(found)
    ]
    for n in range(shortest, min(longest, len(found)) + 1):
        for i in range(len(found) - n + 1):
            rest = zip(joints[i : i + n - 1], found[i + 1 : i + n], strict=True)
            yield found[i][0] + "".join(joint + run[0] for joint, run in rest)


def _is_unspaced(word: str) -> bool:
    return any(first <= ord(word[0]) <= last for first, last in UNSPACED)


def _character_terms(text: str, shortest: int, longest: int) -> Iterator[str]:
    text = re.sub(r"\s\s+", " ", text)
    for n in range(shortest, min(longest, len(text)) + 1):
        for i in range(len(text) - n + 1):
            yield text[i : i + n]


def _padded_terms(text: str, shortest: int, longest: int) -> Iterator[str]:
    for word in text.split():
        padded = f" {word} "
        if len(padded) < shortest:  # counts whole, once
            yield padded
        for n in range(shortest, min(longest, len(padded)) + 1):
            for i in range(len(padded) - n + 1):
                yield padded[i : i + n]


_CUTTERS = (_word_terms, _script_terms, _character_terms, _padded_terms)


class CountedTerms:
    """All terms of some texts, as the native class of this name has them."""

    def __init__(self, texts: Sequence[str], *how: Any) -> None:
        self._counts = [Counter(_terms(text, *how)) for text in texts]
        self._documents: Counter[str] = Counter()
        self._occurrences: Counter[str] = Counter()
        for count in self._counts:
            self._documents.update(count.keys())
            self._occurrences.update(count)
        self._kept: list[str] = []

    def select(self, low: float, high: float) -> tuple[Longs, Longs]:
        self._kept = sorted(term for term, df in self._documents.items() if low <= df <= high)
        return self._figures()

    def keep(self, marked: Bytes) -> tuple[Longs, Longs]:
        self._kept = [term for term, mark in zip(self._kept, marked, strict=True) if mark]
        return self._figures()

    def terms(self) -> tuple[Bytes, Longs]:
        utf8 = [term.encode("utf-8", "surrogatepass") for term in self._kept]
        ends = np.cumsum([len(term) for term in utf8], dtype=np.int64)
        return np.frombuffer(b"".join(utf8), np.uint8), ends

    def rows(self) -> Rows:
        column = {term: i for i, term in enumerate(self._kept)}
        return _rows([{column[t]: c for t, c in n.items() if t in column} for n in self._counts])

    def _figures(self) -> tuple[Longs, Longs]:
        return (
            np.array([self._documents[term] for term in self._kept], dtype=np.int64),
            np.array([self._occurrences[term] for term in self._kept], dtype=np.int64),
        )


class KnownTerms:
    """A vocabulary, as the native class of this name has it."""

    def __init__(self, utf8: Bytes, ends: Longs) -> None:
        terms = terms_as_strings(utf8, ends)
        self._columns = {term: column for column, term in enumerate(terms)}
        if len(self._columns) < len(terms):
            raise ValueError("each term may stand there once")

    def count(self, texts: Sequence[str], *how: Any) -> Rows:
        counts = (Counter(map(self._columns.get, _terms(text, *how))) for text in texts)
        return _rows([{c: n for c, n in count.items() if c is not None} for count in counts])


def hashed_terms(texts: Sequence[str], *how: Any) -> Rows:
    """Count terms by their hash, as the native function of this name does."""
    *analysis, columns, signed = how
    rows: list[dict[int, int]] = []
    for text in texts:
        row: dict[int, int] = {}
        for term, count in Counter(_terms(text, *analysis)).items():
            code = _murmur3(term.encode("utf-8", "surrogatepass"))
            minus = code >> 31
            column = ((1 << 32) - code if minus else code) % columns
            row[column] = row.get(column, 0) + (-count if signed and minus else count)
        rows.append(row)
    return _rows(rows)


def terms_as_strings(utf8: Bytes, ends: Longs) -> list[str]:
    """Return the terms as strings."""
    whole, starts = utf8.tobytes(), [0, *ends[:-1].tolist()]
    if len(ends) and (np.diff(ends, prepend=0) < 0).any():
        raise ValueError("ends must rise")
    if (ends[-1] if len(ends) else 0) != len(whole):
        raise ValueError("the last end must be that of the bytes")
    spans = zip(starts, ends.tolist(), strict=True) if len(ends) else ()
    return [whole[begin:end].decode("utf-8", "surrogatepass") for begin, end in spans]


def _rows(counts: list[dict[int, int]]) -> Rows:
    cells = [sorted(count.items()) for count in counts]
    starts = np.cumsum([0, *map(len, cells)], dtype=np.int64)
    table = np.array([cell for row in cells for cell in row], dtype=np.int32).reshape(-1, 2)
    return starts, table[:, 0].copy(), table[:, 1].copy()


def _murmur3(data: bytes) -> int:
    """Return MurmurHash3_x86_32 with seed 0 (A. Appleby, public domain), from 0 to 2**32 - 1."""
    low = (1 << 32) - 1

    def scrambled(k: int) -> int:
        k = k * 0xCC9E2D51 & low
        return (k << 15 | k >> 17) * 0x1B873593 & low

    code, whole = 0, len(data) - len(data) % 4
    for i in range(0, whole, 4):
        code ^= scrambled(int.from_bytes(data[i : i + 4], "little"))
        code = ((code << 13 | code >> 19) * 5 + 0xE6546B64) & low
    if whole < len(data):
        code ^= scrambled(int.from_bytes(data[whole:], "little"))
    code ^= len(data)
    code = (code ^ code >> 16) * 0x85EBCA6B & low
    code = (code ^ code >> 13) * 0xC2B2AE35 & low
    return code ^ code >> 16
