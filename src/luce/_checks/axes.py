"""The axis, or axes, that the classes lie along."""

from typing import Any, TypeAlias

import numpy as np

from luce.errors import ParameterError, ShapeError

Axis: TypeAlias = int | tuple[int, ...] | None


def as_class_axis(axis: Any, shape: tuple[int, ...], name: str = "logits") -> int:
    """Return the one axis that holds the classes, at least one of them, counted from 0."""
    if axis is None or isinstance(axis, tuple):
        raise ParameterError(
            f"axis must be one integer, got {axis!r}. Pass the axis that holds the classes,"
            " such as axis=-1."
        )
    place = _as_axis(axis, len(shape), name)
    if shape[place] == 0:
        raise ShapeError(
            f"{name} must have at least one class, got shape {shape}, with none along axis {axis}."
            " Check how the array was sliced."
        )
    return place


def as_axes(axis: Axis, shape: tuple[int, ...], name: str = "x") -> tuple[int, ...]:
    """Return the axes of classes counted from 0, each once, and at least one."""
    ndim = len(shape)
    given = range(ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    axes = tuple(_as_axis(one, ndim, name) for one in given)
    if not axes:
        raise _no_axis(name)
    if len(set(axes)) < len(axes):
        raise ParameterError(f"axis must name each axis once, got {axis!r}. Remove the repetition.")
    return axes


def as_one_axis(axis: Any) -> int:
    """Return an axis that a function takes alone, to be checked by `as_axes`."""
    if isinstance(axis, (int, np.integer)) and not isinstance(axis, bool):
        return int(axis)
    raise ParameterError(
        f"axis must be one integer for this function, got {axis!r}."
        " Reshape x so that its classes lie along one axis."
    )


def as_axis_of_result(axis: Any, ndim: int) -> int:
    """Return an axis of a result with that many axes, counted from 0."""
    return _as_axis(axis, ndim, "the result")


def _as_axis(axis: Any, ndim: int, name: str) -> int:
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        raise ParameterError(
            f"axis must be an integer, a tuple of integers or None, got {axis!r}."
            " Pass axis=-1 for classes along the last axis."
        )
    if ndim == 0:
        raise _no_axis(name)
    if not -ndim <= axis < ndim:
        raise ShapeError(
            f"axis must lie in {-ndim}..{ndim - 1} ({name} has {ndim} axes), got {axis}."
            " Pass axis=-1 for classes along the last axis."
        )
    return int(axis) % ndim


def _no_axis(name: str) -> ShapeError:
    return ShapeError(
        f"{name} must have an axis that holds the classes, got a single number or no axis."
        " Pass a list or array."
    )
