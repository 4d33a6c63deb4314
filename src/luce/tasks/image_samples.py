"""A few images of a data set, small enough to be sent to a page."""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.data import Dataset, learn_encoding
from luce.data.array_encoding import ImageEncoding

_SIDE = 96  # pixels


def image_samples(dataset: Dataset, count: int) -> list[dict[str, Any]]:
    """Return images, the classes in turn: row, label, size, and the bytes of the pixels in base64.

    Images of more than 96 pixels a side are thinned out. Nothing for data that are no images.

    Parameters
    ----------
    dataset : Dataset
        With labels.
    count : int
        How many at most.

    Returns
    -------
    list of dict
        ``row``, ``label``, ``width``, ``height``, ``channels`` (1 or 3) and ``pixels``.
    """
    if dataset.kind != "images":
        return []
    encoding = learn_encoding(dataset)
    assert isinstance(encoding, ImageEncoding)
    names = dataset.class_names
    assert dataset.target is not None
    found = []
    for row in list(_in_turn(dataset.target))[:count]:
        pixels = _bytes(np.asarray(dataset.features[row]), encoding.scale)
        label = dataset.target[row]
        found.append(
            {
                "row": int(row),
                "label": str(label) if names is None else names[label],
                "height": pixels.shape[0],
                "width": pixels.shape[1],
                "channels": 1 if pixels.ndim == 2 else pixels.shape[2],
                "pixels": base64.b64encode(pixels.tobytes()).decode(),
            }
        )
    return found


def _in_turn(target: NDArray[Any]) -> Iterator[int]:
    """Rows with the first of each class first, then the second of each, and so on."""
    codes = np.unique(target, return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(codes.max() + 1))
    turn = np.arange(len(codes)) - starts[codes[order]]
    yield from order[np.lexsort((codes[order], turn))].tolist()


def _bytes(image: NDArray[Any], scale: float) -> NDArray[np.uint8]:
    """An image with white at 255, thinned out to 96 pixels a side."""
    step = -(-max(image.shape[:2]) // _SIDE)
    small = image[::step, ::step].astype(np.float64) * (255 / scale)
    return np.ascontiguousarray(np.clip(np.rint(small), 0, 255).astype(np.uint8))
