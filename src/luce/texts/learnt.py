"""Texts as rows of a sparse matrix: what is learnt from some texts, and applied to others."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from luce.errors import DataError
from luce.kernels.text import LONGEST_TEXT, count_terms, hash_terms
from luce.texts.options import TextOptions
from luce.texts.terms import Terms
from luce.texts.weights import inverse_frequency, weighted

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class LearntText:
    """Options with the vocabulary and the weights that were learnt for them.

    ``terms`` is None where terms are hashed, ``idf`` where terms are not weighted.
    """

    options: TextOptions
    terms: Terms | None = None
    idf: Floats | None = None

    @property
    def width(self) -> int:
        """Number of features."""
        if self.terms is not None:
            return len(self.terms)
        assert self.options.hash_columns is not None, "who has no terms hashes"
        return int(self.options.hash_columns)

    def apply(self, texts: Iterable[str]) -> csr_matrix:
        """Return a row of weights for each text; terms that are not known are left out."""
        prepared = _prepared(texts, self.options)
        if self.terms is not None:
            rows = self.terms.count(prepared, self.options.analysis)
        else:
            rows = hash_terms(prepared, self.options.analysis, self.width, signed=True)
        return weighted(rows, self.width, self.options, self.idf)


class Learnt(NamedTuple):
    """What was learnt, and the rows of the texts that it was learnt from."""

    text: LearntText
    rows: csr_matrix


def learn_text(texts: Iterable[str], options: TextOptions) -> Learnt:
    """Learn a vocabulary and its weights; with `hash_columns` there is nothing to learn.

    Raises
    ------
    DataError
        If no term remains, or a text is too long.
    """
    if options.hash_columns is not None:
        text = LearntText(options)
        return Learnt(text, text.apply(texts))
    prepared = _prepared(texts, options)
    counted = count_terms(prepared, options.analysis)
    low, high = (_limit(share, len(prepared)) for share in (options.min_df, options.max_df))
    documents, occurrences = counted.select(low, high)
    if options.max_features is not None and len(documents) > options.max_features:
        often = documents if options.binary else occurrences
        # The expression of CountVectorizer, so that of equally frequent terms the same ones stay.
        most = (-often.astype(options.dtype)).argsort()[: options.max_features]
        marked = np.zeros(len(documents), np.uint8)
        marked[most] = 1
        documents, _ = counted.keep(marked)
    if not len(documents):
        raise _no_terms(len(prepared), options)
    idf = inverse_frequency(documents, len(prepared), options) if options.use_idf else None
    text = LearntText(options, Terms(*counted.terms()), idf)
    return Learnt(text, weighted(counted.rows(), text.width, options, idf))


def _limit(share: Any, n: int) -> float:
    return float(share) if isinstance(share, Integral) else float(share) * n


def _no_terms(n: int, options: TextOptions) -> DataError:
    return DataError(
        f"at least one term must be left of {n} texts, got none with analyzer="
        f"{options.analyzer!r}, ngram_range={tuple(options.ngram_range)}, min_df={options.min_df}"
        f" and max_df={options.max_df}. Check that the texts are not empty; a smaller min_df or a"
        " larger max_df keeps more terms, analyzer='script' or 'char' finds terms where there are"
        " no words of two letters."
    )


def _prepared(texts: Iterable[str], options: TextOptions) -> tuple[str, ...]:
    prepared = texts if isinstance(texts, tuple) else tuple(texts)
    if options.strip_accents is not None:
        strip = _ascii if options.strip_accents == "ascii" else _without_accents
        prepared = tuple(strip(text.lower() if options.lowercase else text) for text in prepared)
    longest = max(map(len, prepared), default=0)
    if longest > LONGEST_TEXT:
        raise DataError(
            f"a text may have {LONGEST_TEXT} characters, got one of {longest}. Cut it in parts."
        )
    return prepared


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    return "".join(c for c in apart if not unicodedata.combining(c))


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
