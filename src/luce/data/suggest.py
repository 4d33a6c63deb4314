"""Did you mean ...? for names that people type."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` (with the leading space), or ``""`` if nothing is close.

    Capitals and surrounding blanks do not count as differences.

    >>> did_you_mean("digts", ["digits", "iris"])
    " Did you mean 'digits'?"
    """
    spelled = {choice.strip().casefold(): choice for choice in choices}
    close = get_close_matches(word.strip().casefold(), spelled, n=1, cutoff=0.6)
    return f" Did you mean {spelled[close[0]]!r}?" if close else ""


def listed(names: Iterable[str], limit: int = 10) -> str:
    """Return the first names, quoted, and how many more there are.

    >>> listed(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    every = list(names)
    shown = ", ".join(repr(name) for name in every[:limit])
    return shown if len(every) <= limit else f"{shown} and {len(every) - limit} more"
