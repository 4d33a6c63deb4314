"""Which n-grams a column of texts gets; chosen on validation parts, see docs/text.md."""

import numpy as np

from luce.errors import ParameterError
from luce.texts import TextOptions

_MANY = 1000  # texts, from which terms that stand in one text only are left out
_SHORT = 200  # characters; shorter texts (their median) get n-grams of characters too
_WORDS = TextOptions(analyzer="script", ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32)


def options_for(texts: tuple[str, ...], ngrams: str | None = None) -> list[TextOptions]:
    """Return the options of each kind of n-grams, from the training texts.

    `ngrams` is "words" (single ones), "pairs" (also two in a row), "letters" (three and four in a
    row, within words) or "both" (the last two); without it, short texts whose words are set apart
    get both, others pairs.
    """
    pairs = _WORDS.replaced(min_df=2 if len(texts) >= _MANY else 1)
    words = pairs.replaced(ngram_range=(1, 1))
    letters = pairs.replaced(analyzer="char_wb", ngram_range=(3, 4))
    kinds = {"words": [words], "pairs": [pairs], "letters": [letters], "both": [pairs, letters]}
    ngrams = ngrams or _that_suit(texts)
    if ngrams not in kinds:
        raise ParameterError(f"ngrams must be one of {', '.join(kinds)}, got {ngrams!r}.")
    return kinds[ngrams]


def _that_suit(texts: tuple[str, ...]) -> str:
    """Return which n-grams texts get where nobody has said it."""
    short = np.median([len(text) for text in texts] or [0]) < _SHORT
    return "both" if short and _has_spaces(texts) else "pairs"


def _has_spaces(texts: tuple[str, ...]) -> bool:
    """Whether words are set apart: one white character in twenty, at least."""
    characters = sum(map(len, texts))
    spaces = sum(text.count(" ") for text in texts)
    return 20 * spaces > characters
