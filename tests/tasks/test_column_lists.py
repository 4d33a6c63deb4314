import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luce.errors import ParameterError
from luce.tasks.column_lists import read_columns, write_columns

names = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda name: name == name.strip()
)


@given(st.lists(names, min_size=1))
def test_what_is_written_is_read_back(columns):
    text = write_columns(columns)
    assert list(read_columns(text, "--text")) == columns
    assert next(csv.reader([text])) == columns


@pytest.mark.parametrize("text", ["", "a,", ",a", 'a,"b', " , "])
def test_names_that_are_missing_are_refused(text):
    with pytest.raises(ParameterError, match="--ignore must be names of columns, commas between"):
        read_columns(text, "--ignore")


def test_nothing_is_nothing():
    assert read_columns(None, "--text") == ()
