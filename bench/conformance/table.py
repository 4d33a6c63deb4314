"""Read ``cells.txt`` and evaluate its expressions."""

import math
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from re import compile as pattern
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

TABLE = Path(__file__).with_name("cells.txt")
CHOICE = pattern(r"\{([^{}]+)\}")


class Cell(NamedTuple):
    """One line of the table, or one of the variants that its braces stand for."""

    group: str
    pattern: str  # the call as the table has it
    call: str
    variant: str  # what the braces were replaced by, as "f32"
    expected: tuple[str, ...]  # the first one binds luce; a peer may give any of them
    tolerance: str
    reason: str


@cache
def cells() -> list[Cell]:
    found, group = [], ""
    for number, text in enumerate(TABLE.read_text("utf-8").splitlines(), start=1):
        if text.startswith("## "):
            group = text.removeprefix("## ")
        elif text.strip() and not text.startswith("#"):
            found += variants(group, f"{TABLE.name}, line {number}", text)
    return found


def variants(group: str, place: str, text: str) -> list[Cell]:
    """Return a cell for each choice of words: equal braces of a line hold the same word."""
    columns = [column.strip() for column in text.split("|")]
    if len(columns) != 4 or not all(columns):
        raise ValueError(f"{place}: four columns are needed, got {text!r}")
    call, expected, tolerance, reason = columns
    braces = list(dict.fromkeys(CHOICE.findall(call)))
    result = []
    for words in product(*(brace.split(",") for brace in braces)):
        chosen = dict(zip(braces, words, strict=True))
        one, wanted = (
            CHOICE.sub(lambda m, chosen=chosen: chosen[m[1]], c) for c in (call, expected)
        )
        alternatives = tuple(wanted.split(" or "))
        result.append(Cell(group, call, one, ", ".join(words), alternatives, tolerance, reason))
    return result


class Maker:
    """``f32[1, 2]`` and ``f32(array)`` make arrays of a dtype."""

    def __init__(self, dtype: Any):
        self.dtype = np.dtype(dtype)

    def __getitem__(self, items: Any) -> np.ndarray:
        return self(list(items) if isinstance(items, tuple) else [items])

    def __call__(self, values: Any) -> np.ndarray:
        return np.asarray(values).astype(self.dtype)


def normal(*shape: int, scale: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, shape)


def full(count: int, value: float, then: tuple[float, ...] = ()) -> np.ndarray:
    """Return ``count`` times the value, and after it the others."""
    return np.append(np.full(count, value), then)


def total(result: Any) -> np.ndarray:
    """Return the sums along the last axis, exactly rounded."""
    rows = np.asarray(result).astype(np.float64)
    flat = rows.reshape(-1, rows.shape[-1])
    return np.array([math.fsum(row) for row in flat]).reshape(rows.shape[:-1])


def unaligned(values: np.ndarray) -> np.ndarray:
    room = np.empty(values.nbytes + 1, np.uint8)[1:].view(values.dtype).reshape(values.shape)
    room[...] = values
    return room


def read_only(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    values.flags.writeable = False
    return values


def subclass(values: np.ndarray) -> np.ndarray:
    return values.view(np.recarray)


WORDS: Mapping[str, Any] = {
    "__builtins__": {},
    **{f"f{bits}": Maker(f"float{bits}") for bits in (16, 32, 64)},
    **{f"i{bits}": Maker(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"u{bits}": Maker(f"uint{bits}") for bits in (8, 16, 32, 64)},
    "bf16": Maker(ml_dtypes.bfloat16),
    "b": Maker(bool),
    "c64": Maker(np.complex64),
    "inf": math.inf,
    "nan": math.nan,
    "empty": np.empty,
    "broadcast": np.broadcast_to,
    "linspace": np.linspace,
    "arange": np.arange,
    "eye": np.eye,
    "stack": np.stack,
    "big_endian": lambda values: values.astype(values.dtype.newbyteorder(">")),
    "high": lambda kind: ml_dtypes.finfo(kind.dtype).max,
    "last": lambda kind: ml_dtypes.finfo(kind.dtype).tiny,
    "lowest": lambda kind: np.iinfo(kind.dtype).min,
    "highest": lambda kind: np.iinfo(kind.dtype).max,
    "dtype": lambda result: str(np.asarray(result).dtype),
    "shape": lambda result: np.asarray(result).shape,
    "kind": lambda result: type(result).__name__,
    "largest": lambda result: np.abs(np.asarray(result, np.float64)).max(),
    "least": lambda result: np.asarray(result, np.float64).min(),
    "finite": lambda result: bool(np.isfinite(np.asarray(result, np.float64)).all()),
    "abs": abs,
    "normal": normal,
    "full": full,
    "total": total,
    "unaligned": unaligned,
    "read_only": read_only,
    "subclass": subclass,
}


def evaluate(expression: str, operations: Mapping[str, Any]) -> Any:
    """Return the value of an expression of this repository's own table."""
    return eval(expression, {**WORDS, **operations})
