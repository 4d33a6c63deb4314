"""Which encoding a data set gets, and which one a model file brings."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import polars as pl
from numpy.typing import NDArray

from luce.data.array_encoding import (
    ArrayEncoding,
    ImageEncoding,
    array_encoding_from_json,
    image_encoding_from_json,
)
from luce.data.column_order import ColumnOrder, order_from_json
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
        texts = Kind.WORDS in dataset.kinds.values()
        learn = TextEncoding.learn if texts else TableEncoding.learn
        return ordered(learn(features, dataset.kinds), dataset.order)
    return (ImageEncoding if dataset.kind == "images" else ArrayEncoding).learn(features)


def learn_and_apply(dataset: Dataset, *, ngrams: str | None = None) -> tuple[Encoding, Encoded]:
    """Learn from training rows and encode them; of texts that is quicker than one by one.

    `ngrams` says which n-grams texts get ("words", "pairs", "letters" or "both"); without it, those
    that suit them.
    """
    features = dataset.features
    if isinstance(features, pl.DataFrame) and Kind.WORDS in dataset.kinds.values():
        texts, encoded = TextEncoding.learn_and_apply(features, dataset.kinds, ngrams)
        return ordered(texts, dataset.order), encoded
    encoding = learn_encoding(dataset)
    return encoding, encoding.apply(features)


def ordered(encoding: TableEncoding | TextEncoding, order: ColumnOrder | None) -> Encoding:
    """Return the encoding with what it must know of files without a header."""
    return encoding if order is None else replace(encoding, order=order)


def encoding_from_json(tree: object, tensors: Tensors | None = None) -> Encoding:
    """Return the encoding that `Encoding.to_json` wrote, with the `Encoding.tensors` beside it.

    Raises ModelFileError for anything else: a field too many, too few, of another type, not finite
    or out of range.

    >>> encoding_from_json({"kind": "array", "features": 2, "dtype": "float64"}).feature_names
    ('x1', 'x2')
    """
    fields = Fields(tree)
    kind = fields.choice("kind", _READERS)
    order = fields.inner_or_absent("order") if kind in ("table", "text") else None
    encoding = _READERS[kind](fields, tensors or {})
    if order is None:
        return encoding
    assert isinstance(encoding, TableEncoding | TextEncoding), "they alone have columns"
    return ordered(encoding, order_from_json(order))
