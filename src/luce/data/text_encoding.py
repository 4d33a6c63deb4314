"""Columns of texts as sparse features, and the other columns of the table beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from luce.data.cells import as_text
from luce.data.column_order import ColumnOrder
from luce.data.encoding import Encoded, Encoding
from luce.data.json_fields import Fields
from luce.data.kinds import LEFT_OUT, Kind
from luce.data.suggest import did_you_mean, listed
from luce.data.table_encoding import TableEncoding, table_encoding_from_json
from luce.data.text_defaults import name_of, options_for
from luce.errors import ColumnError, DataError, ModelFileError, ParameterError
from luce.texts import LearntText, Terms, TextOptions, learn_text

Tensors = Mapping[str, NDArray[Any]]
Source = pl.DataFrame | NDArray[Any]


@dataclass(frozen=True, eq=False)
class TextPart:
    """One kind of n-grams of one column."""

    name: str
    learnt: LearntText

    @property
    def feature_names(self) -> list[str]:
        assert self.learnt.terms is not None, "no model of luce hashes its terms"
        inside = self.learnt.options.analyzer == "char_wb"
        sign = "~" if inside else ":"  # the word 'bill' is another feature than its letters
        return [f"{self.name}{sign} {term!r}" for term in self.learnt.terms.strings]


@dataclass(frozen=True, eq=False)
class TextEncoding(Encoding):
    """Texts as tf-idf of their n-grams, then the other columns as in a `TableEncoding`.

    The features are a CSR matrix of float32. A missing text has no words. One column may have
    several parts: words, and characters within words where texts are short.
    """

    texts: tuple[TextPart, ...]
    table: TableEncoding | None = None
    order: ColumnOrder | None = None

    @classmethod
    def learn(cls, frame: pl.DataFrame, kinds: Mapping[str, Kind]) -> "TextEncoding":
        """Learn from training rows."""
        return cls.learn_and_apply(frame, kinds)[0]

    @classmethod
    def learn_and_apply(
        cls, frame: pl.DataFrame, kinds: Mapping[str, Kind], ngrams: str | None = None
    ) -> tuple["TextEncoding", Encoded]:
        """Learn from training rows and encode them: quicker than one after the other.

        `ngrams` is ``options_for``'s; without it, each column gets those that suit it.
        """
        names = [name for name in frame.columns if kinds[name] is Kind.WORDS]
        rest = frame.drop(names)
        others = [kind for name, kind in kinds.items() if name in rest.columns]
        used = any(kind not in LEFT_OUT for kind in others)
        table = TableEncoding.learn(rest, kinds) if used else None
        parts: list[TextPart] = []
        blocks: list[csr_matrix] = []
        missing: dict[str, int] = {}
        for name in names:
            texts, absent = _texts(frame[name])
            missing |= {name: absent} if absent else {}
            for options in options_for(texts, ngrams):
                learnt, block = _learnt(texts, options, name)
                parts.append(TextPart(name, learnt))
                blocks.append(block)
        encoding = cls(tuple(parts), table)
        return encoding, encoding._joined(blocks, frame, missing, 1, "the training data")

    @property
    def columns(self) -> tuple[str, ...]:
        names = dict.fromkeys(part.name for part in self.texts)
        return (*names, *(self.table.columns if self.table else ()))

    @property
    def ngrams(self) -> str | None:
        """What all texts are read as, by the names of `options_for`; None if they differ."""
        names = {
            name_of(part.learnt.options for part in self.texts if part.name == column)
            for column in {part.name for part in self.texts}
        }
        return names.pop() if len(names) == 1 else None

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """``"column: 'words'"`` and ``"column~ 'lette'"``, then those of the table."""
        terms = (name for part in self.texts for name in part.feature_names)
        return (*terms, *(self.table.feature_names if self.table else ()))

    @property
    def width(self) -> int:
        table = len(self.table.feature_names) if self.table else 0
        return sum(part.learnt.width for part in self.texts) + table

    @property
    def notes(self) -> tuple[str, ...]:
        said = tuple(_described(part) for part in self.texts)
        return said + (self.table.notes if self.table else ())

    @property
    def tensors(self) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = {}
        for i, part in enumerate(self.texts):
            assert part.learnt.terms is not None
            found[f"text.{i}.terms"] = part.learnt.terms.utf8
            found[f"text.{i}.ends"] = part.learnt.terms.ends
            if part.learnt.idf is not None:
                found[f"text.{i}.idf"] = part.learnt.idf
        return found

    def apply(self, features: Source, *, first_row: int = 1, where: str = "the data") -> Encoded:
        frame = self._require_columns(features, where)
        blocks: list[csr_matrix] = []
        missing: dict[str, int] = {}
        texts: dict[str, tuple[str, ...]] = {}
        for part in self.texts:
            if part.name not in texts:
                texts[part.name], absent = _texts(frame[part.name])
                missing |= {part.name: absent} if absent else {}
            blocks.append(part.learnt.apply(texts[part.name]))
        return self._joined(blocks, frame, missing, first_row, where)

    def _joined(
        self,
        blocks: list[csr_matrix],
        frame: pl.DataFrame,
        missing: dict[str, int],
        first_row: int,
        where: str,
    ) -> Encoded:
        used = set(self.columns)
        ignored = tuple(name for name in frame.columns if name not in used)
        unseen: Mapping[str, int] = {}
        if self.table is not None:
            rest = self.table.apply(frame, first_row=first_row, where=where)
            blocks = [*blocks, csr_matrix(rest.X.astype(np.float32))]
            unseen, missing = rest.unseen, {**missing, **rest.missing}
        X = blocks[0] if len(blocks) == 1 else hstack(blocks, format="csr", dtype=np.float32)
        return Encoded(X, unseen, missing, ignored)

    def _require_columns(self, features: Source, where: str) -> pl.DataFrame:
        if not isinstance(features, pl.DataFrame):
            raise DataError(
                f"the model reads a table with the columns {listed(self.columns)}, but {where} is "
                f"an array of shape {features.shape}. Give it a table."
            )
        absent = [name for name in self.columns if name not in features.columns]
        if absent:
            raise ColumnError(
                f"{where} must have the columns that the model was trained on, but "
                f"{listed(absent)} {'is' if len(absent) == 1 else 'are'} missing."
                f"{did_you_mean(absent[0], features.columns)} Columns are matched by name."
            )
        return features

    def to_json(self) -> dict[str, Any]:
        texts = [
            {"name": part.name, "options": _options_to_json(part.learnt.options)}
            for part in self.texts
        ]
        table = None if self.table is None else self.table.to_json()
        tree = {"kind": "text", "texts": texts, "table": table}
        return tree if self.order is None else {**tree, "order": self.order.to_json()}


def text_encoding_from_json(fields: Fields, tensors: Tensors) -> TextEncoding:
    """Read a text encoding, strictly."""
    parts = tuple(
        _part_from_json(part, i, tensors) for i, part in enumerate(fields.objects("texts"))
    )
    if not parts:
        raise fields.error("texts", "at least one", [])
    rest = fields.inner_or_null("table")
    fields.done()
    table = None
    if rest is not None:
        rest.choice("kind", ("table",))
        table = table_encoding_from_json(rest)
    return TextEncoding(parts, table)


def _part_from_json(part: Fields, i: int, tensors: Tensors) -> TextPart:
    name, values = part.text("name"), part.inner("options").rest()
    part.done()
    try:
        options = TextOptions(**{**values, "dtype": np.float32})
    except (TypeError, ParameterError) as error:
        raise part.error("options", "those of luce.TextFeatures", str(error)) from None
    if options.hash_columns is not None:
        raise part.error("options", "without hash_columns", options.hash_columns)
    try:
        terms = Terms(_tensor(tensors, i, "terms", "u1"), _tensor(tensors, i, "ends", "i8"))
        if not len(terms) or sorted(set(terms.strings)) != terms.strings:
            raise ValueError("terms must be sorted, none of them twice")
        idf = _tensor(tensors, i, "idf", "f4") if options.use_idf else None
        if idf is not None and len(idf) != len(terms):
            raise ValueError(f"{len(idf)} weights for {len(terms)} terms")
    except ValueError as error:  # also of bytes that are no UTF-8
        raise ModelFileError(
            f"the vocabulary of text {i} ({name!r}) must be whole, got: {error}. The file is "
            "damaged or foreign: copy it again or train the model again."
        ) from error
    return TextPart(name, LearntText(options, terms, idf))


def _tensor(tensors: Tensors, i: int, name: str, dtype: str) -> NDArray[Any]:
    tensor = tensors.get(f"text.{i}.{name}")
    if tensor is None or tensor.ndim != 1 or tensor.dtype != np.dtype(dtype):
        got = "nothing" if tensor is None else f"{tensor.dtype} of shape {tensor.shape}"
        raise ValueError(f"text.{i}.{name} must be a row of {np.dtype(dtype).name}, not {got}")
    return tensor


def _options_to_json(options: TextOptions) -> dict[str, Any]:
    values = {item.name: getattr(options, item.name) for item in fields(options)}
    del values["dtype"]  # float32 in every model
    return values | {"ngram_range": list(options.ngram_range)}


def _texts(column: pl.Series) -> tuple[tuple[str, ...], int]:
    """Return the texts of a column, a missing one as an empty one, and how many are missing."""
    text = as_text(column) if column.dtype != pl.String else column
    return tuple(text.fill_null("").to_list()), text.null_count()


def _learnt(
    texts: tuple[str, ...], options: TextOptions, name: str
) -> tuple[LearntText, csr_matrix]:
    try:
        learnt, rows = learn_text(texts, options)
    except DataError as error:
        raise DataError(f"column {name!r} cannot be read as text: {error}") from error
    return learnt, rows


def _described(part: TextPart) -> str:
    options = part.learnt.options
    low, high = options.ngram_range
    span = f"{low}" if low == high else f"{low} to {high}"
    what = "characters within words" if options.analyzer == "char_wb" else "words"
    rare = ", leaving out those of one text" if options.min_df == 2 else ""
    return (
        f"Of {part.name!r} the features are {part.learnt.width:,} n-grams of {span} {what}, "
        f"weighted by tf-idf{rare}."
    )
