"""What a bench script prints: a section of ``docs/benchmarks.md`` in Markdown.

Figures that other pages quote follow the section in a comment, as JSON; `write_page.py` reads
them from there, so no measured number is ever typed by hand.
"""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

FIGURES = "<!-- figures "


class Demand(NamedTuple):
    """Something that was promised, and whether the measurement keeps it."""

    promise: str
    measured: str
    kept: bool


def show_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows of equal keys as a Markdown table; the first column holds names."""
    print(f"| {' | '.join(rows[0])} |")
    print("|---|" + "---:|" * (len(rows[0]) - 1))
    for row in rows:
        print(f"| {' | '.join(row.values())} |")


def show_figures(**values: str) -> None:
    """Print the figures that the READMEs may quote, as a comment that a page does not show."""
    print(f"\n{FIGURES}{json.dumps(values, ensure_ascii=False)} -->")


def verdict(demands: Sequence[Demand]) -> int:
    """Print whether each demand is kept; return the exit code."""
    print()
    for demand in demands:
        word = "kept" if demand.kept else "**missed**"
        print(f"- {word}: {demand.promise} ({demand.measured})")
    return int(not all(demand.kept for demand in demands))
