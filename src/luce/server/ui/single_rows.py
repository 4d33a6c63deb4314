"""One row, as the Predict page sends it and as a model's encoding takes it."""

import base64
import binascii
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data import Dataset, Encoding
from luce.data.array_encoding import ImageEncoding
from luce.data.cells import as_text
from luce.data.images import load_images
from luce.errors import DataError, ParameterError
from luce.tasks.viewing.pixels import image

Tree = dict[str, Any]


def features_of(encoding: Encoding, body: Mapping[str, Any]) -> pl.DataFrame | NDArray[Any]:
    """Return the row of a request as the encoding takes it.

    A table's row is ``{"row": {column: cell}}``, cells as a CSV file spells them or null; an
    array's ``{"values": [...]}``; an image's ``{"pixels": "..."}``, bytes in base 64, 255 being
    white.

    Raises
    ------
    ParameterError
        The body holds no such row.
    """
    if isinstance(encoding, ImageEncoding):
        return _image(encoding, body.get("pixels"))
    if encoding.columns is None:
        return _values(encoding.width, body.get("values"))
    return _frame(encoding.columns, body.get("row"))


def sample_of(dataset: Dataset, position: int) -> Tree:
    """Return a row of a data set as `features_of` takes it."""
    features = dataset.features
    if isinstance(features, pl.DataFrame):
        row = features[position]
        return {"row": {name: as_text(row[name])[0] for name in features.columns}}
    if dataset.kind == "images":
        top = 255.0 if features.dtype == np.uint8 else max(1.0, float(features.max()))
        return {"pixels": image(features[position], top)["data"]}
    return {"values": np.asarray(features[position], np.float64).tolist()}


def image_of(encoding: Encoding, path: Path) -> Tree:
    """Return an image file in the size and the colours of the model.

    Raises
    ------
    ParameterError
        The model reads no images.
    DataError
        The file is no sound image, or has too many pixels.
    """
    shape = encoding.image_shape
    if shape is None:
        raise ParameterError("this model reads no images. Fill in the fields of a row.")
    try:
        dataset = load_images(path, needs_target=False, image_shape=shape)
    except DataError as error:
        # Its words name a file of the server's private folder, which tells the user nothing.
        raise DataError(
            "the file must be a sound image, PNG, JPEG, WebP or BMP, of at most 25 megapixels, but"
            " it cannot be read. Choose another one."
        ) from error
    assert isinstance(dataset.features, np.ndarray), "images are an array"
    return image(dataset.features[0], 255.0)


def _image(encoding: ImageEncoding, pixels: Any) -> NDArray[Any]:
    size = prod(encoding.shape)
    try:
        data = base64.b64decode(pixels, validate=True)
    except (TypeError, ValueError, binascii.Error):
        data = b""
    if len(data) != size:
        raise ParameterError(
            f"pixels must be {size} bytes in base 64, one for each pixel and colour of"
            f" {encoding.shape}, got {len(data)} bytes. Send the whole image."
        )
    bytes_ = np.frombuffer(data, np.uint8).reshape(1, *encoding.shape)
    if encoding.scale == 255:
        return bytes_
    # White is 255 here, and `scale` in the data that the model knows (16 of the digits).
    return (bytes_ * np.float32(encoding.scale / 255)).astype(np.float32)


def _values(width: int, values: Any) -> NDArray[np.float64]:
    good = isinstance(values, list) and len(values) == width
    if not good or not all(_number(value) for value in values):
        raise ParameterError(
            f"values must be a list of {width} numbers, got {str(values)[:60]!r}. Send one number"
            " for each feature."
        )
    return np.asarray([values], np.float64)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _frame(columns: tuple[str, ...], row: Any) -> pl.DataFrame:
    if not isinstance(row, dict):
        raise ParameterError(
            f"row must be an object with a cell for each column, got {str(row)[:60]!r}. Send"
            ' {"row": {"column": "cell"}}.'
        )
    wrong = [name for name in columns if not isinstance(row.get(name), str | None)]
    if wrong:
        raise DataError(
            f"cells must be texts, as a CSV file spells them, or null, got"
            f" {str(row[wrong[0]])[:60]!r} in column {wrong[0]!r}. Write the number as a text."
        )
    cells = {name: [row[name]] for name in columns if name in row}
    return pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String))
