from hypothesis import given
from hypothesis import strategies as st

from luce.data.suggest import did_you_mean, listed


def test_finds_a_close_name_whatever_the_capitals():
    assert did_you_mean("INCOMME", ["age", " income"]) == " Did you mean ' income'?"


def test_says_nothing_where_nothing_is_close():
    assert did_you_mean("zebra", ["age", "income"]) == ""
    assert did_you_mean("x", []) == ""


@given(st.lists(st.text(min_size=1, max_size=5), max_size=20), st.integers(1, 12))
def test_lists_every_name_or_says_how_many_are_not_shown(names, limit):
    text = listed(names, limit)
    hidden = max(0, len(names) - limit)
    assert text.endswith(f" and {hidden} more") == (hidden > 0)
    assert all(repr(name) in text for name in names[:limit])
