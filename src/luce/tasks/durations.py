"""Spans of time as people write them: 60s, 5m, 1h."""

import re

from luce.errors import ParameterError

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_SPELLED = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")


def parse_duration(text: str, name: str) -> float:
    """Return the seconds that a text stands for; `name` is the option that it belongs to.

    Raises
    ------
    ParameterError
        It is no positive span of time.

    Examples
    --------
    >>> [parse_duration(text, "tune") for text in ("60s", "5m", "1.5h", "20")]
    [60.0, 300.0, 5400.0, 20.0]
    """
    match = _SPELLED.fullmatch(text.strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds < float("inf"):
        raise ParameterError(
            f"{name} must be a span of time such as 60s, 5m or 1h, got {text!r}. Give the number"
            " of seconds, minutes or hours that may be spent."
        )
    return seconds
