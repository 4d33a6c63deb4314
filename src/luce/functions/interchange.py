"""Take arrays of torch, jax and cupy as they are, and give results back as the caller's kind.

Arrays travel by DLPack, without a copy and without luce importing any of these packages: whatever
has ``__dlpack__``, and a package that offers ``from_dlpack``, is served. NumPy has no bfloat16, so
bfloat16 travels as integers, is widened to float32, and its results are rounded once.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial, wraps
from inspect import signature
from typing import (
    Any,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeGuard,
    TypeVar,
    cast,
    overload,
    runtime_checkable,
)

import numpy as np
from numpy.typing import NDArray

from luce._checks import check_on_host, check_out_of_bfloat16, not_exportable
from luce.errors import LuceError

P = ParamSpec("P")
R = TypeVar("R")
Quick = Callable[[tuple[Any, ...], dict[str, Any]], Any]

# The types of nearly all arguments: they are let through at the cost of one look-up.
_PLAIN: frozenset[type] = frozenset(
    (np.ndarray, np.float64, float, int, bool, str, list, tuple, type(None), np.random.Generator)
)
_HALF_OF_FLOAT32 = 16  # bfloat16 is the upper half of a float32


@overload
def own_kind(function: Callable[P, R]) -> Callable[P, R]: ...
@overload
def own_kind(*, quick: Quick | None) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def own_kind(function: Any = None, *, quick: Quick | None = None) -> Any:
    """Let a function of NumPy arrays take and return the arrays of other packages as well.

    The first array among the arguments decides what kind the results are; arrays inside named
    tuples are converted too. ``out`` may be of any kind and is itself returned. `quick` is a
    kernel's answer to a call whose arguments it can use as they are, or to others None: most of
    the time of a small call is spent on looking at its arguments.
    """
    if function is None:
        return partial(own_kind, quick=quick)
    names = tuple(signature(function).parameters)

    def with_own_kind(*args: Any, **kwargs: Any) -> Any:
        for value in args:
            if type(value) not in _PLAIN:
                return _exchanged(function, names, args, kwargs)
        if not kwargs:
            return function(*args)  # faster without
        for value in kwargs.values():
            if type(value) not in _PLAIN:
                return _exchanged(function, names, args, kwargs)
        return function(*args, **kwargs)

    def with_own_kind_and_quick(*args: Any, **kwargs: Any) -> Any:
        result = quick(args, kwargs)  # type: ignore[misc]  # only where there is one
        return with_own_kind(*args, **kwargs) if result is None else result

    return wraps(function)(with_own_kind_and_quick if quick else with_own_kind)


@runtime_checkable
class _Exporting(Protocol):
    """What the DLPack protocol asks of an array."""

    def __dlpack__(self, **options: Any) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...


class _Taken(NamedTuple):
    """A foreign array, and how NumPy sees it."""

    package: Any  # the module that takes results back
    memory: NDArray[Any]  # the same memory; the bits of a bfloat16 array as int16
    narrow: bool  # whether it holds bfloat16

    def values(self) -> NDArray[Any]:
        return _widened(self.memory) if self.narrow else self.memory


def _exchanged(
    function: Callable[..., R],
    names: tuple[str, ...],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> R:
    given = {**dict(zip(names, args, strict=False)), **kwargs}  # the function counts them itself
    taken = {name: _take(value, name) for name, value in given.items() if _is_foreign(value)}
    if not taken:
        return function(*args, **kwargs)
    values = {name: one.values() for name, one in taken.items() if name != "out"}
    decides = taken.get(_first(names, given))
    out = taken.get("out")
    if out is not None:
        narrow = decides is not None and decides.narrow
        check_out_of_bfloat16(out.memory, out.narrow, narrow)
        values["out"] = np.empty(out.memory.shape, np.float32) if narrow else out.memory
    result = function(
        *[values.get(name, value) for name, value in zip(names, args, strict=False)],
        *args[len(names) :],
        **{name: values.get(name, value) for name, value in kwargs.items()},
    )
    if out is not None and out.narrow:
        out.memory[...] = _narrowed(values["out"])
    if result is values.get("out", given.get("out")):
        return cast(R, given["out"])
    return cast(R, _returned(result, decides))


def _is_foreign(value: object) -> TypeGuard[_Exporting]:
    """Whether DLPack leads there and back; NumPy reads everything else by itself."""
    return (
        type(value) not in _PLAIN
        and not isinstance(value, np.ndarray)
        and isinstance(value, _Exporting)
        and _package(value) is not None
    )


def _package(array: Any) -> Any:
    """Return the module whose ``from_dlpack`` makes such an array, or None."""
    named = getattr(array, "__array_namespace__", None)
    homes = [named()] if named is not None else map(_root, type(array).__mro__)
    return next((home for home in homes if getattr(home, "from_dlpack", None)), None)


def _root(kind: type) -> Any:
    return sys.modules.get(kind.__module__.partition(".")[0])


def _first(names: tuple[str, ...], given: Mapping[str, Any]) -> str:
    """Return the name of the first argument that is an array, in the order of the signature."""
    for name in names:
        value = given.get(name)
        if name != "out" and (isinstance(value, np.ndarray) or _is_foreign(value)):
            return name
    return ""


def _take(array: Any, name: str) -> _Taken:
    package = _package(array)
    narrow = str(array.dtype).endswith("bfloat16")
    try:
        check_on_host(array, array.__dlpack_device__()[0], name)
        memory = np.from_dlpack(array.view(package.int16) if narrow else array)
    except LuceError:
        raise
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise not_exportable(array, name, error) from error
    return _Taken(package, memory, narrow)


def _returned(result: Any, decides: _Taken | None) -> Any:
    """Return the result, or each field of it, as the kind of the array that decides."""
    if decides is None:
        return result
    if isinstance(result, tuple):
        fields = [_returned(one, decides) for one in result]
        return getattr(type(result), "_make", tuple)(fields)  # named tuples have _make
    if not isinstance(result, (np.ndarray, np.generic)):
        return result
    # torch ends the process on a negative stride, and some packages refuse read-only memory.
    own = np.require(result, requirements=["C", "W", "A", "E"])
    package = decides.package
    if decides.narrow and own.dtype == np.float32:
        return package.from_dlpack(_narrowed(own)).view(package.bfloat16)
    return package.from_dlpack(own)


def _widened(bits: NDArray[Any]) -> NDArray[np.float32]:
    upper = bits.view(np.uint16).astype(np.uint32)
    return (upper << _HALF_OF_FLOAT32).view(np.float32)


def _narrowed(values: NDArray[Any]) -> NDArray[np.int16]:
    """Return the bits of the nearest bfloat16, ties to even; NaN stays NaN."""
    bits = values.view(np.uint32)
    just_below_half, odd = np.uint32(0x7FFF), (bits >> _HALF_OF_FLOAT32) & 1
    with np.errstate(over="ignore"):  # of a NaN, which is replaced below
        rounded = (bits + just_below_half + odd) >> _HALF_OF_FLOAT32
    rounded = np.where(np.isnan(values), (bits >> _HALF_OF_FLOAT32) | 0x40, rounded)
    return rounded.astype(np.uint16).view(np.int16)
