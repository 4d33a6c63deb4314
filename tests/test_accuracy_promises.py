"""The promised bounds: in each docstring, no weaker than 4 ULP, and the same in the docs."""

import re
from pathlib import Path

import pytest
from reference.promises import promises

from luce import functions, losses

NUMERIC = {
    f"{room.__name__}.{name}".replace("luce.functions", "luce"): getattr(room, name)
    for room in (functions, losses)
    for name in dir(room)
    if callable(getattr(room, name)) and not isinstance(getattr(room, name), type)
}
TABLE = Path(__file__).parents[1] / "docs" / "accuracy.md"
ROW = re.compile(r"^\| `(?P<name>[\w.]+)`(?: \((?P<part>\w+)\))? \| ([\d.]+) \| ([\d.]+) \|", re.M)


@pytest.mark.parametrize("name", NUMERIC)
def test_every_numeric_function_promises_a_bound(name):
    bounds = promises(NUMERIC[name])
    assert {"float32", "float64"} <= bounds.keys()
    assert max(bounds.values()) <= 4


def test_the_docs_promise_what_the_docstrings_promise():
    documented = {}
    for row in ROW.finditer(TABLE.read_text(encoding="utf-8")):
        part = f"{row['part']}, " if row["part"] else ""
        bounds = documented.setdefault(row["name"], {})
        bounds |= {f"{part}float32": float(row[3]), f"{part}float64": float(row[4])}
    assert documented == {name: promises(function) for name, function in NUMERIC.items()}
