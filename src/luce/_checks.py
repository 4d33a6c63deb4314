"""Room 2, beside kernels: turn what a caller passes into arrays that kernels may trust.

Every check of an argument lives here, with its wording: what is required, what came, where,
and what to do. May import: errors, numpy. May be imported by every room above.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.errors import DataError, DtypeError, LabelError, ParameterError, ShapeError

FloatArray: TypeAlias = NDArray[np.floating[Any]]  # float32 or float64, native byte order
Axis: TypeAlias = int | tuple[int, ...] | None

# Rows that another library's float16 or float32 softmax made pass; typing errors do not.
SUM_TOLERANCE = 1e-3
_SUM_TOLERANCE_OF_BFLOAT16 = 4e-3
LARGEST_WEIGHT = 1e200  # leaves room for the sum over all rows
_HOST_DEVICES = (1, 3, 11)  # of DLPack: plain memory, and that which CUDA or ROCm has pinned


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
    if _is_bfloat16(dtype):
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


def as_where(where: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the mask as a read-only boolean view of the shape of x."""
    mask = as_array(where, "where")
    if mask.dtype != np.bool_:
        raise DtypeError(
            f"where must be boolean (True = take part), got dtype {mask.dtype}."
            " Pass where=mask.astype(bool), or compare: where=mask > 0."
        )
    try:
        return np.broadcast_to(mask, shape)
    except ValueError as error:
        raise ShapeError(
            f"where must broadcast to the shape of x, {shape}, got shape {mask.shape}."
            " Add axes of length 1 where the mask should repeat."
        ) from error


def as_weights(
    b: ArrayLike | None, shape: tuple[int, ...], where: ArrayLike | None
) -> NDArray[np.float64]:
    """Return the weights b in the shape of x as float64; 0 where the mask is False, None = 1."""
    weights = as_doubles(1.0 if b is None else b, "b")
    try:
        whole = np.broadcast_to(weights, shape)
    except ValueError as error:
        raise ShapeError(
            f"b must broadcast to the shape of x, {shape}, got shape {weights.shape}."
            " Add axes of length 1 where the weights should repeat."
        ) from error
    return whole if where is None else np.where(as_where(where, shape), whole, 0.0)


def check_possible(possible: NDArray[np.bool_], axes: tuple[int, ...]) -> None:
    """Refuse rows in which no class is possible; `possible` keeps the classes' axes at length 1."""
    wrong = ~possible.squeeze(axes)
    if wrong.any():
        raise DataError(
            f"each row must have a class that is possible, got only -inf or masked classes at"
            f" {_named(_first(wrong))} (rows at fault: {wrong.sum()})."
            ' Drop the row, or pass empty="zero" or empty="nan".'
        )


