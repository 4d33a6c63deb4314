import json

import numpy as np
import polars as pl
import pytest
from reference.texts import prose

from luce import TextFeatures
from luce.data import encoding_from_json, learn_encoding, load
from luce.data.kinds import Kind
from luce.data.learning import learn_and_apply
from luce.data.text_encoding import TextEncoding
from luce.errors import DataError, ModelFileError, ParameterError

pytestmark = pytest.mark.once

TEXTS = [*prose(30, letters="abcde"), "", None]
FRAME = pl.DataFrame({"body": TEXTS, "size": list(range(32)), "kind": ["x", "y"] * 16})
KINDS = {"body": Kind.WORDS, "size": Kind.NUMBER, "kind": Kind.CATEGORY}


def test_texts_come_first_and_the_other_columns_after_them():
    encoding, encoded = TextEncoding.learn_and_apply(FRAME, KINDS)
    words = TextFeatures(analyzer="script", ngram_range=(1, 2), sublinear_tf=True)
    X = words.fit_transform([text or "" for text in TEXTS])
    assert encoded.X.dtype == np.float32
    np.testing.assert_allclose(encoded.X[:, : X.shape[1]].toarray(), X.toarray(), atol=1e-6)
    np.testing.assert_array_equal(encoded.X[:, -3].toarray().ravel(), FRAME["size"])
    assert encoding.feature_names[-3:] == ("size", "kind=x", "kind=y")
    assert encoding.feature_names[0] == f"body: {next(iter(words.vocabulary_))!r}"
    assert encoding.width == len(encoding.feature_names) == encoded.X.shape[1]
    assert encoding.columns == ("body", "size", "kind")
    assert encoded.missing == {"body": 1}
    assert len(encoded) == 32


def test_applying_gives_the_rows_of_learning():
    encoding, encoded = TextEncoding.learn_and_apply(FRAME, KINDS)
    assert (encoding.apply(FRAME).X != encoded.X).nnz == 0
    again = encoding.apply(FRAME.with_columns(more=pl.lit(1)))
    assert again.ignored == ("more",)


def test_it_comes_back_from_json_and_tensors():
    encoding = TextEncoding.learn(FRAME, KINDS)
    tree = json.loads(json.dumps(encoding.to_json()))
    again = encoding_from_json(tree, encoding.tensors)
    assert (again.apply(FRAME).X != encoding.apply(FRAME).X).nnz == 0
    assert again.to_json() == encoding.to_json()


def damaged(**tensors):
    encoding = TextEncoding.learn(FRAME.select("body"), {"body": Kind.WORDS})
    return encoding.to_json(), encoding.tensors | tensors


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("terms", lambda t: t[:-1], "last end"),
        ("terms", lambda t: np.full_like(t, 0xFF), "codec can't decode"),
        ("terms", lambda t: t[::-1].copy(), "sorted|decode"),
        ("terms", lambda t: t.astype(np.int64), "row of uint8, not int64"),
        ("ends", lambda t: t[::-1].copy(), "rise"),
        ("ends", lambda t: t[None], "row of int64, not int64 of shape"),
        ("ends", lambda t: t[:0], "last end|sorted"),
        ("idf", lambda t: t[:-1], "weights for"),
    ],
)
def test_a_damaged_vocabulary_is_refused(name, change, words):
    tree, tensors = damaged()
    tensors[f"text.0.{name}"] = change(tensors[f"text.0.{name}"])
    with pytest.raises(ModelFileError, match=words):
        encoding_from_json(tree, tensors)


def test_damaged_metadata_are_refused():
    tree, tensors = damaged()
    for change, words in (
        ({"texts": []}, "texts must be at least one"),
        ({"more": 1}, "more must be absent"),
        ({"table": 1}, "table must be an object"),
        ({"texts": [{"name": "body", "options": {"analyzer": "x"}}]}, "options must be those of"),
        ({"texts": [{"name": "body", "options": {"norms": "x"}}]}, "options must be those of"),
        ({"texts": [{"name": "body", "options": {"hash_columns": 9}}]}, "without hash_columns"),
    ):
        with pytest.raises(ModelFileError, match=words):
            encoding_from_json(tree | change, tensors)
    with pytest.raises(ModelFileError, match="terms must be a row of uint8, not nothing"):
        encoding_from_json(tree)


