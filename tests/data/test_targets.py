import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luce.data.targets import choose_target, lookalikes, read_target, require_classes
from luce.errors import DataError, LabelError


def labels(values, dtype=None):
    return read_target(pl.Series("y", values, dtype=dtype), "t.csv")


@pytest.mark.parametrize(
    ("columns", "asked", "name", "why"),
    [
        (["a", "y"], "a", "a", "as asked for"),
        (["target", "y"], None, "target", "by its name"),
        (["Class", " LABEL ", "y"], None, " LABEL ", "by its name"),
        (["a", "y"], None, "y", "the last one"),
    ],
)
def test_chooses_the_target_and_says_why(columns, asked, name, why):
    choice = choose_target(columns, asked, "t.csv")
    assert choice.name == name
    assert why in choice.note


def test_a_target_that_does_not_exist_is_an_error():
    with pytest.raises(DataError, match=r"no target column 'incme'.*Did you mean 'income'.*'age'"):
        choose_target(["age", "income"], "incme", "t.csv")


@pytest.mark.parametrize(
    ("values", "expected", "kind"),
    [
        (["1", "-2", " 3 "], [1, -2, 3], "i"),
        (["1.0", "2.0"], [1, 2], "i"),
        (["9007199254740993", "1"], [9007199254740993, 1], "i"),
        (["12345678901234567890", "1"], ["12345678901234567890", "1"], "O"),
        (["01", "2"], ["01", "2"], "O"),
        (["0", "1"], [0, 1], "i"),
        (["0.5", "1"], [0.5, 1.0], "f"),
        (["true", "FALSE"], [True, False], "b"),
        (["true", "none"], ["true", "none"], "O"),
        (["yes", "no", "NA"], ["yes", "no", "NA"], "O"),
        ([1, 2], [1, 2], "i"),
        ([1.0, 2.0], [1, 2], "i"),
        ([1.5, 2.0], [1.5, 2.0], "f"),
        ([True, False], [True, False], "b"),
    ],
)
def test_reads_labels(values, expected, kind):
    got = labels(values)
    assert got.tolist() == expected
    assert got.dtype.kind == kind


@given(st.lists(st.integers(-(2**63), 2**63 - 1).map(lambda i: i % 7), min_size=1))
def test_whole_numbers_are_the_same_as_text_and_typed(values):
    np.testing.assert_array_equal(labels([str(v) for v in values]), labels(values))


@pytest.mark.parametrize("values", [["a", "", "b", None], ["1", "NA", "2", ""], [1, None, 2, None]])
def test_a_missing_label_is_an_error_that_names_the_rows(values):
    with pytest.raises(LabelError, match=r"2 of 4 cells.*'y' in t.csv.*row 2, 4"):
        labels(values)


@pytest.mark.parametrize(
    "values",
    [
        [str(i / 7) for i in range(30)],
        [i / 7 for i in range(30)],
        [str(i * 1000) for i in range(30)],
        [f"text {i}" for i in range(30)],
    ],
)
def test_a_quantity_is_no_target(values):
    with pytest.raises(DataError, match=r"'y' of t.csv has 30 different values in 30 rows"):
        require_classes(labels(values), "y", "t.csv")


def test_many_classes_with_many_rows_are_fine():
    require_classes(labels([str(i % 150) for i in range(600)]), "y", "t.csv")
    require_classes(labels([str(i) for i in range(20)]), "y", "t.csv")


def test_infinity_is_no_label():
    with pytest.raises(DataError, match="finite"):
        labels(["0.5", "inf"])


@pytest.mark.parametrize("value", [3, "a", True])
def test_one_class_is_not_enough(value):
    with pytest.raises(DataError, match=r"two classes.*'y' of t.csv is .*every row \(2\)"):
        require_classes(np.array([value, value]), "y", "t.csv")
    require_classes(np.array([0, 1]), "y", "t.csv")


def test_warns_of_classes_that_look_alike():
    twins = np.array(["café", "cafe\u0301", "Yes", "yes ", "no"], dtype=object)
    assert [note.count("look alike") for note in lookalikes(twins)] == [1, 1]
    assert list(lookalikes(np.array([1, 2]))) == []
