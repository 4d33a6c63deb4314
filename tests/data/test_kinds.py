from datetime import date

import polars as pl
import pytest

from luce.data.kinds import Kind, guess_kind, guess_kinds
from luce.errors import DataError

NUMBERS = [str(i) for i in range(30)]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (["1", "2.5", "", "NA"], Kind.NUMBER),
        (["0", "1", "1"], Kind.NUMBER),
        (["true", "FALSE", "?"], Kind.BOOLEAN),
        (["2024-01-31", "2024-02-01T10:00", ""], Kind.DATE),
        (["red", "blue", "red"], Kind.CATEGORY),
        (["1", "2", "many"], Kind.CATEGORY),
        (["", None, "NA"], Kind.EMPTY),
        ([f"name {i}" for i in range(19)], Kind.CATEGORY),
        ([f"name {i}" for i in range(20)], Kind.TEXT),
        ([f"name {i % 20}" for i in range(40)], Kind.CATEGORY),
    ],
)
def test_guesses_text(column, kind):
    assert guess_kind(pl.Series("x", column, dtype=pl.String), "t.csv").kind is kind


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pl.Series([1, 2]), Kind.NUMBER),
        (pl.Series([1.5, float("nan")]), Kind.NUMBER),
        (pl.Series([float("nan")]), Kind.EMPTY),
        (pl.Series([None], dtype=pl.Int64), Kind.EMPTY),
        (pl.Series([True]), Kind.BOOLEAN),
        (pl.Series([None], dtype=pl.Boolean), Kind.EMPTY),
        (pl.Series([date(2024, 1, 1)]), Kind.DATE),
        (pl.Series(["1"], dtype=pl.Categorical), Kind.CATEGORY),
        (pl.Series([None]), Kind.EMPTY),
    ],
)
def test_takes_the_type_of_a_typed_column(column, kind):
    assert guess_kind(column.alias("x"), "t.parquet").kind is kind


def test_says_which_words_stand_for_missing_values():
    note = guess_kind(pl.Series("age", ["1", "NA", "?", "NA", ""]), "t.csv").note
    assert note == "In 'age' these stand for a missing value: '?', 'NA' (cells: 3)."
    assert guess_kind(pl.Series("age", ["1", ""]), "t.csv").note is None


@pytest.mark.parametrize(
    "column",
    [
        [*NUMBERS[:16], "abc", *NUMBERS[17:]],
        [*NUMBERS[:16], "abc", *NUMBERS[17:28], "", "def"],
        ["1", "2", "3", "4", *[""] * 12, "abc"],
    ],
)
def test_a_stray_text_among_numbers_is_an_error(column):
    with pytest.raises(DataError) as caught:
        guess_kind(pl.Series("age", column), "t.csv")
    message = str(caught.value)
    for part in ("column 'age'", "t.csv", "text 'abc'", "row 17", "categorical=['age']"):
        assert part in message


def test_as_many_texts_as_numbers_make_categories():
    assert (
        guess_kind(pl.Series("x", ["1", "2", "3", "4", "5", "a", "b"]), "t.csv").kind
        is Kind.CATEGORY
    )


def test_categories_can_be_asked_for():
    frame = pl.DataFrame({"zip": ["1", "2"], "age": ["3", "4"]})
    assert guess_kinds(frame, ["zip"], "t.csv")[0] == {"zip": Kind.CATEGORY, "age": Kind.NUMBER}
    with pytest.raises(DataError, match=r"no column 'zpi'.*Did you mean 'zip'"):
        guess_kinds(frame, ["zpi"], "t.csv")


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e400"])
def test_infinity_is_an_error(cell):
    with pytest.raises(DataError, match=r"column 'x' of t.csv must hold finite.*row 2 "):
        guess_kind(pl.Series("x", ["1", cell]), "t.csv")
    with pytest.raises(DataError, match="row 2 "):
        guess_kind(pl.Series("x", [1.0, float(cell)]), "t.parquet")


@pytest.mark.parametrize("cell", ["1,5", "-0,25", "1.234,5", "1,234.5", "1,000,000"])
def test_numbers_in_the_spelling_of_another_country_are_an_error(cell):
    with pytest.raises(DataError, match="decimal point"):
        guess_kind(pl.Series("x", [cell] * 3), "t.csv")


def test_lists_and_the_like_are_an_error():
    with pytest.raises(DataError, match=r"got List\(Int64\) in column 'x'"):
        guess_kind(pl.Series("x", [[1], [2]]), "t.parquet")
