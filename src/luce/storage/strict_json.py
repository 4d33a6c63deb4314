"""JSON without its traps: no duplicate keys, no NaN, no overflow, bounded depth and size.

The standard library accepts all of these: the last of two equal keys wins, ``NaN`` and ``Infinity``
are numbers, ``1e400`` is infinite, ``"\\ud800"`` becomes text that cannot be printed.
"""

import json
import math
from collections import Counter
from typing import Any, NoReturn

from luce.storage.refusal import Quoted, Refusal, refuse, show

MAX_DEPTH = 32
MAX_VALUES = 250_000  # bounds what parsing can allocate, about 100 bytes a value


def parse(text: str, where: str) -> Any:
    """The tree that ``text`` holds; ``where`` names the text in a refusal. Raises Refusal."""
    # Every value but the first follows one of these characters, so this bounds their number unread.
    most = 1 + text.count(",") + text.count("[") + text.count("{")
    if most > MAX_VALUES:
        refuse(where, f"hold at most {MAX_VALUES:,} values", Quoted(f"up to {most:,}"))
    try:
        tree = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except Refusal as error:
        raise Refusal(f"{where}: {error.problem}") from None
    except RecursionError:
        refuse(where, f"be nested at most {MAX_DEPTH} deep", Quoted("more"))
    except ValueError as error:  # no JSON, or an integer of thousands of digits
        refuse(where, "be JSON", Quoted(str(error)))
    check(tree, where)
    return tree


def write(tree: Any, where: str) -> str:
    """The tree as JSON that :func:`parse` accepts. Raises Refusal for anything that is not JSON."""
    check(tree, where)
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def check(value: Any, where: str, depth: int = 0) -> None:
    """Refuse a tree that is too deep or holds what JSON cannot: NaN, half characters, objects."""
    if depth > MAX_DEPTH:
        refuse(where, f"be nested at most {MAX_DEPTH} deep", Quoted("more"))
    match value:
        case None | bool() | int():
            return
        case float():
            if not math.isfinite(value):
                refuse(where, "be a finite number", value)
        case str():
            _check_text(value, where)
        case list() | tuple():
            for i, item in enumerate(value):
                if not _harmless(item):
                    check(item, f"{where}[{i}]", depth + 1)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    refuse(where, "have text as keys", key)
                if not key.isascii():
                    _check_text(key, where)
                if not _harmless(item):
                    check(item, f"{where}.{key}", depth + 1)
        case _:
            refuse(where, "be a JSON value", Quoted(type(value).__name__))


def _harmless(value: object) -> bool:
    """Nothing to check: spares the building of 250,000 names of places for a long list."""
    return type(value) is int or (type(value) is str and value.isascii())


def _check_text(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        refuse(where, "be Unicode text", text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        refuse(f"key {show(twice)}", "occur once in its object", Quoted("it twice"))
    return tree


def _no_constant(name: str) -> NoReturn:
    refuse("numbers", "be finite", Quoted(name))
