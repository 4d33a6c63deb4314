"""Similar classes side by side, for trees whose neighbours share nodes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.errors import ShapeError

_ROUNDS = 8  # of the power method: the direction need not be exact


def similarity_order(vectors: ArrayLike, *, least: int = 4) -> NDArray[np.int64]:
    """Return the classes in an order in which neighbours are similar.

    The classes are cut at the median along their main direction, and the halves again: the
    order of the leaves of a principal direction tree (Sproull 1991, Algorithmica 6). Words whose
    contexts are alike then share the lower nodes of a tree, which is what the perplexity of a
    hierarchical softmax depends on (Mnih & Hinton 2008, NIPS 21).

    Parameters
    ----------
    vectors : array_like, shape (k, d)
        What is known of each class, such as a trained embedding, or the main directions of its
        counts of neighbours.
    least : int
        So few classes are not cut any more.

    Returns
    -------
    ndarray of int64, shape (k,)
        For ``ClassTree.balanced(k, arity, order=...)``.

    Raises
    ------
    ShapeError
        If the vectors are not a matrix.

    Notes
    -----
    Deterministic. Takes ``O(k d log k)``: a second for 30,000 classes of 100 numbers.

    Examples
    --------
    >>> from luce.nn import similarity_order
    >>> similarity_order([[0.0, 1.0], [5.0, 0.1], [0.1, 0.9], [5.1, 0.0]], least=2).tolist()
    [0, 2, 1, 3]
    """
    x = np.asarray(vectors, dtype=np.float64)
    if x.ndim != 2:
        raise ShapeError(
            f"vectors must have shape (k, d), got {x.shape}. Pass one row for each class."
        )
    done: list[NDArray[np.int64]] = []
    open_parts = [np.arange(len(x))]
    while open_parts:
        part = open_parts.pop()
        if len(part) <= max(least, 1):
            done.append(part)
            continue
        inside = x[part] - x[part].mean(axis=0)
        along = inside @ _main_direction(inside)
        sorted_part = part[np.argsort(along, kind="stable")]
        half = len(part) // 2
        open_parts += [sorted_part[half:], sorted_part[:half]]  # the left one comes next
    return np.concatenate(done).astype(np.int64)


def _main_direction(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return about the first principal direction; its sign makes the first class lie low."""
    farthest = centred[np.einsum("ij,ij->i", centred, centred).argmax()]
    direction = farthest
    for _ in range(_ROUNDS):
        moved = centred.T @ (centred @ direction)
        length = np.linalg.norm(moved)
        if not length > 0:  # all classes are alike
            break
        direction = moved / length
    turned: NDArray[np.float64] = direction if centred[0] @ direction <= 0 else -direction
    return turned
