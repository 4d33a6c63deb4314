"""Hold out rows for evaluation, the same share of every class."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import DataError


class Split(NamedTuple):
    """Row numbers of the two parts, each in ascending order."""

    train: NDArray[np.intp]
    valid: NDArray[np.intp]


def stratified_split(target: NDArray[Any], fraction: float, seed: int) -> Split:
    r"""Hold out about ``fraction`` of the rows of each class.

    Of a class with :math:`n` rows, :math:`\mathrm{round}(\mathrm{fraction} \cdot n)` are held
    out, but at least one, and at least one stays. The same seed gives the same rows.

    Parameters
    ----------
    target : ndarray, shape (n,)
        The label of each row.
    fraction : float, between 0 and 1
    seed : int

    Raises
    ------
    DataError
        A class has a single row: it cannot be in both parts.

    Examples
    --------
    >>> split = stratified_split(np.array(["a", "a", "a", "b", "b"]), 0.2, seed=0)
    >>> len(split.train), len(split.valid)
    (3, 2)
    """
    classes, codes, counts = np.unique(target, return_inverse=True, return_counts=True)
    _check_counts(classes, codes, counts)
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(target), dtype=bool)
    by_class = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    for rows in by_class:
        take = min(max(round(fraction * len(rows)), 1), len(rows) - 1)
        held_out[rng.permutation(rows)[:take]] = True
    return Split(np.flatnonzero(~held_out), np.flatnonzero(held_out))


def _check_counts(classes: NDArray[Any], codes: NDArray[Any], counts: NDArray[Any]) -> None:
    single = np.flatnonzero(counts == 1)
    if len(single) == 0:
        return
    row = int(np.flatnonzero(codes == single[0])[0]) + 1
    others = f" (and {len(single) - 1} more such classes)" if len(single) > 1 else ""
    raise DataError(
        f"every class needs at least 2 rows to be split into training and evaluation rows, "
        f"but class {str(classes[single[0]])!r} has only row {row}{others}. "
        "Add rows of it, drop it, or evaluate on another file with --valid FILE."
    )
