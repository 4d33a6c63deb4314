"""Small images as PNG inside the page."""

import base64
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luce.errors import MissingExtraError
from luce.tasks.reporting.markup import text

_BLUE, _ORANGE = (0x1F, 0x6F, 0xB8), (0xD9, 0x6A, 0x0B)
_SIDE = 64  # larger images are shrunk: the page stays light


def photo(image: NDArray[Any], top: float, label: str) -> str:
    """An image (h, w) or (h, w, 3) whose brightest possible pixel is ``top``.

    A grey image drawn in light on a dark ground, such as a scanned digit, is shown as ink on the
    page: dark on a light page, light on a dark one.
    """
    pixels = np.clip(image / top * 255, 0, 255).astype(np.uint8)
    if pixels.ndim == 2 and np.median(_border(pixels)) < 64:
        return _img(np.stack([np.zeros_like(pixels), pixels], axis=2), "LA", "ink", label)
    return _img(pixels, "L" if pixels.ndim == 2 else "RGB", "", label)


def signed(values: NDArray[Any], top: float, label: str) -> str:
    """Values (h, w) as colours: blue above 0, orange below, transparent at 0, full at ``top``."""
    strength = np.clip(np.abs(values) / top, 0, 1)[..., np.newaxis]
    colour = np.where(values[..., np.newaxis] > 0, _BLUE, _ORANGE)
    rgba = np.concatenate([colour, 255 * strength], axis=2).astype(np.uint8)
    return _img(rgba, "RGBA", "", label)


def _border(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _img(pixels: NDArray[np.uint8], mode: str, kind: str, label: str) -> str:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError(
            "the pictures of a report need the package pillow, which is not installed."
            " Install it: pip install 'luce[app]'"
        ) from error
    height, width = pixels.shape[:2]
    image = Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())
    image.thumbnail((_SIDE, _SIDE))
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    source = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<span class="frame"><img class="{kind}" src="data:image/png;base64,{source}"'
        f' alt="{text(label)}" width="{image.width}" height="{image.height}"></span>'
    )
