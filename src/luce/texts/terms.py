"""The terms of a vocabulary: as bytes for the core and for files, as strings for people."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.kernels.text import Analysis, KnownTerms, Rows, terms_as_strings


class Terms:
    """Different terms in the order of their code points; immutable.

    Parameters
    ----------
    utf8 : array of uint8
        The terms in UTF-8, one after the other (a lone surrogate as three bytes).
    ends : array of int64
        Where each one ends.

    Raises
    ------
    ValueError
        If the ends do not fit the bytes, or bytes are not UTF-8: in `strings`; if a term stands
        there twice: in `count`.
    """

    def __init__(self, utf8: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self.utf8 = utf8
        self.ends = ends

    def __len__(self) -> int:
        return len(self.ends)

    def __getstate__(self) -> dict[str, Any]:
        return {"utf8": self.utf8, "ends": self.ends}  # the rest is made again when needed

    @cached_property
    def strings(self) -> list[str]:
        """The terms as strings."""
        return terms_as_strings(self.utf8, self.ends)

    @cached_property
    def columns(self) -> dict[str, int]:
        """The number of each term."""
        return dict(zip(self.strings, range(len(self)), strict=True))

    @cached_property
    def _known(self) -> KnownTerms:
        return KnownTerms(self.utf8, self.ends)

    def count(self, texts: tuple[str, ...], how: Analysis) -> Rows:
        """Return how often each text holds each term: CSR with sorted columns."""
        return self._known.count(texts, how)
