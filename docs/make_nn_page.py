"""Write the tables of ``docs/nn.md`` from the checks in ``tests/nn``; a test compares them.

    python docs/make_nn_page.py

The table of heads holds what the tests run. That of PyTorch's modules is found out here, where
torch 2.13 is installed; else it stays as it is.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import torch

PAGE = Path(__file__).with_name("nn.md")
TESTS = PAGE.parents[1] / "tests"
JUDGED = "2.13"  # the torch whose modules the page judges

Marks = dict[str, dict[str, tuple[str, str]]]


def table_of_heads() -> str:
    """Return the table of all heads: a failing cell would be a failing test."""
    from nn.head_table import COLUMNS
    from nn.heads import HEADS

    rows = ((name, ["✓"] * len(COLUMNS)) for name in sorted(HEADS))
    return _table("head", COLUMNS, rows)


def table_of_torch(marks: Marks) -> str:
    """Return the table of PyTorch's modules, and why cells fail."""
    columns = next(iter(marks.values()))
    rows = ((name, [mark for mark, _ in row.values()]) for name, row in marks.items())
    reasons = [
        f"- {name}, {column}: {_short(why)}"
        for name, row in marks.items()
        for column, (mark, why) in row.items()
        if mark == "✗"
    ]
    version = torch.__version__.partition("+")[0]
    return _table(f"torch {version}", columns, rows) + "\n".join([*reasons, ""])


def filled(page: str, name: str, table: str) -> str:
    """Return the page with the table between the marks of that name."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, rest = page.split(start)
    _, after = rest.split(end)
    return f"{before}{start}{table}{end}{after}"


def marks_on(page: str) -> str:
    """Return the rows of the table of PyTorch's modules that the page holds."""
    return page.split("<!-- torch -->\n")[1].split("\n\n")[0]


def _short(why: str) -> str:
    first = re.split(r"(?<=[a-z)])\. |, it must|\. Could", why)[0]
    return first.rstrip(".,:;! ") + "."


def _table(corner: str, columns: Iterable[str], rows: Iterable[tuple[str, list[str]]]) -> str:
    head = [corner, *columns]
    lines = [f"| {' | '.join(head)} |", "|---|" + ":-:|" * (len(head) - 1)]
    lines += [f"| {' | '.join([name, *marks])} |" for name, marks in rows]
    return "\n".join([*lines, "", ""])


def main() -> None:
    """Write the page."""
    sys.path.insert(0, str(TESTS))
    page = filled(PAGE.read_text(encoding="utf-8"), "heads", table_of_heads())
    if torch.__version__.startswith(JUDGED):
        from nn.torch_modules import table

        page = filled(page, "torch", table_of_torch(table()))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