def test_a_missing_column_and_an_array_are_told():
    encoding = TextEncoding.learn(FRAME, KINDS)
    with pytest.raises(DataError, match=r"'body' is missing. Did you mean 'Body'"):
        encoding.apply(FRAME.rename({"body": "Body"}))
    with pytest.raises(DataError, match="an array of shape"):
        encoding.apply(np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("texts", "parts"),
    [
        (["how do i pay my bill"] * 3, 2),
        (["床前明月光，疑是地上霜"] * 3, 1),
        (["a long text of many words " * 20] * 3, 1),
    ],
    ids=["short", "chinese", "long"],
)
def test_short_texts_get_characters_too(texts, parts):
    frame = pl.DataFrame({"text": texts})
    encoding = TextEncoding.learn(frame, {"text": Kind.WORDS})
    assert len(encoding.texts) == parts == len(encoding.notes)


@pytest.fixture
def table(tmp_path):
    """Write a CSV of 40 rows from (name, cell of row i) pairs; the last is the label."""

    def write(**columns):
        lines = [",".join([*columns, "label"])]
        lines += [
            ",".join([*(cell(i) for cell in columns.values()), "ab"[i % 2]]) for i in range(40)
        ]
        path = tmp_path / "t.csv"
        path.write_text("\n".join(lines))
        return path

    return write


def sentence(i):
    return f"order {i} is late again"


def test_long_texts_are_read_where_there_is_nothing_else(table):
    dataset = load(table(remark=sentence, number=lambda i: f"id{i}"))
    assert dataset.kinds == {"remark": Kind.WORDS, "number": Kind.TEXT}
    assert "Read as text: 'remark'." in dataset.notes
    assert isinstance(learn_encoding(dataset), TextEncoding)
    encoding, encoded = learn_and_apply(dataset)
    assert encoded.X.shape == (40, encoding.width)


def test_beside_other_columns_texts_must_be_asked_for(table):
    path = table(remark=sentence, size=str)
    assert load(path).kinds == {"remark": Kind.TEXT, "size": Kind.NUMBER}
    assert load(path, text=["remark"]).kinds["remark"] is Kind.WORDS
    with pytest.raises(DataError, match=r"no column 'Remarks' to read as text. Did you mean 'rem"):
        load(path, text=["Remarks"])


def test_names_and_numbers_are_no_texts(table):
    with pytest.raises(DataError, match="have it read as text: --text NAME"):
        load(table(name=lambda i: f"Ann B{i}"))


@pytest.mark.parametrize(
    ("ngrams", "spans"),
    [
        ("words", [("script", (1, 1))]),
        ("pairs", [("script", (1, 2))]),
        ("letters", [("char_wb", (3, 4))]),
        ("both", [("script", (1, 2)), ("char_wb", (3, 4))]),
    ],
)
def test_n_grams_that_are_asked_for(ngrams, spans):
    encoding, encoded = TextEncoding.learn_and_apply(FRAME, KINDS, ngrams)
    assert [(p.learnt.options.analyzer, p.learnt.options.ngram_range) for p in encoding.texts] == [
        span for _ in {part.name for part in encoding.texts} for span in spans
    ]
    assert encoded.X.shape[1] == encoding.width
    assert encoding.ngrams == ngrams


def test_columns_read_differently_have_no_common_n_grams():
    frame = pl.DataFrame({"a": ["how do i pay"] * 3, "b": ["a long text of words " * 20] * 3})
    kinds = dict.fromkeys(frame.columns, Kind.WORDS)
    assert TextEncoding.learn(frame, kinds).ngrams is None
    assert TextEncoding.learn(frame.select("a"), kinds).ngrams == "both"


def test_n_grams_that_there_are_not():
    with pytest.raises(ParameterError, match="must be one of words, pairs, letters, both, got 'x'"):
        TextEncoding.learn_and_apply(FRAME, KINDS, "x")
