"""Which encoding a data set gets, and which one a model file brings."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
from numpy.typing import NDArray

from luce.data.array_encoding import (
    ArrayEncoding,
    ImageEncoding,
    array_encoding_from_json,
    image_encoding_from_json,
)
from luce.data.dataset import Dataset
from luce.data.encoding import Encoded, Encoding
from luce.data.json_fields import Fields
from luce.data.kinds import Kind
from luce.data.table_encoding import TableEncoding, table_encoding_from_json
from luce.data.text_encoding import TextEncoding, text_encoding_from_json

Tensors = Mapping[str, NDArray[Any]]

_READERS: dict[str, Callable[[Fields, Tensors], Encoding]] = {
    "table": lambda fields, _: table_encoding_from_json(fields),
    "images": lambda fields, _: image_encoding_from_json(fields),
    "array": lambda fields, _: array_encoding_from_json(fields),
    "text": text_encoding_from_json,
}


def learn_encoding(dataset: Dataset) -> Encoding:
    """Learn from training rows how their like become numbers.

    Tables: means and categories, see `TableEncoding`, and words, see `TextEncoding`; images: shape
    and white; arrays: nothing but their width.

    >>> from luce.data import load
    >>> learn_encoding(load("digits"))
    ImageEncoding(shape=(8, 8), scale=16.0)
    """
    features = dataset.features
    if isinstance(features, pl.DataFrame):
        if Kind.WORDS in dataset.kinds.values():
            return TextEncoding.learn(features, dataset.kinds)
        return TableEncoding.learn(features, dataset.kinds)
    return (ImageEncoding if dataset.kind == "images" else ArrayEncoding).learn(features)


def learn_and_apply(dataset: Dataset) -> tuple[Encoding, Encoded]:
    """Learn from training rows and encode them; of texts that is quicker than one by one."""
    features = dataset.features
    if isinstance(features, pl.DataFrame) and Kind.WORDS in dataset.kinds.values():
        return TextEncoding.learn_and_apply(features, dataset.kinds)
    encoding = learn_encoding(dataset)
    return encoding, encoding.apply(features)


def encoding_from_json(tree: object, tensors: Tensors | None = None) -> Encoding:
    """Return the encoding that `Encoding.to_json` wrote, with the `Encoding.tensors` beside it.

    Raises ModelFileError for anything else: a field too many, too few, of another type, not finite
    or out of range.

    >>> encoding_from_json({"kind": "array", "features": 2, "dtype": "float64"}).feature_names
    ('x1', 'x2')
    """
    fields = Fields(tree)
    return _READERS[fields.choice("kind", _READERS)](fields, tensors or {})
