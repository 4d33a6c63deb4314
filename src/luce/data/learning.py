"""Which encoding a data set gets, and which one a model file brings."""

from collections.abc import Callable

import polars as pl

from luce.data.array_encoding import (
    ArrayEncoding,
    ImageEncoding,
    array_encoding_from_json,
    image_encoding_from_json,
)
from luce.data.dataset import Dataset
from luce.data.encoding import Encoding
from luce.data.json_fields import Fields
from luce.data.table_encoding import TableEncoding, table_encoding_from_json

_READERS: dict[str, Callable[[Fields], Encoding]] = {
    "table": table_encoding_from_json,
    "images": image_encoding_from_json,
    "array": array_encoding_from_json,
}


def learn_encoding(dataset: Dataset) -> Encoding:
    """Learn from training rows how their like become numbers.

    Tables: means and categories, see `TableEncoding`; images: shape and white; arrays: nothing but
    their width.

    >>> from luce.data import load
    >>> learn_encoding(load("digits"))
    ImageEncoding(shape=(8, 8), scale=16.0)
    """
    features = dataset.features
    if isinstance(features, pl.DataFrame):
        return TableEncoding.learn(features, dataset.kinds)
    return (ImageEncoding if dataset.kind == "images" else ArrayEncoding).learn(features)


def encoding_from_json(tree: object) -> Encoding:
    """Return the encoding that `Encoding.to_json` wrote.

    Raises ModelFileError for anything else: a field too many, too few, of another type, not finite
    or out of range.

    >>> encoding_from_json({"kind": "array", "features": 2, "dtype": "float64"}).feature_names
    ('x1', 'x2')
    """
    fields = Fields(tree)
    return _READERS[fields.choice("kind", _READERS)](fields)
