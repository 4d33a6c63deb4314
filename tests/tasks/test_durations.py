"""Spans of time are read as they are meant, or refused."""

import pytest

from luce.errors import ParameterError
from luce.tasks.durations import parse_duration

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("5m", 300), ("1h", 3600), ("0.5 m", 30), ("90", 90), ("2H", 7200)],
)
def test_spans_of_time_are_read(text, seconds):
    assert parse_duration(text, "tune") == seconds


@pytest.mark.parametrize("text", ["", "0s", "-5s", "5 days", "1h30m", "nan", "1e3s", "9" * 400])
def test_others_are_refused(text):
    with pytest.raises(ParameterError, match="tune must be a span of time such as 60s, 5m or 1h"):
        parse_duration(text, "tune")
