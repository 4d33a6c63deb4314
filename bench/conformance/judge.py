"""Compare what a library answered with what the table expects, by one rule for every library.

luce is held to the first expectation of a cell and to the bound that its docstring promises. A
peer promises nothing, so it may give any of the answers that the cell lists, and a number is wrong
only if it has lost more than half of its dtype's digits.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from flint import arb, ctx
from ml_dtypes import finfo
from reference.balls import spacing

from conformance import exact, exact_losses
from conformance.exact import Exact
from conformance.table import WORDS, Cell, evaluate

REFERENCE = exact.OPERATIONS | exact_losses.OPERATIONS
# What a library may raise to say no. Anything else, such as IndexError or ZeroDivisionError on
# logits, is its own accident, unless the cell is about a label or an index.
REFUSALS = (ValueError, TypeError, RuntimeError, NotImplementedError, OverflowError, IndexError)


class NotOfferedError(Exception):
    """The library does not have this operation, or this option of it."""


class Library(NamedTuple):
    """What a library offers, in the names of the table."""

    name: str
    operations: Mapping[str, Any]
    promise: Any = None  # luce's: (function, part, dtype) -> ULP


class Verdict(NamedTuple):
    """One library's result in one cell."""

    cell: Cell
    offered: bool
    passed: bool
    got: str = ""
    exact: str = ""  # what was expected, where the table says "exact"


def verdict(cell: Cell, library: Library) -> Verdict:
    try:
        got = evaluate(cell.call, library.operations)
    except NotOfferedError as missing:
        return Verdict(cell, False, False, str(missing))
    except NameError as missing:
        if missing.name in WORDS:
            raise
        return Verdict(cell, False, False, f"no {missing.name}")
    except Exception as error:  # the library's, of any kind: it is what is judged
        got = error
    strict = library.promise is not None
    for expected in cell.expected[:1] if strict else cell.expected:
        try:
            agrees = matches(got, expected, cell, library)
        except NotOfferedError as missing:
            return Verdict(cell, False, False, str(missing))
        if agrees:
            return Verdict(cell, True, True, shown(got))
    exact = shown(rounded(exactly(cell.call))) if "exact" in cell.expected else ""
    return Verdict(cell, True, False, shown(got), exact)


def rounded(exact: Exact) -> np.ndarray:
    return np.array([float(ball) for ball in exact.values.flat]).reshape(exact.values.shape)


def matches(got: Any, expected: str, cell: Cell, library: Library) -> bool:
    if expected.startswith("refused"):
        return is_refusal(got, expected.removeprefix("refused").strip(), library)
    if isinstance(got, Exception):
        return False
    if expected == "exact":
        return is_close(got, exactly(cell.call), cell.tolerance, library)
    if expected.startswith("same as "):
        other = evaluate(expected.removeprefix("same as "), library.operations)
    else:
        other = evaluate(expected, {})
    return is_equal(got, other, cell.tolerance, library)


@cache
def exactly(call: str) -> Exact:
    with ctx.workprec(640):
        return evaluate(call, REFERENCE)


def is_refusal(got: Any, wording: str, library: Library) -> bool:
    """Whether it is an error of a usual kind; luce's own must also say what the table demands."""
    if library.promise is None:
        return isinstance(got, REFUSALS)
    told = isinstance(got, ValueError) and type(got).__module__ == "luce.errors"
    return told and wording.strip('"') in str(got)


def is_close(got: Any, want: Exact, rule: str, library: Library) -> bool:
    result = np.asarray(got)
    if result.shape != want.values.shape or result.dtype.kind not in "fV":
        return False
    sizes = want.values if want.scale is None else want.scale
    numbers = result.astype(np.float64).reshape(-1).tolist()
    dtype = want.dtype if library.promise else coarser(want.dtype, result.dtype)
    with ctx.workprec(320):
        limit = largest(result.dtype)
        for one, value, size in zip(numbers, want.values.flat, sizes.flat, strict=True):
            if not (value.abs_upper() <= limit):  # infinite, or beyond the dtype
                if one != float(value.sgn() * arb("inf")):
                    return False
                continue
            if not np.isfinite(one):
                return False
            larger = max(abs(value), abs(size), key=float)
            if not (abs(arb(one) - value) <= allowance(value, larger, want, rule, dtype, library)):
                return False
    return True


def coarser(first: np.dtype, second: np.dtype) -> np.dtype:
    return max(first, second, key=lambda dtype: float(finfo(dtype).eps))


def largest(dtype: np.dtype) -> arb:
    """Return the number from which on results round to infinity."""
    info = finfo(dtype)
    return arb(float(info.max)) * (1 + arb(float(info.eps)) / 4)


def allowance(
    value: arb, size: arb, want: Exact, rule: str, dtype: np.dtype, library: Library
) -> arb:
    info = finfo(dtype)
    smallest = arb(float(info.smallest_subnormal))
    if library.promise is None:
        half_of_the_digits = arb(float(info.eps)).sqrt()
        return half_of_the_digits * size + smallest
    kind, _, more = rule.partition(" +")
    if kind not in ("promise", "twice"):
        return arb(float(rule.split("/")[0]))
    times = 2 if kind == "twice" else 1
    if info.bits == 16:  # computed in float32 and rounded once
        return (arb("0.51") if times == 1 else arb(1)) * spacing(size, dtype)
    units = times * library.promise(*want.promise, dtype)
    if more and info.bits == 64:
        units += float(more)
    return arb(units) * spacing(size, dtype)


def is_equal(got: Any, want: Any, rule: str, library: Library) -> bool:
    if isinstance(got, str | bool | tuple) or isinstance(want, str):
        return bool(got == want)
    a, b = np.asarray(got), np.asarray(want)
    if b.ndim and a.shape != b.shape:
        return False
    a, b = a.real.astype(np.float64), np.broadcast_to(b.astype(np.float64), a.shape)
    if rule == "equal":
        return bool(np.array_equal(a, b, equal_nan=True))
    if rule == "promise":  # a literal that is exact: a few units, or half of the digits
        wide = finfo(np.asarray(got).dtype if np.asarray(got).dtype.kind in "fV" else np.float64)
        relative = 4 * float(wide.eps) if library.promise else float(wide.eps) ** 0.5
        return bool(np.allclose(a, b, rtol=relative, atol=0, equal_nan=True))
    bounds = [float(one) for one in rule.split("/")]
    bound = bounds[0] if library.promise else bounds[-1]
    return bool(np.allclose(a, b, rtol=0, atol=bound, equal_nan=True))


def shown(got: Any) -> str:
    """Return a result in a few words."""
    if isinstance(got, Exception):
        first = (str(got).strip().splitlines() or [""])[0]
        return f"{type(got).__name__}: {first[:90]}"
    if isinstance(got, str | bool):
        return repr(got)
    array = np.asarray(got)
    values = array.astype(np.float64) if array.dtype.kind in "fViu" else array
    listed = np.array2string(
        values.reshape(-1)[:6] if values.ndim else values,
        precision=6,
        separator=", ",
        floatmode="maxprec",
    )
    more = f" … of shape {array.shape}" if array.size > 6 else ""
    return f"{' '.join(listed.split())}{more}"
