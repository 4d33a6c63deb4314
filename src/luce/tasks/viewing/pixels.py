"""Images as numbers that a page draws: bytes in base 64."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tree = dict[str, Any]


def image(pixels: NDArray[Any], top: float) -> Tree:
    """Return an image (h, w) or (h, w, 3) whose brightest possible pixel is ``top``."""
    bytes_ = np.clip(np.rint(np.asarray(pixels, np.float64) / top * 255), 0, 255).astype(np.uint8)
    return _tree(bytes_)


def signed(values: NDArray[Any], top: float) -> Tree:
    """Return values (h, w) with a sign: -127..127, where 127 stands for ``top``."""
    scaled = np.clip(np.rint(np.asarray(values, np.float64) / (top or 1.0) * 127), -127, 127)
    return {**_tree(scaled.astype(np.int8)), "top": top}


def pixels_of(features: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return one number a pixel (h, w) of one a feature (d,): colours are added up."""
    return np.asarray(features.reshape(shape[0], shape[1], -1).sum(axis=2))


def _tree(bytes_: NDArray[np.uint8] | NDArray[np.int8]) -> Tree:
    height, width, *colours = bytes_.shape
    data = base64.b64encode(np.ascontiguousarray(bytes_).tobytes()).decode()
    return {"height": height, "width": width, "colours": (*colours, 1)[0], "data": data}
