"""The tables of docs/nn.md are those that the checks give."""

from pathlib import Path

import pytest
import torch
from nn.head_table import COLUMNS
from nn.heads import HEADS

pytestmark = pytest.mark.once

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    import make_nn_page

    return make_nn_page


def test_the_page_shows_every_head_and_check(script):
    page = script.PAGE.read_text("utf-8")
    same = page == script.filled(page, "heads", script.table_of_heads())
    assert same, "run docs/make_nn_page.py"


def test_the_table_is_large_enough():
    assert len(COLUMNS) >= 12
    assert len(HEADS) >= 14


@pytest.mark.slow
def test_pytorchs_modules_are_judged_as_the_page_says(script):
    if not torch.__version__.startswith(script.JUDGED):
        pytest.skip(f"the page judges torch {script.JUDGED}")
    from nn.torch_modules import table

    page = script.PAGE.read_text("utf-8")
    assert script.marks_on(page) == script.table_of_torch(table()).split("\n\n")[0]
