"""Which classes are taken for which, a page of a large matrix at a time."""

from collections.abc import Mapping
from typing import Any

import numpy as np

MOST_CLASSES = 26  # of a matrix that is shown as a whole
_MOST_PAIRS = 200


def confusions(
    figures: Mapping[str, Any], *, page: int = 0, size: int = MOST_CLASSES
) -> dict[str, Any]:
    """Return the confusion matrix of ``eval.json``, or a page of it, and the most frequent pairs.

    The classes of a matrix that fits on one page keep their order. Of a larger one the classes
    with the most mistakes come first, whether they are taken for others or others for them; the
    columns ``elsewhere`` count the answers outside the page.

    Examples
    --------
    >>> figures = {"classes": ["a", "b"], "confusion": [[3, 1], [0, 2]], "per_class": []}
    >>> tree = confusions(figures)
    >>> tree["matrix"], tree["pairs"]
    ([[3, 1], [0, 2]], [{'true': 0, 'answer': 1, 'count': 1, 'share': 0.25}])
    """
    matrix = np.asarray(figures["confusion"], np.int64)  # (k, k)
    wrong = matrix - np.diag(matrix.diagonal())
    support = matrix.sum(axis=1)
    if len(matrix) <= size:
        order = np.arange(len(matrix))
    else:
        order = np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")
    pages = -(-len(matrix) // size)
    page = min(max(page, 0), pages - 1)
    shown = order[page * size : (page + 1) * size]
    part = matrix[np.ix_(shown, shown)]
    return {
        "page": page,
        "pages": pages,
        "codes": shown.tolist(),
        "matrix": part.tolist(),
        "elsewhere": (support[shown] - part.sum(axis=1)).tolist(),
        "support": support[shown].tolist(),
        "pairs": [
            {"true": i, "answer": j, "count": int(matrix[i, j]),
             "share": float(matrix[i, j] / support[i])}
            for i, j in (divmod(int(at), len(matrix)) for at in _largest(wrong))
        ],
        "per_class": figures["per_class"],
    }  # fmt: skip


def _largest(wrong: np.ndarray) -> np.ndarray:
    flat = wrong.ravel()
    order = np.argsort(-flat, kind="stable")[:_MOST_PAIRS]
    return order[flat[order] > 0]
