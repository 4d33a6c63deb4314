"""Cells of a table column read as numbers, booleans, dates or texts.

A CSV column arrives as text, a Parquet column typed; both go through the same few functions, in
training and in prediction alike, so that a cell means the same in both.
"""

from typing import NamedTuple

import polars as pl

# In a column of numbers, booleans or dates these words stand for a missing value (compared in
# lower case). In a column of texts they are texts: NA is Namibia there, None an answer.
MISSING_WORDS = ("", "na", "n/a", "nan", "null", "none", "?")

_BOOLEANS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
_DATE = r"^\d{4}-\d{2}-\d{2}([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?Z?)?$"


class Cells(NamedTuple):
    """A column read as float64: null where a value is missing or cannot be read."""

    values: pl.Series
    bad: pl.Series  # True where something stands that cannot be read


def as_text(column: pl.Series) -> pl.Series:
    """Return the cells as text; an empty text is missing."""
    text = column if column.dtype == pl.String else column.cast(pl.String)
    return text.set(text == "", None) if (text == "").any() else text


def as_numbers(column: pl.Series) -> Cells:
    """Read a column as numbers; NaN is missing, and so are the words of `MISSING_WORDS`."""
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return _nothing_bad(column.cast(pl.Float64).fill_nan(None))
    text = as_text(column)
    values = text.cast(pl.Float64, strict=False)
    if (values.is_null() & text.is_not_null()).any():  # perhaps only for a blank around them
        values = text.str.strip_chars().cast(pl.Float64, strict=False)
    return _judged(text, values.fill_nan(None))


def as_booleans(column: pl.Series) -> Cells:
    """Read true/false (any capitals) and 1/0 as 1.0 and 0.0."""
    if column.dtype == pl.Boolean:
        return _nothing_bad(column.cast(pl.Float64))
    text = as_text(column)
    words = text.str.strip_chars().str.to_lowercase()
    return _judged(text, words.replace_strict(_BOOLEANS, default=None, return_dtype=pl.Float64))


def as_seconds(column: pl.Series) -> Cells:
    """Read ISO 8601 dates and times as seconds since 1970-01-01; without a zone they are UTC."""
    if column.dtype in (pl.Date, pl.Datetime):
        instants = column.cast(pl.Datetime("us"))
        return _nothing_bad(instants.cast(pl.Int64).cast(pl.Float64) / 1e6)
    text = as_text(column)
    stamp = text.str.strip_chars()
    stamp = stamp.set(~stamp.str.contains(_DATE), None)
    days = stamp.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int32)
    clock = stamp.str.slice(11).str.strip_suffix("Z")
    parts = [clock.str.slice(start, width) for start, width in ((0, 2), (3, 2), (6, 12))]
    hours, minutes, seconds = (part.cast(pl.Float64, strict=False).fill_null(0) for part in parts)
    return _judged(text, days.cast(pl.Float64) * 86400 + hours * 3600 + minutes * 60 + seconds)


def _judged(text: pl.Series, values: pl.Series) -> Cells:
    unread = values.is_null() & text.is_not_null()
    if unread.any():
        words = text.str.strip_chars().str.to_lowercase()
        unread = unread & ~words.is_in(MISSING_WORDS).fill_null(False)
    return Cells(values, unread)


def _nothing_bad(values: pl.Series) -> Cells:
    return Cells(values, pl.repeat(False, len(values), dtype=pl.Boolean, eager=True))
