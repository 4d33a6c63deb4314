import pytest

from luce.tasks.spreadsheet import neutralised


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-cmd|x", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=HYPERLINK(1)", "-"]
)
def test_a_formula_becomes_text(text):
    assert neutralised(text) == "'" + text


@pytest.mark.parametrize("text", ["-1", "+2.5e-3", "3", "red", "", "a=b", "-inf"])
def test_numbers_and_words_stay_as_they_are(text):
    assert neutralised(text) == text
