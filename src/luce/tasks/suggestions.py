"""What the user may have meant: the nearest of the names that exist."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return ``"Did you mean 'colour'?"`` for a near miss, else the empty string.

    Upper and lower case count as the same letter.

    >>> did_you_mean("evalute", ["train", "evaluate"])
    "Did you mean 'evaluate'?"
    >>> did_you_mean("xyz", ["train", "evaluate"])
    ''
    """
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    near = get_close_matches(name.casefold(), by_folded, n=1)
    return f"Did you mean {by_folded[near[0]]!r}?" if near else ""
