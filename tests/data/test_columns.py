import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luce.data import columns
from luce.data.columns import CategoryColumn, Misfits, NumberColumn, Place
from luce.data.kinds import Kind
from luce.errors import DataError

HERE = Place("new.csv", 101)


def written(part, values, dtype=pl.String):
    out = np.zeros((len(values), part.width))
    misfits = part.write(pl.Series(part.name, values, dtype=dtype), out, HERE)
    return out.tolist(), misfits


def test_a_missing_number_is_the_mean_and_sets_its_flag():
    part = NumberColumn.learn(pl.Series("age", ["1", "", "3"]), Kind.NUMBER)
    assert part.feature_names == ("age", "age is missing")
    assert written(part, ["5", "NA"]) == ([[5.0, 0.0], [2.0, 1.0]], Misfits(0, 0))
    assert "mean 2" in part.notes[0]


def test_a_missing_number_that_training_did_not_know_is_counted():
    part = NumberColumn.learn(pl.Series("age", ["1", "3"]), Kind.NUMBER)
    assert part.feature_names == ("age",)
    assert written(part, ["5", None, ""]) == ([[5.0], [2.0], [2.0]], Misfits(0, 2))
    assert part.notes == ()


@settings(deadline=None)
@given(st.lists(st.floats(-1.7e308, 1.7e308), min_size=1))
def test_the_mean_is_finite_whatever_the_numbers(values):
    mean = NumberColumn.learn(pl.Series("x", values), Kind.NUMBER).mean
    assert min(values) - 1e-9 * abs(min(values)) <= mean <= max(values) + 1e-9 * abs(max(values))


def test_a_column_without_any_number_has_the_mean_zero():
    assert NumberColumn.learn(pl.Series("x", ["", ""]), Kind.NUMBER).mean == 0.0


@pytest.mark.parametrize(
    ("kind", "text"), [(Kind.NUMBER, "abc"), (Kind.BOOLEAN, "maybe"), (Kind.DATE, "tomorrow")]
)
def test_a_text_where_training_had_none_is_an_error(kind, text):
    part = NumberColumn("age", kind, 0.0, flagged=False)
    with pytest.raises(DataError, match=f"column 'age' of new.csv.*'{text}' at row 103"):
        written(part, ["", None, text])


def test_infinity_is_an_error():
    part = NumberColumn("age", Kind.NUMBER, 0.0, flagged=False)
    with pytest.raises(DataError, match=r"finite.*inf at row 102"):
        written(part, ["1", "1e999"])


def test_a_category_has_a_feature_most_frequent_first():
    part = CategoryColumn.learn(pl.Series("colour", ["red", "blue", "red", "amber"]))
    assert part.feature_names == ("colour=red", "colour=amber", "colour=blue")
    assert written(part, ["blue", "red"]) == ([[0, 0, 1], [1, 0, 0]], Misfits(0, 0))


def test_an_unseen_category_is_all_zeros_and_counted():
    part = CategoryColumn.learn(pl.Series("colour", ["red", "blue"]))
    assert written(part, ["green", "", "red"]) == ([[0, 0], [0, 0], [0, 1]], Misfits(1, 1))


def test_a_missing_category_is_a_level_if_it_was_seen():
    part = CategoryColumn.learn(pl.Series("colour", ["red", None, ""]))
    assert part.feature_names == ("colour=red", "colour is missing")
    assert written(part, ["", "red", "green"]) == ([[0, 1], [1, 0], [0, 0]], Misfits(1, 0))
    assert "category of its own" in part.notes[0]


def test_a_category_of_numbers_is_known_by_its_text():
    part = CategoryColumn.learn(pl.Series("code", ["1", "2", "x"]))
    assert written(part, [2, 1], pl.Int64)[0] == [[0, 1, 0], [1, 0, 0]]


def test_rare_categories_beyond_the_limit_are_dropped_and_said(monkeypatch):
    monkeypatch.setattr(columns, "MOST_LEVELS", 2)
    part = CategoryColumn.learn(pl.Series("c", ["a", "a", "b", "b", "c", "d"]))
    assert part.levels == ("a", "b")
    assert part.dropped == 2
    assert "2 rarer ones" in part.notes[0]


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcdef"), min_size=1))
def test_a_row_has_at_most_one_level(training, rows):
    part = CategoryColumn.learn(pl.Series("c", training, dtype=pl.String))
    out, misfits = written(part, rows)
    ones = np.sum(out, axis=1, initial=0) if part.width else np.zeros(len(rows))
    assert ones.tolist() == [float(row in training) for row in rows]
    assert misfits.unseen == sum(row not in training for row in rows)