def as_one_axis(axis: Any) -> int:
    """Return an axis that a function takes alone, to be checked by `as_axes`."""
    if isinstance(axis, (int, np.integer)) and not isinstance(axis, bool):
        return int(axis)
    raise ParameterError(
        f"axis must be one integer for this function, got {axis!r}."
        " Reshape x so that its classes lie along one axis."
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


def check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse an ``out`` that could not hold the result without another conversion."""
    if not isinstance(out, np.ndarray):
        raise DtypeError(
            f"out must be a NumPy array, got {type(out).__name__}."
            f" Pass out=np.empty({shape}, np.{dtype})."
        )
    if out.shape != shape:
        raise ShapeError(
            f"out must have the result's shape {shape}, got {out.shape}."
            f" Pass out=np.empty({shape}, np.{dtype})."
        )
    if out.dtype != dtype:
        raise DtypeError(
            f"out must have the result's dtype {dtype}, got {out.dtype}."
            f" Pass out=np.empty({shape}, np.{dtype})."
        )
    if not out.flags.writeable:
        raise _frozen()


def check_out_of_bfloat16(out: NDArray[Any], given: bool, needed: bool) -> None:
    """Refuse an ``out`` of another package that is bfloat16 where the result is not, or frozen."""
    if given != needed:
        was = "bfloat16" if given else str(out.dtype)
        raise DtypeError(
            f"out must have the result's dtype, which is {'' if needed else 'not '}bfloat16 here,"
            f" got {was}. Pass an array of the dtype of the first argument."
        )
    if given and not out.flags.writeable:
        raise _frozen()


def check_on_host(array: Any, device: int, name: str) -> None:
    """Refuse an array of another package whose memory does not simply hold its values."""
    kind = type(array).__name__
    if getattr(array, "requires_grad", False):
        raise DataError(
            f"{name} must be an array of plain numbers, got a {kind} that requires its gradient."
            f" Pass {name}.detach(), or use luce.nn, whose functions are differentiated."
        )
    if getattr(array, "is_neg", bool)():  # torch exports the memory, and forgets the sign
        raise DataError(
            f"{name} must hold its own numbers, got a {kind} that is a negated view of others."
            f" Pass {name}.resolve_neg()."
        )
    if device not in _HOST_DEVICES:
        raise DataError(
            f"{name} must lie in the CPU's memory, got a {kind} on device {array.device}."
            " Copy it to the CPU, or use luce.nn, which works on devices."
        )


def not_exportable(array: Any, name: str, error: Exception) -> DataError:
    """Return the error for an array of another package that NumPy cannot see."""
    return DataError(
        f"{name} must be an array that NumPy can read by DLPack, got a {type(array).__name__}"
        f" of dtype {array.dtype} ({str(error).splitlines()[0]}). Convert it to a NumPy array, or"
        " to dense float32 on the CPU."
    )


def as_count(value: Any, largest: int, name: str) -> int:
    """Return a number of classes, from 1 to the largest there can be."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if is_whole and 1 <= value <= largest:
        return int(value)
    limit = f"an integer from 1 to {largest}" if largest < 2**53 else "an integer of at least 1"
    raise ParameterError(f"{name} must be {limit}, got {value!r}. Pass a number of classes.")


def as_number_dtype(dtype: Any) -> np.dtype[Any]:
    """Return a dtype that can hold the numbers 0 and 1."""
    try:
        kind: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        kind = np.dtype(object)
    if kind.kind in "fiub" or _is_bfloat16(kind):
        return kind
    raise DtypeError(
        f"dtype must be a floating-point or integer one, or bool, got {dtype!r}."
        " Pass np.float32, for example."
    )


def as_axis_of_result(axis: Any, ndim: int) -> int:
    """Return an axis of a result with that many axes, counted from 0."""
    return _as_axis(axis, ndim, "the result")


def as_norm_order(value: Any) -> float:
    """Return the order of a norm, which is at least 1 and may be infinite."""
    order = _as_number(value, "p")
    if not order >= 1:
        raise ParameterError(
            f"p must be at least 1, got {value!r}. Below 1 it is no norm, and no smooth maximum."
        )
    return order


def as_temperature(value: Any) -> float:
    """Return a temperature that logits may be divided by."""
    temperature = _as_number(value, "temperature")
    if not 0 < temperature < np.inf:
        raise ParameterError(
            f"temperature must be above 0 and finite, got {value!r}."
            " For the limit 0 take the argmax, for the limit infinity the uniform distribution."
        )
    return temperature


def as_alpha(value: Any) -> float:
    """Return a member of the entmax family."""
    alpha = _as_number(value, "alpha")
    if not 1 <= alpha < np.inf:
        raise ParameterError(
            f"alpha must be 1 or more and finite, got {value!r}."
            " 1 is the softmax, 2 the sparsemax; for the limit infinity take the hardmax."
        )
    return alpha


def as_generator(rng: Any) -> np.random.Generator:
    """Return a source of random numbers: the one given, or a new one from a seed or from None."""
    if isinstance(rng, np.random.Generator):
        return rng
    whole = isinstance(rng, (int, np.integer)) and not isinstance(rng, bool)
    if rng is None or (whole and rng >= 0):
        return np.random.default_rng(rng)
    raise ParameterError(
        f"rng must be a numpy.random.Generator, a seed of 0 or more, or None, got {rng!r}."
        " Pass rng=np.random.default_rng(seed)."
    )


def as_size(size: Any) -> tuple[int, ...]:
    """Return the shape of the draws from each row."""
    given = () if size is None else size if isinstance(size, tuple) else (size,)
    for one in given:
        whole = isinstance(one, (int, np.integer)) and not isinstance(one, bool)
        if not whole or not 0 <= one < 2**48:
            raise ParameterError(
                f"size must be a whole number in 0..2^48, a tuple of them, or None, got {size!r}."
                " Pass size=None for one draw from each row."
            )
    return tuple(int(one) for one in given)


def check_drawable(rows: NDArray[Any], left: tuple[int, ...]) -> None:
    """Refuse rows (n, k) that define no distribution; `left` is the shape of the rows."""
    wrong = ~np.isfinite(rows.max(axis=1, initial=-np.inf)).reshape(left)
    if wrong.any():
        raise DataError(
            "each row must have a largest logit that is finite, got NaN, +inf or no possible class"
            f" at {_named(_first(wrong))} (rows at fault: {wrong.sum()})."
            " Drop the row: there is no distribution to draw from."
        )


def as_smoothing(value: Any) -> float:
    """Return a label smoothing that leaves the label some of its weight."""
    smoothing = _as_number(value, "label_smoothing")
    if not 0 <= smoothing < 1:
        raise ParameterError(
            f"label_smoothing must lie in [0, 1), got {value!r}. Usual values are 0 to 0.2."
        )
    return smoothing


def as_softcap(value: Any) -> float | None:
    """Return the bound that logits are squeezed into; None for no bound."""
    if value is None:
        return None
    softcap = _as_number(value, "softcap")
    if not 0 < softcap < np.inf:
        raise ParameterError(
            f"softcap must be above 0 and finite, got {value!r}."
            " Usual values are 30 to 50; pass softcap=None for no cap."
        )
    return softcap


def as_strength(value: Any, name: str, usual: str) -> float:
    """Return an option that is 0 where it is not wanted, and else a finite number above 0."""
    strength = _as_number(value, name)
    if not 0 <= strength < np.inf:
        raise ParameterError(
            f"{name} must be 0 or more, and finite, got {value!r}. Usual values are {usual}."
        )
    return strength


def as_normalizer(value: Any, reduction: str) -> float | None:
    """Return what the mean divides by instead of the rows' number or weight; None for those."""
    if value is None:
        return None
    normalizer = _as_number(value, "normalizer")
    if reduction != "mean":
        raise ParameterError(
            f"normalizer must be None for reduction={reduction!r}, got {value!r}."
            " It replaces what the mean divides by: pass reduction='mean', or leave it out."
        )
    if not 0 < normalizer < np.inf:
        raise ParameterError(
            f"normalizer must be above 0 and finite, got {value!r}."
            " Pass the number (or weight) of rows that the sum is to be divided by."
        )
    return normalizer


def nothing_to_average(rows: int) -> DataError:
    """Return the error for a mean of no row, or of rows that all count nothing."""
    came = f"{rows} rows, all ignored or of weight 0" if rows else "no rows"
    return DataError(
        f"a mean needs at least one row that counts, got {came} (empty='raise')."
        " Leave such a batch out, or pass empty='zero', empty='nan' or a normalizer."
    )


def as_finite(value: Any, name: str, least: float = -np.inf, most: float = np.inf) -> float:
    """Return a finite number between two bounds, both allowed."""
    number = _as_number(value, name)
    if not (np.isfinite(number) and least <= number <= most):
        above = f" and at least {least:g}" if least > -np.inf else ""
        below = f" and at most {most:g}" if most < np.inf else ""
        raise ParameterError(
            f"{name} must be finite{above}{below}, got {value!r}. Pass a number in that range."
        )
    return number


def as_scale(value: Any) -> float:
    """Return what cosines are multiplied by."""
    scale = _as_number(value, "scale")
    if not 0 < scale < np.inf:
        raise ParameterError(
            f"scale must be above 0 and finite, got {value!r}. Usual values are 16 to 64."
        )
    return scale


def check_cosines(
    cosines: FloatArray,
    counted: NDArray[np.bool_],
    excess: float,
    rows: tuple[int, ...],
    first: int,
) -> None:
    """Refuse cosines beyond -1 or 1 by more than rounding explains, in rows that count.

    They are (t, k), from the row `first` on of those that have the shape `rows`.
    """
    largest = 1 + max(excess, 1e-5)
    wrong = (np.abs(cosines) > largest) & (cosines != -np.inf) & counted[:, None]
    if wrong.any():
        row, column = _first(wrong)
        place = [int(i) for i in np.unravel_index(first + row, rows)] if rows else []
        raise DataError(
            f"cosines must lie in [-1, 1] (up to {largest - 1:.0e} beyond is taken for rounding),"
            f" got {cosines[row, column]} at {_named(place)}, class {column} (entries at fault:"
            f" {wrong.sum()}). Divide features and class centres by their lengths first."
        )


def as_choice(value: Any, choices: Sequence[str], name: str) -> str:
    """Return one of the choices; a near miss is told which one it resembles."""
    if isinstance(value, str) and value in choices:
        return value
    listed = ", ".join(map(repr, choices))
    near = get_close_matches(str(value), choices, n=1)
    cure = f"Did you mean {near[0]!r}?" if near else "Choose one of them."
    raise ParameterError(f"{name} must be one of {listed}, got {value!r}. {cure}")


def as_ignore_index(value: Any) -> int | None:
    """Return the label value that marks rows without a label."""
    if value is None:
        return None
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    raise ParameterError(
        f"ignore_index must be an integer or None, got {value!r}."
        " Pass the label value that marks the rows to leave out, such as -100."
    )


def refuse_ignore_index(ignore_index: int | None) -> None:
    """Refuse to look for a label among probabilities."""
    if ignore_index is not None:
        raise ParameterError(
            f"ignore_index must be None for a target of probabilities, got {ignore_index}."
            " Drop the rows to be ignored."
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


def as_class_weights(values: ArrayLike, classes: int) -> NDArray[np.float64]:
    """Return one finite weight for each class as float64, none negative and not all zero."""
    weight = as_doubles(values, "weight")
    if weight.shape != (classes,):
        raise ShapeError(
            f"weight must hold one number for each of the {classes} classes, got shape"
            f" {weight.shape}. Pass weight of shape ({classes},)."
        )
    wrong = ~((weight >= 0) & (weight <= LARGEST_WEIGHT))
    if wrong.any():
        first = int(wrong.argmax())
        raise ParameterError(
            f"weight must lie in 0..{LARGEST_WEIGHT:g}, got {weight[first]} for class {first}"
            f" (classes at fault: {wrong.sum()}). Use 0 to leave a class out."
        )
    if not weight.any():
        raise ParameterError(
            f"weight must hold a number above 0, got zeros for all {classes} classes."
            " Pass weight=None to weigh them alike."
        )
    return weight


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
        place = _first(wrong)
        raise LabelError(
            f"{name} must hold booleans, or 0 and 1, got {numbers[tuple(place)]} at"
            f" {_named(place)} (entries at fault: {wrong.sum()}). Compare first: {name} > 0."
        )
    return numbers.astype(np.bool_)


def as_distances(values: ArrayLike) -> tuple[FloatArray, np.dtype[Any]]:
    """Return distances to compute with, none negative, and the dtype of their gradient."""
    distances, dtype = as_floats(values, "distances")
    wrong = distances < 0
    if wrong.any():
        place = _first(wrong)
        raise DataError(
            f"distances must be 0 or more, got {distances[tuple(place)]} at {_named(place)}"
            f" (entries at fault: {wrong.sum()}). Pass lengths of differences, such as"
            " np.linalg.norm(a - b, axis=-1)."
        )
    return distances, dtype


def as_similarities(values: ArrayLike, labelled: bool, symmetric: bool) -> NDArray[Any]:
    """Return a table of similarities that has the diagonal which takes the place of labels."""
    table = as_array(values, "similarities")
    if table.ndim != 2:
        raise ShapeError(
            f"similarities must be a table (queries, candidates), got shape {table.shape}."
            " Pass queries @ candidates.T."
        )
    n, m = table.shape
    if symmetric and labelled:
        raise ParameterError(
            "symmetric must be False with labels, got True. Order the candidates so that each query"
            " fits the candidate of its number, and leave labels out."
        )
    if (n != m and symmetric) or (n > m and not labelled):
        needed = "as many candidates as queries" if symmetric else "a candidate for each query"
        raise ShapeError(
            f"similarities must have {needed} where there are no labels, got shape {table.shape}."
            " Pass labels that say which candidate fits each query."
        )
    return table


def check_same_shape(shape: tuple[int, ...], logits: tuple[int, ...], name: str) -> None:
    """Refuse an array that has not the shape of the logits."""
    if shape != logits:
        raise ShapeError(
            f"{name} must have the shape of the logits, {logits}, got shape {shape}."
            " Pass the same rows and classes in both."
        )


def check_taught(alpha: float, labelled: bool) -> None:
    """Refuse to mix in the loss of labels that are not there."""
    if alpha < 1 and not labelled:
        raise ParameterError(
            f"alpha must be 1 without labels, got {alpha!r}. Pass labels, or leave alpha out."
        )


def as_positive(value: Any, name: str) -> float:
    """Return a finite number above 0."""
    number = _as_number(value, name)
    if not 0 < number < np.inf:
        raise ParameterError(
            f"{name} must be above 0 and finite, got {value!r}. Pass a number such as 1.0."
        )
    return number


def as_target(target: ArrayLike, shape: tuple[int, ...], name: str) -> FloatArray:
    """Return a target for each number of x."""
    given = as_array(target, "target")
    t = as_float_array(given.view(np.uint8) if given.dtype == np.bool_ else given, "target")
    if t.shape == shape:
        return t
    same = t.size == np.prod(shape)
    cure = f"Pass target.reshape({shape})." if same else "Pass one target for each of them."
    raise ShapeError(
        f"target must have the shape of {name}, {shape}, got shape {t.shape}: it is not repeated."
        f" {cure}"
    )


def as_shares(target: ArrayLike, shape: tuple[int, ...], name: str) -> FloatArray:
    """Return a target in 0..1 for each number of x."""
    t = as_target(target, shape, name)
    wrong = ~((t >= 0) & (t <= 1))
    if wrong.any():
        place = tuple(_first(wrong))
        raise LabelError(
            f"targets must lie in 0..1, got {t[place]} at {_element(place)} (elements at fault:"
            f" {wrong.sum()}). Pass probabilities, or classes numbered 0 and 1."
        )
    return t


def as_element_weights(
    values: ArrayLike, shape: tuple[int, ...], name: str = "weight"
) -> NDArray[np.float64]:
    """Return a finite weight of 0 or more for each element of x."""
    weight = as_doubles(values, name)
    wrong = ~((weight >= 0) & (weight <= LARGEST_WEIGHT))
    if wrong.any():
        place = tuple(_first(wrong))
        raise ParameterError(
            f"{name} must lie in 0..{LARGEST_WEIGHT:g}, got {weight[place]} at {_element(place)}"
            f" (elements at fault: {wrong.sum()}). Use 0 to leave an element out."
        )
    return as_like(weight, shape, name)


def _element(place: tuple[int, ...]) -> str:
    if not place:
        return "the only element"
    return f"element {place[0] if len(place) == 1 else place}"


def as_linear_layer(
    hidden: ArrayLike, weight: ArrayLike, bias: ArrayLike | None
) -> tuple[tuple[FloatArray, FloatArray, FloatArray | None], tuple[np.dtype[Any], ...]]:
    """Return the three in the dtype to compute with, and the dtypes that their gradients have."""
    h, hidden_dtype = as_floats(hidden, "hidden")
    w, weight_dtype = as_floats(weight, "weight")
    b, bias_dtype = (None, weight_dtype) if bias is None else as_floats(bias, "bias")
    if h.ndim == 0:
        raise ShapeError(
            "hidden must have a last axis as long as the rows of weight, got a single number."
            " Pass an array of shape (..., d)."
        )
    if w.ndim != 2 or w.shape[1] != h.shape[-1] or w.shape[0] == 0:
        turned = w.ndim == 2 and w.shape[0] == h.shape[-1]
        cure = "Pass weight.T." if turned else "Pass one row of d numbers for each class."
        raise ShapeError(
            f"weight must have shape (k, d) with d = {h.shape[-1]}, as hidden has it, and at least"
            f" one class, got shape {w.shape} with hidden of shape {h.shape}. {cure}"
        )
    if b is not None and b.shape != w.shape[:1]:
        raise ShapeError(
            f"bias must hold one number for each of the {w.shape[0]} classes, got shape {b.shape}."
            f" Pass bias of shape {w.shape[:1]}."
        )
    wide = np.result_type(h, w) if b is None else np.result_type(h, w, b)
    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a NaN
        layer = (
            h.astype(wide, copy=False),
            w.astype(wide, copy=False),
            None if b is None else b.astype(wide, copy=False),
        )
    return layer, (hidden_dtype, weight_dtype, bias_dtype)


def as_labels(
    target: ArrayLike, rows: tuple[int, ...], classes: int, ignore_index: int | None = None
) -> NDArray[np.int64]:
    """Return labels in ``0..classes-1`` as contiguous int64, -1 where a row is to be ignored."""
    labels = _as_integers(as_array(target, "target"))
    if labels.shape != rows:
        raise _target_shape_error(labels, rows, classes)
    if ignore_index is None and _are_ready(labels, classes):
        return labels
    outside = (labels < 0) | (labels >= classes)
    if ignore_index is None:
        if outside.any():
            raise _label_error(labels, outside, classes)
        return labels.astype(np.int64, order="C", copy=not labels.flags.aligned)
    ignored = labels == ignore_index
    if (outside & ~ignored).any():
        raise _label_error(labels, outside & ~ignored, classes)
    return np.where(ignored, np.int64(-1), labels.astype(np.int64))


def as_distributions(
    target: ArrayLike, rows: tuple[int, ...], classes: int, axis: int = -1
) -> FloatArray:
    """Return one distribution over the classes for each row, checked and not rescaled.

    The classes lie along `axis` of the target, and along the last axis of what is returned.
    """
    given = as_array(target, "target")
    t = as_float_array(given.view(np.uint8) if given.dtype == np.bool_ else given, "target")
    if t.shape != _with_classes(rows, classes, axis):
        raise _target_shape_error(t, rows, classes, axis)
    t = np.ascontiguousarray(np.moveaxis(t, axis, -1))  # rows are summed in the same order
    if t.size and not t.min() >= 0:  # also for NaN; no array of the size of t for right ones
        wrong = ~(t >= 0)
        *row, column = _first(wrong)
        raise LabelError(
            f"target probabilities must be 0 or more, got {t[(*row, column)]} at"
            f" {_named(row)}, class {column} (entries at fault: {wrong.sum()})."
            " Pass probabilities, not logits: luce.softmax makes them."
        )
    total = t.sum(axis=-1, dtype=np.float64)
    wrong = ~(np.abs(total - 1) <= SUM_TOLERANCE)
    if wrong.any() and _was_bfloat16(t):
        wrong = ~(np.abs(total - 1) <= _SUM_TOLERANCE_OF_BFLOAT16)
    if wrong.any():
        row = _first(wrong)
        raise LabelError(
            f"target probabilities must sum to 1 in each row (within {SUM_TOLERANCE}), got a sum of"
            f" {total[tuple(row)]:.6g} at {_named(row)} (rows at fault: {wrong.sum()})."
            " Divide each row by its sum."
        )
    return t


def _is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether it is the bfloat16 of ml_dtypes, a package that need not be there."""
    return dtype.name == "bfloat16"


def _was_bfloat16(t: FloatArray) -> bool:
    """Whether bfloat16 holds all the numbers, so that they may have been rounded to it."""
    return t.dtype == np.float32 and not (t.view(np.uint32) & 0xFFFF).any()


def _frozen() -> ParameterError:
    return ParameterError("out must be writeable, got a read-only array. Pass a copy of it.")


def _dtype_cure(dtype: np.dtype[Any], name: str) -> str:
    if dtype == np.bool_:
        return f"If {name} is a mask, pass it as where; else use {name}.astype(np.float32)."
    if dtype.kind == "c":
        return f"Pass {name}.real, or their absolute values."
    return f"Convert first: np.asarray({name}).astype(np.float64)."


def _no_axis(name: str) -> ShapeError:
    return ShapeError(
        f"{name} must have an axis that holds the classes, got a single number or no axis."
        " Pass a list or array."
    )


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


def _as_number(value: Any, name: str) -> float:
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return _as_float64(value)
    raise ParameterError(f"{name} must be a number, got {value!r}. Pass a Python float.")


def _as_float64(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # of a Python integer
        return np.inf if value > 0 else -np.inf


def _as_integers(labels: NDArray[Any]) -> NDArray[Any]:
    if labels.dtype.kind in "iu":
        return labels
    if labels.dtype.kind == "b":
        return labels.view(np.uint8)
    if labels.dtype.kind != "f" and not _is_bfloat16(labels.dtype):
        raise DtypeError(
            f"labels must be integers, got dtype {labels.dtype} (shape {labels.shape})."
            " Number the classes from 0: np.unique(labels, return_inverse=True)[1]."
        )
    labels = labels.astype(np.float64)
    wrong = (np.trunc(labels) != labels) | ~(np.abs(labels) < 2.0**63)
    if wrong.any():
        row = _first(wrong)
        raise LabelError(
            f"labels must be whole numbers, got {labels[tuple(row)]} at {_named(row)}"
            f" (rows at fault: {wrong.sum()}). Number the classes 0, 1, 2, ...; probabilities need"
            " the shape of the logits."
        )
    return labels.astype(np.int64)


def _label_error(labels: NDArray[Any], wrong: NDArray[np.bool_], classes: int) -> LabelError:
    row = _first(wrong)
    value = labels[tuple(row)]
    if labels.min() == 1 and labels.max() == classes:
        cure = "Classes are counted from 0: subtract 1."
    elif value < 0:
        cure = f"Drop rows that have no label, or pass ignore_index={value}."
    else:
        cure = "Renumber the classes, or give the logits a column for each."
    return LabelError(
        f"labels must lie in 0..{classes - 1} (logits have {classes} classes), got {value} at"
        f" {_named(row)} (rows at fault: {wrong.sum()}). {cure}"
    )


def _target_shape_error(
    target: NDArray[Any], rows: tuple[int, ...], classes: int, axis: int = -1
) -> ShapeError:
    if target.size == int(np.prod(rows)):
        cure = f"Pass target.reshape({rows})."
    else:
        place = "the last axis" if axis == -1 else f"axis {axis}"
        cure = f"Pass the same rows in logits and target, with the classes along {place}."
    return ShapeError(
        f"target must hold a label for each row, shape {rows}, or a distribution for each row,"
        f" shape {_with_classes(rows, classes, axis)}; got shape {target.shape}. {cure}"
    )


def _with_classes(rows: tuple[int, ...], classes: int, axis: int) -> tuple[int, ...]:
    place = axis % (len(rows) + 1)
    return (*rows[:place], classes, *rows[place:])


def _are_ready(labels: NDArray[Any], classes: int) -> bool:
    """Whether labels need no conversion, and none is out of range: one pass over them."""
    flags = labels.flags
    if not (labels.dtype == np.int64 and flags.c_contiguous and flags.aligned):
        return False
    if 0 < labels.size <= 32:  # Python compares these sooner than NumPy is called
        few = labels.ravel().tolist()
        return bool(min(few) >= 0 and max(few) < classes)
    return bool(labels.view(np.uint64).max(initial=0) < classes)  # negative ones are huge


def _first(wrong: NDArray[np.bool_]) -> list[int]:
    return [int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape)]


def _named(row: Sequence[int]) -> str:
    """Return "row 3", "row (2, 3)", or "the only row" where logits have a single axis."""
    if not row:
        return "the only row"
    return f"row {row[0] if len(row) == 1 else tuple(row)}"
