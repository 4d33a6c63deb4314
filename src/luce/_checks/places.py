"""Where in an array something is wrong, in words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def first_of(wrong: NDArray[np.bool_]) -> list[int]:
    return [int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape)]


def named_row(row: Sequence[int]) -> str:
    """Return "row 3", "row (2, 3)", or "the only row" where logits have a single axis."""
    if not row:
        return "the only row"
    return f"row {row[0] if len(row) == 1 else tuple(row)}"


def named_element(place: tuple[int, ...]) -> str:
    if not place:
        return "the only element"
    return f"element {place[0] if len(place) == 1 else place}"
