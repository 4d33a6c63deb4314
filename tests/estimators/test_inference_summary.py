"""Printed tables: widths that fit, numbers of any size, names that are no HTML."""

import numpy as np
import pytest

from luce.estimators.inference_summary import Block, Estimates, Summary, whole

pytestmark = pytest.mark.once


def summary(names, head="y=1", value=1.0, **options):
    column = np.full(len(names), value)
    estimates = Estimates(*[column] * 4, np.stack([column, column], axis=-1))
    left = (("Dep. Variable:", "y"), ("Model:", "MNLogit"))
    right = (("No. Observations:", whole(9)),)
    return Summary("Title", left, right, (Block(head, tuple(names), estimates),) * 2, **options)


@pytest.mark.parametrize("name", ["a", "const", "a_name_longer_than_any_column"])
@pytest.mark.parametrize("value", [0.0, 1.0, -2.5e-7, -123456.789, np.nan, np.inf, 1e300])
def test_every_line_of_the_table_has_one_width(name, value):
    lines = summary([name, "b"], value=value).as_text().splitlines()
    table = lines[4:]
    assert set(table[0]) == {"="}
    assert len({len(line) for line in table}) == 1
    assert len(table) == 2 * (1 + 1 + 1 + 2) + 1
    assert len({len(line) for line in lines[:4]}) == 1


def test_names_are_no_html():
    text = summary(["<b>bold</b>"], head="y=<i>", notes=("a < b",)).as_html()
    assert "<b>" not in text
    assert "<i>" not in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in text
    assert "a &lt; b" in text


@pytest.mark.parametrize(
    ("level", "heads"), [(0.95, "[0.025      0.975]"), (0.9, "[0.05       0.95]")]
)
def test_the_heads_tell_the_level(level, heads):
    assert heads in str(summary(["a"], level=level))


def test_notes_stand_below():
    assert str(summary(["a"], notes=("Mind this.",))).splitlines()[-1] == "Mind this."
    assert repr(summary(["a"])) == summary(["a"]).as_text()
    assert summary(["a"])._repr_html_() == summary(["a"]).as_html()


@pytest.mark.parametrize(("number", "text"), [(178.0, "   178"), (3.25, "    3.25")])
def test_whole_numbers_show_no_fraction(number, text):
    assert whole(number) == text
