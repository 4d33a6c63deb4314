"""Write ``docs/conformance.md``: scores by library and group, and what failed at whom."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from conformance.judge import Verdict

HEAD = Path(__file__).with_name("head.md")
Results = Mapping[str, Sequence[Verdict]]


def score(verdicts: Sequence[Verdict]) -> tuple[int, int]:
    """Return how many cells passed, and how many counted."""
    counted = [one for one in verdicts if one.offered]
    return sum(one.passed for one in counted), len(counted)


def score_line(name: str, verdicts: Sequence[Verdict]) -> str:
    passed, counted = score(verdicts)
    return f"{name}: {passed} of {counted} cells it offers, of {len(verdicts)} in the table"


def percent(passed: int, counted: int) -> str:
    """Return a share that is 100 % only if nothing failed."""
    if not counted:
        return "–"
    return f"{int(100 * passed / counted)} % ({passed} of {counted})"


def score_table(results: Results) -> str:
    groups = list(dict.fromkeys(one.cell.group for one in next(iter(results.values()))))
    lines = [f"| cells | {' | '.join(results)} |", "|---|" + "---:|" * len(results)]
    for group in groups:
        found = [
            percent(*score([one for one in verdicts if one.cell.group == group]))
            for verdicts in results.values()
        ]
        lines.append(f"| {group} | {' | '.join(found)} |")
    totals = [f"**{percent(*score(verdicts))}**" for verdicts in results.values()]
    lines.append(f"| **all** | {' | '.join(totals)} |")
    return "\n".join(lines)


def code(text: str) -> str:
    return f"`{text.replace('|', '¦')}`"


def failures(verdicts: Sequence[Verdict]) -> list[str]:
    """Return a row for each line of the table with a failed cell; variants share it."""
    failed = [one for one in verdicts if one.offered and not one.passed]
    lines = []
    for _, group in groupby(failed, key=lambda one: (one.cell.pattern, one.cell.reason)):
        first, *others = list(group)
        variants = ", ".join(one.cell.variant for one in (first, *others) if one.cell.variant)
        expected = " or ".join(first.cell.expected)
        told = f" (fails: {variants})" if variants else ""
        if first.exact:
            expected = expected.replace("exact", first.exact)
        call = code(first.cell.pattern) + told
        lines.append(f"| {call} | {code(first.got)} | {code(expected)} | {first.cell.reason} |")
    return lines


def page(results: Results) -> str:
    ours = next(iter(results.values()))
    parts = [HEAD.read_text("utf-8").strip().replace("CELLS", str(len(ours))), score_table(results)]
    for name, verdicts in list(results.items())[1:]:
        passed, counted = score(verdicts)
        parts.append(f"## What failed in {name}\n\n{counted - passed} of {counted} cells.")
        rows = failures(verdicts)
        if rows:
            head = "| call | got | expected | reason |\n|---|---|---|---|\n"
            parts[-1] += f"\n\n{head}" + "\n".join(rows)
    return "\n\n".join(parts) + "\n"
