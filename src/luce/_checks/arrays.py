"""Arrays of numbers: dtypes to compute in, and shapes that must agree."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce._checks.places import first_of, named_row
from luce.errors import DtypeError, LabelError, ShapeError

FloatArray: TypeAlias = NDArray[np.floating[Any]]  # float32 or float64, native byte order


def as_array(values: ArrayLike, name: str) -> NDArray[Any]:
    """Return a plain array of whatever dtype; masked and ragged ones are refused."""
    if type(values) is np.ndarray:
        return values
    # np.asarray would drop a mask without a word. Asked of arrays only: np.ma is slow to import.
    if isinstance(values, np.ndarray) and isinstance(values, np.ma.MaskedArray):
        raise DtypeError(
            f"{name} must be a plain array, got a masked array of shape {values.shape}."
            f" Pass {name}.data, and where=~{name}.mask to a function that takes where."
        )
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ShapeError(
            f"{name} must have rows of equal length, got a ragged {type(values).__name__}"
            f" ({error}). Pad the rows, or pass them one by one."
        ) from error


def as_floats(values: ArrayLike, name: str = "x") -> tuple[FloatArray, np.dtype[Any]]:
    """Return float32 or float64 to compute with, and the dtype that the result has.

    float32 and float64 stay; float16, and bfloat16 of ml_dtypes, are computed in float32;
    integers become float64.
    """
    array = as_array(values, name)
    dtype = array.dtype
    if dtype.kind in "iu":  # before any subtraction: int8 would wrap
        return array.astype(np.float64), np.dtype(np.float64)
    if dtype.kind == "f" and dtype.itemsize <= 8:
        width = np.float64 if dtype.itemsize == 8 else np.float32
        wide: FloatArray = array.astype(width, copy=not array.flags.aligned)
        return wide, dtype.newbyteorder("=")
    if is_bfloat16(dtype):
        return array.astype(np.float32), dtype
    raise DtypeError(
        f"{name} must be float32, float64, float16, bfloat16 or integers, got dtype {dtype}"
        f" (shape {array.shape}). {_dtype_cure(dtype, name)}"
    )


def as_float_array(values: ArrayLike, name: str = "x") -> FloatArray:
    """Return the array of `as_floats` alone."""
    return as_floats(values, name)[0]


def as_doubles(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return a copy in float64; a signalling NaN becomes a NaN without a warning."""
    with np.errstate(invalid="ignore"):
        return as_float_array(values, name).astype(np.float64)


def as_number_dtype(dtype: Any) -> np.dtype[Any]:
    """Return a dtype that can hold the numbers 0 and 1."""
    try:
        kind: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        kind = np.dtype(object)
    if kind.kind in "fiub" or is_bfloat16(kind):
        return kind
    raise DtypeError(
        f"dtype must be a floating-point or integer one, or bool, got {dtype!r}."
        " Pass np.float32, for example."
    )


def as_like(values: NDArray[Any], shape: tuple[int, ...], name: str) -> NDArray[Any]:
    """Return the array as a read-only view of the shape of x."""
    try:
        return np.broadcast_to(values, shape)
    except ValueError as error:
        raise ShapeError(
            f"{name} must broadcast to the shape of x, {shape}, got shape {values.shape}."
            f" Add axes of length 1 where {name} should repeat."
        ) from error


def as_like_one_of(
    values: NDArray[Any], shapes: tuple[tuple[int, ...], ...], name: str
) -> NDArray[Any]:
    """Return the array, whose shape must be one of those that the result may have."""
    if values.shape in shapes:
        return values
    cure = f" Pass {name}.reshape({shapes[0]})." if values.size == np.prod(shapes[0]) else ""
    raise ShapeError(
        f"{name} must have the shape of the result, {' or '.join(map(str, shapes))}, got shape"
        f" {values.shape}.{cure or f' Pass one number of {name} for each row of x.'}"
    )


def as_vector(values: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Return the direction of a product with a matrix of second derivatives."""
    vector = as_float_array(values, "vector")
    if vector.shape != shape:
        raise ShapeError(
            f"vector must have the shape of the logits, {shape}, got {vector.shape}."
            " Pass one number for each logit."
        )
    return vector


def as_flags(values: ArrayLike, shape: tuple[int, ...], name: str) -> NDArray[np.bool_]:
    """Return booleans of a shape; numbers that are 0 or 1 will do."""
    flags = as_array(values, name)
    if flags.shape != shape:
        raise ShapeError(
            f"{name} must have one flag for each number, shape {shape}, got shape {flags.shape}."
            " Pass an array of booleans of that shape."
        )
    if flags.dtype == np.bool_:
        return flags
    numbers = as_float_array(flags, name)
    wrong = (numbers != 0) & (numbers != 1)
    if wrong.any():
        place = first_of(wrong)
        raise LabelError(
            f"{name} must hold booleans, or 0 and 1, got {numbers[tuple(place)]} at"
            f" {named_row(place)} (entries at fault: {wrong.sum()}). Compare first: {name} > 0."
        )
    return numbers.astype(np.bool_)


def check_same_shape(shape: tuple[int, ...], logits: tuple[int, ...], name: str) -> None:
    """Refuse an array that has not the shape of the logits."""
    if shape != logits:
        raise ShapeError(
            f"{name} must have the shape of the logits, {logits}, got shape {shape}."
            " Pass the same rows and classes in both."
        )


def is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether it is the bfloat16 of ml_dtypes, a package that need not be there."""
    return dtype.name == "bfloat16"


def _dtype_cure(dtype: np.dtype[Any], name: str) -> str:
    if dtype == np.bool_:
        return f"If {name} is a mask, pass it as where; else use {name}.astype(np.float32)."
    if dtype.kind == "c":
        return f"Pass {name}.real, or their absolute values."
    return f"Convert first: np.asarray({name}).astype(np.float64)."
