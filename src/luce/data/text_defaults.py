"""Which n-grams a column of texts gets; chosen on validation parts, see docs/text.md."""

from collections.abc import Iterable

import numpy as np

from luce.errors import ParameterError
from luce.texts import TextOptions

_MANY = 1000  # texts, from which terms that stand in one text only are left out
_SHORT = 200  # characters; shorter texts (their median) get n-grams of characters too
_WORDS = TextOptions(sublinear_tf=True, dtype=np.float32)
_PAIRS, _LETTERS = ("script", (1, 2)), ("char_wb", (3, 4))
_SPANS = {
    "words": (("script", (1, 1)),),
    "pairs": (_PAIRS,),
    "letters": (_LETTERS,),
    "both": (_PAIRS, _LETTERS),
}


def options_for(texts: tuple[str, ...], ngrams: str | None = None) -> list[TextOptions]:
    """Return the options of each kind of n-grams, from the training texts.

    `ngrams` is "words" (single ones), "pairs" (also two in a row), "letters" (three and four in a
    row, within words) or "both" (the last two); without it, short texts whose words are set apart
    get both, others pairs.
    """
    ngrams = ngrams or _that_suit(texts)
    if ngrams not in _SPANS:
        raise ParameterError(f"ngrams must be one of {', '.join(_SPANS)}, got {ngrams!r}.")
    rare = 2 if len(texts) >= _MANY else 1
    return [
        _WORDS.replaced(min_df=rare, analyzer=analyzer, ngram_range=span)
        for analyzer, span in _SPANS[ngrams]
    ]


def name_of(kinds: Iterable[TextOptions]) -> str | None:
    """Return by what name `options_for` gave these; None for others."""
    spans = tuple((options.analyzer, options.ngram_range) for options in kinds)
    return next((name for name, own in _SPANS.items() if own == spans), None)


def _that_suit(texts: tuple[str, ...]) -> str:
    """Return which n-grams texts get where nobody has said it."""
    short = np.median([len(text) for text in texts] or [0]) < _SHORT
    return "both" if short and _has_spaces(texts) else "pairs"


def _has_spaces(texts: tuple[str, ...]) -> bool:
    """Whether words are set apart: one white character in twenty, at least."""
    characters = sum(map(len, texts))
    spaces = sum(text.count(" ") for text in texts)
    return 20 * spaces > characters
