"""Tensors of the Open Inference Protocol: JSON lists or little-endian bytes, as arrays and back.

Source: the protocol's REST specification, version 2, and its extension for binary tensor data.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from math import prod
from struct import Struct, error
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from luce.server.security import Refused

DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
BYTES = "BYTES"
_NAMES = [*DTYPES, BYTES]
_LENGTH = Struct("<I")
_MOST_DIMENSIONS = 8


class Tensor(NamedTuple):
    """A named tensor; ``values`` are flat: an array, or for BYTES a list of texts (or None)."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: NDArray[Any] | list[str | None]


def read_tensors(inputs: Any, binary: bytes) -> list[Tensor]:
    """Return the tensors of a request; `binary` is what follows its JSON.

    Raises
    ------
    Refused
        400: a tensor is not what it says.
    """
    if not isinstance(inputs, list) or not inputs:
        refuse("inputs must be a list of at least one tensor.")
    found, start = [], 0
    for tree in inputs:
        tensor, start = _read(tree, binary, start)
        found.append(tensor)
    if start != len(binary):
        refuse(f"The binary tensors take {start} bytes, but {len(binary)} came.")
    if len({tensor.name for tensor in found}) < len(found):
        refuse("The names of the inputs must differ.")
    return found


def to_json(tensor: Tensor) -> dict[str, Any]:
    """Return a tensor as the protocol spells it in JSON."""
    values = tensor.values
    listed = values if isinstance(values, list) else values.tolist()
    return {**_head(tensor), "data": listed}


def to_binary(tensor: Tensor) -> tuple[dict[str, Any], bytes]:
    """Return the JSON of a tensor whose values follow as bytes, and these."""
    if isinstance(tensor.values, list):
        parts = [(text or "").encode() for text in tensor.values]
        data = b"".join(_LENGTH.pack(len(part)) + part for part in parts)
    else:
        data = tensor.values.astype(DTYPES[tensor.datatype], copy=False).tobytes()
    return {**_head(tensor), "parameters": {"binary_data_size": len(data)}}, data


def refuse(message: str) -> NoReturn:
    """Refuse a request that breaks the protocol."""
    raise Refused(400, "BadRequest", message[:1000])


def _head(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}


def _read(tree: Any, binary: bytes, start: int) -> tuple[Tensor, int]:
    if not isinstance(tree, dict) or not {"name", "shape", "datatype"} <= tree.keys():
        refuse("An input must have name, shape and datatype.")
    name, datatype, shape = tree["name"], tree["datatype"], tree["shape"]
    if not isinstance(name, str) or datatype not in _NAMES:
        refuse(f"The name must be a text and the datatype one of {', '.join(_NAMES)}.")
    if not isinstance(shape, list) or not 1 <= len(shape) <= _MOST_DIMENSIONS:
        refuse(f"The shape of input {name[:60]!r} must be a list of sizes.")
    if not all(type(size) is int and 0 <= size < 2**31 for size in shape):
        refuse(f"The sizes in the shape of input {name[:60]!r} must be whole numbers from 0.")
    count, parameters = prod(shape), tree.get("parameters", {})
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        values = _listed(tree.get("data"), datatype, name)
    else:
        if type(size) is not int or not 0 <= size <= len(binary) - start or "data" in tree:
            refuse(f"binary_data_size of input {name[:60]!r} must be that of the bytes that came.")
        values = _unpacked(binary[start : start + size], datatype, name)
        start += size
    if len(values) != count:
        refuse(f"Input {name[:60]!r} must have {count} values for its shape, got {len(values)}.")
    return Tensor(name, datatype, tuple(shape), values), start


def _listed(data: Any, datatype: str, name: str) -> NDArray[Any] | list[str | None]:
    """The values of nested or flat lists."""
    flat = data
    while isinstance(flat, list) and any(isinstance(part, list) for part in flat):
        if not all(isinstance(part, list) for part in flat):
            refuse(f"The lists of input {name[:60]!r} must be nested evenly.")
        flat = list(chain.from_iterable(flat))
    if not isinstance(flat, list):
        refuse(f"data of input {name[:60]!r} must be a list.")
    types = set(map(type, flat))
    try:
        if datatype == BYTES and types <= {str, type(None)}:
            return flat
        if datatype == "BOOL" and types <= {bool}:
            return np.array(flat, np.bool_)
        if datatype.startswith("FP") and types <= {int, float}:
            return _narrowed(np.frombuffer(array("d", flat), np.float64), DTYPES[datatype])
        if "INT" in datatype and types <= {int}:
            return np.array(flat, DTYPES[datatype])  # refuses what is out of range
    except OverflowError:
        pass
    refuse(f"Every value of input {name[:60]!r} must be of the datatype {datatype}.")


def _narrowed(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):  # the encoding refuses infinity, with the place
        return values.astype(dtype)


def _unpacked(data: bytes, datatype: str, name: str) -> NDArray[Any] | list[str | None]:
    if datatype == BYTES:
        return list(_texts(data, name))
    dtype = DTYPES[datatype]
    if len(data) % dtype.itemsize:
        refuse(f"The bytes of input {name[:60]!r} must be those of whole values.")
    if datatype == "BOOL" and data.strip(b"\0\1"):
        refuse(f"The bytes of input {name[:60]!r} must be 0 or 1.")
    return np.frombuffer(data, dtype)


def _texts(data: bytes, name: str) -> Iterable[str]:
    start = 0
    while start < len(data):
        try:
            (length,) = _LENGTH.unpack_from(data, start)
            start += _LENGTH.size
            if length > len(data) - start:
                refuse(f"A text of input {name[:60]!r} is cut off.")
            yield data[start : start + length].decode()
        except (error, UnicodeDecodeError):
            refuse(f"The bytes of input {name[:60]!r} must be texts in UTF-8 after their lengths.")
        start += length


def asked(outputs: Any, known: Sequence[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the names and parameters of the outputs that a request asks for; without any, all."""
    if outputs is None:
        return [(name, {}) for name in known]
    if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
        refuse("outputs must be a list of objects.")
    found: list[tuple[str, Mapping[str, Any]]] = []
    for one in outputs:
        parameters = one.get("parameters", {})
        if one.get("name") not in known or not isinstance(parameters, dict):
            refuse(f"The outputs are {', '.join(known)}.")
        found.append((one["name"], parameters))
    if len({name for name, _ in found}) < len(found):
        refuse("Each output may be asked for once.")
    return found
