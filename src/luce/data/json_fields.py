"""Fields of a JSON object that came with a model file: each one checked, none left over."""

import math
import reprlib
from collections.abc import Collection, Iterator
from typing import Any

from luce.errors import ModelFileError


class Fields:
    """A JSON object that is taken apart field by field.

    Every method returns the value of one field or raises ModelFileError; `done` refuses the rest.
    """

    def __init__(self, tree: object, where: str = "encoding") -> None:
        self._where = where
        if not isinstance(tree, dict):
            raise ModelFileError(_message(where, "an object", tree))
        self._tree = dict(tree)

    def text(self, key: str) -> str:
        return self._text(key, self._take(key))

    def texts(self, key: str, most: int) -> tuple[str, ...]:
        """Return a list of different texts."""
        values = self._list(key)
        texts = tuple(self._text(f"{key}[{i}]", value) for i, value in enumerate(values))
        if len(texts) > most or len(set(texts)) < len(texts):
            raise self.error(key, f"at most {most} different texts", values[:10])
        return texts

    def choice(self, key: str, choices: Collection[str]) -> str:
        value = self.text(key)
        if value not in choices:
            raise self.error(key, f"one of {', '.join(choices)}", value)
        return value

    def number(self, key: str) -> float:
        """Return a finite number."""
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            raise self.error(key, "a finite number", value)
        return float(value)

    def count(self, key: str, least: int = 0) -> int:
        return self._count(key, self._take(key), least)

    def counts(self, key: str, least: int = 0) -> tuple[int, ...]:
        values = self._list(key)
        return tuple(self._count(f"{key}[{i}]", value, least) for i, value in enumerate(values))

    def flag(self, key: str) -> bool:
        value = self._take(key)
        if not isinstance(value, bool):
            raise self.error(key, "true or false", value)
        return value

    def inner(self, key: str) -> "Fields":
        """Return an object."""
        return Fields(self._take(key), f"{self._where}.{key}")

    def inner_or_null(self, key: str) -> "Fields | None":
        """Return an object, or None for null."""
        value = self._take(key)
        return None if value is None else Fields(value, f"{self._where}.{key}")

    def inner_or_absent(self, key: str) -> "Fields | None":
        """Return an object, or None where the field is not there."""
        return self.inner(key) if key in self._tree else None

    def rest(self) -> dict[str, Any]:
        """Return all fields that are left."""
        rest, self._tree = self._tree, {}
        return rest

    def objects(self, key: str) -> Iterator["Fields"]:
        for i, value in enumerate(self._list(key)):
            yield Fields(value, f"{self._where}.{key}[{i}]")

    def done(self) -> None:
        """Refuse fields that nobody asked for."""
        if self._tree:
            raise self.error(min(map(str, self._tree)), "absent", "it")

    def error(self, key: str, wanted: str, value: object) -> ModelFileError:
        return ModelFileError(_message(f"{self._where}.{key}", wanted, value))

    def _take(self, key: str) -> Any:
        if key not in self._tree:
            raise self.error(key, "there", "nothing")
        return self._tree.pop(key)

    def _list(self, key: str) -> list[Any]:
        value = self._take(key)
        if not isinstance(value, list):
            raise self.error(key, "a list", value)
        return value

    def _text(self, key: str, value: object) -> str:
        if not isinstance(value, str) or not _encodable(value):
            raise self.error(key, "a text", value)
        return value

    def _count(self, key: str, value: object, least: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
            raise self.error(key, f"a whole number from {least} to 2^31", value)
        return value


def _message(where: str, wanted: str, value: object) -> str:
    return (
        f"{where} must be {wanted}, got {reprlib.repr(value)}. "
        "The model file is damaged or foreign: copy it again or train the model again."
    )


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond float64
        return False


def _encodable(text: str) -> bool:
    """Return whether a text has no half of a surrogate pair, which JSON can spell."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
