from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luce.data.cells import (
    MISSING_WORDS,
    as_booleans,
    as_numbers,
    as_seconds,
    as_text,
    with_plain_numbers,
)


def listed(values):
    """Return the values with None for NaN."""
    return [None if np.isnan(value) else value for value in values]


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), finite)), st.sampled_from(["", " ", "\t"]))
def test_numbers_come_back_from_their_text(numbers, blank):
    text = pl.Series("x", [n if n is None else f"{blank}{n!r}" for n in numbers], dtype=pl.String)
    values, bad = as_numbers(text)
    assert listed(values) == numbers
    assert not bad.any()


@pytest.mark.parametrize("word", [*MISSING_WORDS, "NaN", "NULL", " NA "])
def test_words_for_missing_values_are_missing_in_numbers(word):
    values, bad = as_numbers(pl.Series("x", ["1", word]))
    assert listed(values) == [1.0, None]
    assert not bad.any()


@pytest.mark.parametrize("text", ["abc", "1,5", "1_000", "0x10", "-", "1e", "--1", "٣", "12%"])
def test_other_texts_are_no_numbers(text):
    values, bad = as_numbers(pl.Series("x", ["1", text, None]))
    assert listed(values) == [1.0, None, None]
    assert bad.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pl.Series([1, None], dtype=pl.Int8), [1.0, None]),
        (pl.Series([1.5, float("nan"), None], dtype=pl.Float32), [1.5, None, None]),
        (pl.Series([True, None]), [1.0, None]),
        (pl.Series(["1.25"]).cast(pl.Decimal(10, 2)), [1.25]),
    ],
)
def test_typed_numbers_are_taken_as_they_are(column, values):
    assert listed(as_numbers(column).values) == values


def test_booleans_may_be_words_of_any_case_digits_or_typed():
    values, bad = as_booleans(pl.Series("x", ["TRUE", "false", "1", "0", "", None, "yes"]))
    assert listed(values) == [1.0, 0.0, 1.0, 0.0, None, None, None]
    assert bad.tolist() == [False] * 6 + [True]
    assert listed(as_booleans(pl.Series([True, None])).values) == [1.0, None]


@settings(deadline=None)
@given(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),
    st.sampled_from([" ", "T"]),
    st.sampled_from(["", "Z"]),
)
def test_dates_are_seconds_since_1970(moment, between, zone):
    expected = moment.replace(tzinfo=UTC).timestamp()
    text = moment.isoformat(sep=between) + zone
    for column in (pl.Series("x", [text]), pl.Series("x", [moment])):
        values, bad = as_seconds(column)
        assert not bad.any()
        assert values[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86400.0),
        ("1970-01-01 00:01", 60.0),
        ("1970-01-01T00:00:01.5", 1.5),
        ("", None),
    ],
)
def test_short_dates_are_dates(text, seconds):
    values, bad = as_seconds(pl.Series("x", [text]))
    assert listed(values) == [seconds]
    assert not bad.any()


@pytest.mark.parametrize(
    "text", ["2024-02-30", "2024-13-01", "2024-01-01 25:00", "1/2/2024", "2024"]
)
def test_impossible_and_local_dates_are_no_dates(text):
    assert as_seconds(pl.Series("x", [text])).bad.tolist() == [True]


def test_an_empty_text_is_missing_and_other_types_have_a_text():
    assert as_text(pl.Series(["", "a", "NA", None])).to_list() == [None, "a", "NA", None]
    assert as_text(pl.Series([1, 20])).to_list() == ["1", "20"]
    assert as_text(pl.Series(["b"], dtype=pl.Categorical)).to_list() == ["b"]


def test_plain_numbers_are_found_in_one_pass():
    texts = {
        "plain": ["1", None, "-2.5e3"],
        "empty": [None, None, None],
        "word": ["1", "NA", "2"],
        "blank": ["1", " 2", "3"],
        "infinite": ["1", "inf", "2"],
        "text": ["1", "x", "2"],
        "quoted empty": ["1", "", "2"],
    }
    frame = pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String)).with_columns(typed=1)
    found = with_plain_numbers(frame)
    assert found.columns == frame.columns
    floats = [name for name, dtype in found.schema.items() if dtype == pl.Float64]
    assert floats == ["plain", "empty"]
    assert found["plain"].to_list() == [1.0, None, -2500.0]
