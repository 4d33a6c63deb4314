"""Sparse tables as they come from a caller, whose places nobody has checked yet."""

from typing import Any

import numpy as np

from luce.errors import DataError


def check_places(X: Any) -> None:
    """Raise a DataError where a CSR table X says that it stores numbers outside of itself.

    SciPy builds such tables without a word, and its products, as luce's, then read and write
    memory that is not theirs. To look costs next to nothing beside one product.
    """
    starts, columns, (n, d) = X.indptr, X.indices, X.shape
    stored = min(len(columns), len(X.data))
    fault = ""
    if len(starts) != n + 1 or starts[0] != 0 or starts[-1] > stored:
        ends = f"{starts[0]}..{starts[-1]}" if len(starts) else "nothing"
        fault = f"X.indptr must go from 0 to at most {stored}, in {n + 1} numbers, got {ends}"
    elif (np.diff(starts) < 0).any():
        row = int((np.diff(starts) < 0).argmax())
        fault = f"X.indptr must not fall, got {starts[row]} and then {starts[row + 1]} at row {row}"
    elif stored and not (columns.min() >= 0 and columns.max() < d):
        at = int(((columns < 0) | (columns >= d)).argmax())
        fault = f"X.indices must lie in 0..{d - 1} (X has {d} columns), got {columns[at]} at {at}"
    if fault:
        raise DataError(f"{fault}. Build X anew; X.check_format() tells more of such faults.")
