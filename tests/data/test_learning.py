import json
import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luce.data import (
    ArrayEncoding,
    Dataset,
    ImageEncoding,
    Kind,
    TableEncoding,
    encoding_from_json,
    learn_encoding,
    load,
)
from luce.data.columns import CategoryColumn, NumberColumn
from luce.errors import ModelFileError

names = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
counts = st.integers(0, 2**31 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)
columns = st.one_of(
    st.builds(
        NumberColumn,
        names,
        st.sampled_from([Kind.NUMBER, Kind.DATE, Kind.BOOLEAN]),
        finite,
        st.booleans(),
    ),
    st.builds(
        CategoryColumn,
        names,
        st.lists(names, unique=True, max_size=5).map(tuple),
        st.booleans(),
        counts,
    ),
)
encodings = st.one_of(
    st.lists(columns, min_size=1, max_size=4, unique_by=lambda part: part.name).map(
        lambda parts: TableEncoding(tuple(parts))
    ),
    st.builds(
        ImageEncoding,
        st.one_of(
            st.tuples(st.integers(1, 99), st.integers(1, 99)),
            st.tuples(st.integers(1, 99), st.integers(1, 99), st.just(3)),
        ),
        st.floats(1, 1e300),
    ),
    st.builds(ArrayEncoding, st.integers(1, 1 << 24), st.sampled_from(["float32", "float64"])),
)


@given(encodings)
def test_comes_back_from_json(encoding):
    text = json.dumps(encoding.to_json(), allow_nan=False)
    assert encoding_from_json(json.loads(text)) == encoding


def test_each_kind_of_data_has_its_encoding():
    assert learn_encoding(load("iris")).columns == tuple(load("iris").features.columns)
    assert learn_encoding(load("digits")) == ImageEncoding((8, 8), 16.0)
    array = Dataset("a", "array", load("digits").features.reshape(-1, 64))
    assert learn_encoding(array) == ArrayEncoding(64, "float64")


def test_a_table_without_told_kinds_is_guessed():
    encoding = learn_encoding(
        Dataset("t", "table", pl.DataFrame({"a": ["x", "y"], "b": ["1", "2"]}))
    )
    assert encoding.feature_names == ("a=x", "a=y", "b")


NUMBER = {"name": "age", "kind": "number", "mean": 1.0, "flagged": True}
CATEGORY = {"name": "c", "kind": "category", "levels": ["a", "b"], "flagged": False, "dropped": 0}
TABLE = {"kind": "table", "columns": [NUMBER, CATEGORY]}
IMAGES = {"kind": "images", "shape": [8, 8], "scale": 16.0}
ARRAY = {"kind": "array", "features": 3, "dtype": "float64"}


@pytest.mark.parametrize("tree", [TABLE, IMAGES, ARRAY])
def test_the_examples_are_sound(tree):
    assert encoding_from_json(tree).to_json() == tree


@pytest.mark.parametrize(
    ("tree", "where"),
    [
        (None, "encoding must be an object"),
        ([], "encoding must be an object"),
        ({}, "encoding.kind must be there"),
        (TABLE | {"kind": "pickle"}, "encoding.kind must be one of"),
        (TABLE | {"extra": 1}, "encoding.extra must be absent"),
        (TABLE | {"columns": {}}, "encoding.columns must be a list"),
        (TABLE | {"columns": []}, "at least one column"),
        (TABLE | {"columns": [NUMBER, NUMBER]}, "no name twice"),
        (TABLE | {"columns": [1]}, r"encoding.columns\[0\] must be an object"),
        (TABLE | {"columns": [NUMBER | {"mean": math.nan}]}, r"columns\[0\].mean must be a finite"),
        (TABLE | {"columns": [NUMBER | {"mean": math.inf}]}, "finite"),
        (TABLE | {"columns": [NUMBER | {"mean": 10**400}]}, "finite"),
        (TABLE | {"columns": [NUMBER | {"mean": True}]}, "finite"),
        (TABLE | {"columns": [NUMBER | {"mean": "1"}]}, "finite"),
        (TABLE | {"columns": [NUMBER | {"flagged": 1}]}, "flagged must be true or false"),
        (TABLE | {"columns": [NUMBER | {"name": 1}]}, "name must be a text"),
        (TABLE | {"columns": [NUMBER | {"name": "\ud800"}]}, "name must be a text"),
        (TABLE | {"columns": [NUMBER | {"kind": "text"}]}, "kind must be one of"),
        (TABLE | {"columns": [NUMBER | {"levels": []}]}, "levels must be absent"),
        (TABLE | {"columns": [CATEGORY | {"levels": ["a", "a"]}]}, "different texts"),
        (TABLE | {"columns": [CATEGORY | {"levels": ["a", None]}]}, r"levels\[1\] must be a text"),
        (
            TABLE | {"columns": [CATEGORY | {"levels": [str(i) for i in range(1001)]}]},
            "at most 1000",
        ),
        (TABLE | {"columns": [CATEGORY | {"dropped": -1}]}, "dropped must be a whole number"),
        (IMAGES | {"shape": [8]}, "shape must be"),
        (IMAGES | {"shape": [8, 8, 4]}, "shape must be"),
        (IMAGES | {"shape": [8, 0]}, r"shape\[1\] must be a whole number from 1"),
        (IMAGES | {"shape": [8, 8.0]}, r"shape\[1\] must be a whole number"),
        (IMAGES | {"shape": [100_000, 100_000]}, "shape must be"),
        (IMAGES | {"scale": 0.5}, "scale must be at least 1"),
        (IMAGES | {"scale": "16"}, "scale must be a finite number"),
        (ARRAY | {"features": 0}, "features must be a whole number from 1"),
        (ARRAY | {"features": 1 << 25}, "features must be at most"),
        (ARRAY | {"features": True}, "features must be a whole number"),
        (ARRAY | {"dtype": "object"}, "dtype must be one of"),
    ],
)
def test_refuses_a_foreign_or_damaged_tree(tree, where):
    with pytest.raises(ModelFileError, match=where):
        encoding_from_json(tree)
