"""Which n-grams a column of texts gets; chosen on validation parts, see docs/text.md."""

import numpy as np

from luce.texts import TextOptions

_MANY = 1000  # texts, from which terms that stand in one text only are left out
_SHORT = 200  # characters; shorter texts (their median) get n-grams of characters too
_WORDS = TextOptions(analyzer="script", ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32)


def options_for(texts: tuple[str, ...]) -> list[TextOptions]:
    """Return the options of each kind of n-grams, from the training texts."""
    words = _WORDS.replaced(min_df=2 if len(texts) >= _MANY else 1)
    short = np.median([len(text) for text in texts] or [0]) < _SHORT
    if not (short and _has_spaces(texts)):
        return [words]
    return [words, words.replaced(analyzer="char_wb", ngram_range=(3, 4))]


def _has_spaces(texts: tuple[str, ...]) -> bool:
    """Whether words are set apart: one white character in twenty, at least."""
    characters = sum(map(len, texts))
    spaces = sum(text.count(" ") for text in texts)
    return 20 * spaces > characters
