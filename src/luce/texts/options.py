"""What can be chosen about texts as features, and the words for what cannot."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

import numpy as np

from luce.errors import ParameterError
from luce.kernels import text as kernel
from luce.kernels.text import ANALYZERS, Analysis

_ACCENTS = (None, "unicode", "ascii")
_NORMS = (None, "l1", "l2")


@dataclass(frozen=True)
class TextOptions:
    """Options of `luce.TextFeatures`, which documents them; checked when made.

    Raises
    ------
    ParameterError
        If an option has an impossible value.
    """

    analyzer: str = "word"
    ngram_range: tuple[int, int] = (1, 1)
    lowercase: bool = True
    strip_accents: str | None = None
    min_df: float = 1
    max_df: float = 1.0
    max_features: int | None = None
    binary: bool = False
    use_idf: bool = True
    smooth_idf: bool = True
    sublinear_tf: bool = False
    norm: str | None = "l2"
    hash_columns: int | None = None
    dtype: Any = np.float64

    def __post_init__(self) -> None:
        for name, required, right in _RULES:
            value = getattr(self, name)
            if not right(value):
                raise ParameterError(
                    f"{name} must be {required}, got {value!r}. Pass another {name}."
                )

    @property
    def analysis(self) -> Analysis:
        """How the core is to cut texts."""
        shortest, longest = self.ngram_range
        # Accents are stripped from the lower case: that is then made before.
        lowercase = self.lowercase and self.strip_accents is None
        return Analysis(self.analyzer, lowercase, int(shortest), int(longest))

    def replaced(self, **changes: Any) -> "TextOptions":
        """Return a copy with other values."""
        return TextOptions(**{f.name: getattr(self, f.name) for f in fields(self)} | changes)


def _whole(value: Any, least: int, most: float = np.inf) -> bool:
    whole = isinstance(value, Integral) and not _flag(value)
    return whole and least <= int(value) <= most


def _range(value: Any) -> bool:
    if not (isinstance(value, tuple | list) and len(value) == 2):
        return False
    low, high = value
    return _whole(low, 1) and _whole(high, int(low))


def _frequency(value: Any) -> bool:
    if isinstance(value, Integral):
        return _whole(value, 1)
    return isinstance(value, Real) and 0 <= float(value) <= 1


def _dtype(value: Any) -> bool:
    try:
        return np.dtype(value) in (np.dtype(np.float32), np.dtype(np.float64))
    except TypeError:
        return False


def _flag(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


_SHARE = "a number of texts from 1, or a share of them in [0.0, 1.0]"

_RULES: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    (
        "analyzer",
        "one of " + ", ".join(ANALYZERS),
        lambda a: isinstance(a, str) and a in ANALYZERS,
    ),
    ("ngram_range", "two whole numbers from 1, the second not smaller", _range),
    ("lowercase", "True or False", _flag),
    ("strip_accents", "'unicode', 'ascii' or None", lambda a: a is None or a in _ACCENTS),
    ("min_df", _SHARE, _frequency),
    ("max_df", _SHARE, _frequency),
    ("max_features", "a whole number from 1 or None", lambda m: m is None or _whole(m, 1)),
    ("binary", "True or False", _flag),
    ("use_idf", "True or False", _flag),
    ("smooth_idf", "True or False", _flag),
    ("sublinear_tf", "True or False", _flag),
    ("norm", "'l1', 'l2' or None", lambda n: n is None or n in _NORMS),
    (
        "hash_columns",
        f"a whole number from 1 to {kernel.MOST_COLUMNS} or None",
        lambda c: c is None or _whole(c, 1, kernel.MOST_COLUMNS),
    ),
    ("dtype", "float32 or float64", _dtype),
)
