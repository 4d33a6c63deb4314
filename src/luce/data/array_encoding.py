"""Images and arrays as numbers: pixels divided by white, features as they are."""

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from luce.data.arrays import kind_of, require_finite_array
from luce.data.columns import NumberColumn
from luce.data.encoding import Encoded, Encoding
from luce.data.json_fields import Fields
from luce.data.kinds import Kind
from luce.data.suggest import listed
from luce.data.table_encoding import TableEncoding
from luce.errors import DataError, ShapeError

_MOST = 1 << 24  # features; more cannot come from a sound model file

Source = pl.DataFrame | NDArray[Any]


@dataclass(frozen=True)
class ImageEncoding(Encoding):
    """Pixels row by row, divided by ``scale``, as float32.

    ``scale`` is the largest value that the pixels' type can hold (255 for 8 bits); for
    floating-point pixels it is the largest one in training (16 for `digits`), or 1 if none is
    larger.
    """

    shape: tuple[int, ...]
    scale: float

    @classmethod
    def learn(cls, images: NDArray[Any]) -> "ImageEncoding":
        if images.dtype.kind in "iu":
            scale = float(np.iinfo(images.dtype).max)
        else:
            scale = max(1.0, float(np.abs(images).max()))
        return cls(images.shape[1:], scale)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """``"pixel row,column"``, and the colour where there is one."""
        rows, columns, *colours = self.shape
        places = [f"pixel {r},{c}" for r, c in product(range(rows), range(columns))]
        if not colours:
            return tuple(places)
        return tuple(f"{place} {colour}" for place in places for colour in ("red", "green", "blue"))

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"Pixels are divided by {self.scale:g}.",)

    @property
    def image_shape(self) -> tuple[int, ...]:
        return self.shape

    def apply(self, features: Source, *, first_row: int = 1, where: str = "the data") -> Encoded:
        images, ignored = _as_array(features, self, first_row, where)
        if images.shape[1:] not in (self.shape, (prod(self.shape),)):
            raise ShapeError(
                f"images must have the shape {self.shape} that the model was trained on, got "
                f"{images.shape[1:]} in {where}. Bring them to that size."
            )
        require_finite_array(images, where, first_row)
        wide = images.dtype.itemsize > 4  # float64 may hold what float32 does not
        with np.errstate(over="ignore"):
            X = np.divide(images, self.scale, dtype=None if wide else np.float32)
            X = np.ascontiguousarray(X.reshape(len(images), -1), dtype=np.float32)
        require_finite_array(X, where, first_row)
        return Encoded(X, ignored=ignored)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "images", "shape": list(self.shape), "scale": self.scale}


@dataclass(frozen=True)
class ArrayEncoding(Encoding):
    """Columns of an array as they are, as float32 or float64 like those of training."""

    features: int
    dtype: str

    @classmethod
    def learn(cls, array: NDArray[Any]) -> "ArrayEncoding":
        return cls(array.shape[1], array.dtype.name)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """``"x1"``, ``"x2"``, ..."""
        return tuple(f"x{i + 1}" for i in range(self.features))

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def apply(self, features: Source, *, first_row: int = 1, where: str = "the data") -> Encoded:
        array, ignored = _as_array(features, self, first_row, where)
        if array.shape[1:] != (self.features,):
            raise ShapeError(
                f"rows must have the {self.features} features that the model was trained on, got "
                f"shape {array.shape[1:]} in {where}."
            )
        require_finite_array(array, where, first_row)
        return Encoded(np.ascontiguousarray(array, dtype=self.dtype), ignored=ignored)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "array", "features": self.features, "dtype": self.dtype}


def image_encoding_from_json(fields: Fields) -> ImageEncoding:
    """Read an image encoding, strictly."""
    shape, scale = fields.counts("shape", least=1), fields.number("scale")
    fields.done()
    if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)) or prod(shape) > _MOST:
        raise fields.error("shape", f"(h, w) or (h, w, 3), at most {_MOST} numbers", list(shape))
    if scale < 1:
        raise fields.error("scale", "at least 1", scale)
    return ImageEncoding(shape, scale)


def array_encoding_from_json(fields: Fields) -> ArrayEncoding:
    """Read an array encoding, strictly."""
    features, dtype = fields.count("features", 1), fields.choice("dtype", ("float32", "float64"))
    fields.done()
    if features > _MOST:
        raise fields.error("features", f"at most {_MOST}", features)
    return ArrayEncoding(features, dtype)


def _as_array(
    features: Source, encoding: ImageEncoding | ArrayEncoding, first_row: int, where: str
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return an array and the columns not used.

    A table gives its columns of these names; one with other names, but as many columns as there
    are features, gives them in their order.
    """
    if not isinstance(features, pl.DataFrame):
        kind_of(features, where)
        return features, ()
    columns, names = features.columns, encoding.feature_names
    chosen = names if set(names) <= set(columns) else tuple(columns)
    if len(chosen) != len(names):
        raise ShapeError(
            f"a table for this model must have the columns {listed(names, 3)}, or {len(names)} "
            f"columns in their order, got {len(columns)} columns in {where}: {listed(columns)}."
        )
    reader = TableEncoding(tuple(NumberColumn(name, Kind.NUMBER, 0.0, False) for name in chosen))
    encoded = reader.apply(features, first_row=first_row, where=where)
    if encoded.missing:
        raise DataError(
            f"this model was trained without missing values, but {where} has some in "
            f"{listed(encoded.missing)}. Fill them in."
        )
    return encoded.X, encoded.ignored
