import numpy as np
import polars as pl
import pytest

from luce.data import encoding, table_encoding
from luce.data.kinds import Kind
from luce.data.table_encoding import TableEncoding
from luce.errors import DataError

TRAINING = pl.DataFrame(
    {
        "age": ["30", "", "50"],
        "name": ["Ada", "Bob", "Cy"],
        "colour": ["red", "red", "blue"],
        "nothing": ["", "", ""],
        "member": ["true", "false", "true"],
    }
)
KINDS = {
    "age": Kind.NUMBER,
    "name": Kind.TEXT,
    "colour": Kind.CATEGORY,
    "nothing": Kind.EMPTY,
    "member": Kind.BOOLEAN,
}
LEARNT = TableEncoding.learn(TRAINING, KINDS)


def test_encodes_what_it_learnt_from():
    assert LEARNT.columns == ("age", "colour", "member")
    assert LEARNT.feature_names == ("age", "age is missing", "colour=red", "colour=blue", "member")
    encoded = LEARNT.apply(TRAINING)
    np.testing.assert_array_equal(
        encoded.X,
        [[30, 0, 1, 0, 1], [40, 1, 1, 0, 0], [50, 0, 0, 1, 1]],
    )
    assert encoded.X.dtype == np.float64
    assert encoded.X.flags.c_contiguous
    assert encoded.ignored == ("name", "nothing")
    assert encoded.unseen == encoded.missing == {}


def test_the_order_of_columns_does_not_matter():
    mixed = TRAINING.select(sorted(TRAINING.columns))
    np.testing.assert_array_equal(LEARNT.apply(mixed).X, LEARNT.apply(TRAINING).X)


def test_counts_what_training_did_not_know():
    frame = pl.DataFrame({"age": [1, None], "colour": ["green", None], "member": [None, None]})
    encoded = LEARNT.apply(frame)
    assert encoded.unseen == {"colour": 1}
    assert encoded.missing == {"colour": 1, "member": 2}


def test_guesses_the_kinds_that_nobody_told():
    assert TableEncoding.learn(TRAINING.drop("name"), {}) == LEARNT


def test_names_missing_columns_and_what_may_be_meant():
    with pytest.raises(DataError, match=r"new.csv must have.*'colour' is missing.*mean 'color'"):
        LEARNT.apply(TRAINING.rename({"colour": "color"}), where="new.csv")
    with pytest.raises(DataError, match="'colour', 'member' are missing"):
        LEARNT.apply(TRAINING.drop("colour", "member"))


def test_wants_a_table():
    with pytest.raises(DataError, match=r"array of shape \(2, 3\)"):
        LEARNT.apply(np.zeros((2, 3)))


def test_does_not_try_to_allocate_more_than_there_is(monkeypatch):
    monkeypatch.setattr(encoding.os, "sysconf", lambda name: 10)
    with pytest.raises(DataError, match=r"3 rows with 5 features of new.csv need"):
        LEARNT.apply(TRAINING, where="new.csv")


def test_more_than_a_model_file_holds_is_refused_before_training(monkeypatch):
    monkeypatch.setattr(table_encoding, "_MOST_VALUES", 20)
    assert TableEncoding.learn(TRAINING, KINDS) == LEARNT
    monkeypatch.setattr(table_encoding, "_MOST_VALUES", 19)
    with pytest.raises(DataError, match="3 columns with 5 features need 20"):
        TableEncoding.learn(TRAINING, KINDS)
