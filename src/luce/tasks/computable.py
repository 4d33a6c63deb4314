"""Answers must be numbers: rows whose logits are not are refused, by row and column."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.data import Encoding
from luce.errors import DataError


def require_numbers(
    p: NDArray[np.floating[Any]], X: Any, encoding: Encoding, where: str, first_row: int = 1
) -> None:
    """Refuse probabilities that are NaN: a logit of theirs has overflowed, see `Model`.

    p : (n, k) probabilities
    X : (n, d) the encoded rows that they are of
    where, first_row : where the rows come from, and the number of the first, for the message

    Raises
    ------
    DataError
        A row has no probabilities; the message names the column with the largest number.
    """
    if not np.isnan(p.sum()):
        return
    from luce.tasks.reporting.feature_rows import row_of  # seldom needed

    row = int(np.isnan(p).any(axis=1).argmax())
    features = row_of(X, row)
    largest = int(np.abs(features).argmax())
    raise DataError(
        f"{where} must hold numbers of which the model can compute finite logits, but those of row"
        f" {first_row + row} are too large: {encoding.feature_names[largest]!r} is"
        f" {features[largest]:.6g}. Correct the cell."
    )
