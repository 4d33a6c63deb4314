"""The safetensors container: 8 bytes of length, a JSON header, the tensors' bytes.

Written by the ``safetensors`` library. Read here, because that library accepts duplicate keys and
takes seconds and hundreds of megabytes for a hostile header of a few megabytes; this reader checks
every size against the file before it allocates, and needs NumPy alone.

Source: https://github.com/huggingface/safetensors#format
"""

import hashlib
import io
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luce.errors import MissingExtraError
from luce.storage import strict_json
from luce.storage.refusal import Quoted, Refusal, refuse

MAX_HEADER_BYTES = 8 * 2**20  # room for the categories of a table; most take kilobytes
MAX_DIMENSION = 2**48
_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_LENGTH_BYTES = 8

_MAGIC = {
    b"PK\x03\x04": "a zip archive (.npz, .pt, .keras or .skops)",
    b"\x93NUMPY": "a NumPy .npy file",
    b"\x1f\x8b": "a gzip file (.joblib, .tar.gz or .csv.gz)",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x78\x01": "a zlib stream, as joblib writes",
    b"\x78\x9c": "a zlib stream, as joblib writes",
    b"\x78\xda": "a zlib stream, as joblib writes",
    b"\x89HDF": "an HDF5 file (Keras)",
    b"GGUF": "a GGUF file",
    b"{": "a JSON file",
} | {bytes([0x80, protocol]): "a Python pickle (or .joblib)" for protocol in range(2, 6)}


class Container(NamedTuple):
    """What a safetensors file holds: texts and tensors by name."""

    texts: dict[str, str]
    tensors: dict[str, NDArray[Any]]


class _Place(NamedTuple):
    """Where one tensor lies; ``begin`` and ``end`` count from the end of the header."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


def pack(tensors: Mapping[str, NDArray[Any]], texts: Mapping[str, str]) -> bytes:
    """The container as bytes. Raises Refusal for a dtype that no model has."""
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise MissingExtraError(
            "saving a model needs the package safetensors, which is not installed."
            " Install it: pip install 'luce[app]'"
        ) from error
    plain = {name: _little_endian(name, tensor) for name, tensor in tensors.items()}
    return bytes(save(plain, dict(texts)))


def unpack(stream: io.BufferedIOBase, size: int) -> Container:
    """Read a container of ``size`` bytes, checking sizes before allocating. Raises Refusal."""
    length = _header_length(stream.read(_LENGTH_BYTES + 1), size)
    stream.seek(_LENGTH_BYTES)
    header = _parse_header(_read_exactly(stream, length, "the header"))
    texts = _texts(header.pop("__metadata__", {}))
    places = sorted((_place(name, entry) for name, entry in header.items()), key=lambda p: p.begin)
    _check_cover(places, size - _LENGTH_BYTES - length)
    return Container(texts, {place.name: _read_tensor(stream, place) for place in places})


def unpack_texts(stream: io.BufferedIOBase, size: int) -> dict[str, str]:
    """Read the texts alone. Raises Refusal."""
    length = _header_length(stream.read(_LENGTH_BYTES + 1), size)
    stream.seek(_LENGTH_BYTES)
    header = _parse_header(_read_exactly(stream, length, "the header"))
    return _texts(header.pop("__metadata__", {}))


def digest(tensors: Mapping[str, NDArray[Any]], text: str) -> str:
    """SHA-256 over a text and each tensor's name, dtype, shape and bytes."""
    sha = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = _little_endian(name, tensors[name])
        sha.update(f"\0{name}\0{_NAMES[tensor.dtype]}\0{list(tensor.shape)}\0".encode())
        sha.update(tensor.reshape(-1).view(np.uint8).data)
    return sha.hexdigest()


def _little_endian(name: str, tensor: NDArray[Any]) -> NDArray[Any]:
    dtype = tensor.dtype.newbyteorder("<")
    if dtype not in _NAMES:
        refuse(f"tensor {name}", "be float32, float64, int64 or uint8", Quoted(str(tensor.dtype)))
    return np.ascontiguousarray(tensor, dtype=dtype)


def _header_length(start: bytes, size: int) -> int:
    if size == 0:
        refuse("a model file", "hold a header", Quoted("an empty file"))
    length = int.from_bytes(start[:_LENGTH_BYTES], "little")
    room = size - _LENGTH_BYTES
    if 2 <= length <= min(room, MAX_HEADER_BYTES) and start[_LENGTH_BYTES:] == b"{":
        return length
    _refuse_foreign(start)
    if room < 2:
        refuse(
            "a model file", "begin with 8 bytes of header length", Quoted(f"{size} bytes in all")
        )
    if length > MAX_HEADER_BYTES:
        refuse("the header", f"take at most {MAX_HEADER_BYTES:,} bytes", Quoted(f"{length:,}"))
    if length > room:
        refuse("the header", f"fit into the file of {size:,} bytes", Quoted(f"{length:,} bytes"))
    refuse("the header", "begin with '{'", start[_LENGTH_BYTES:])


def _refuse_foreign(start: bytes) -> None:
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            raise Refusal(
                f"a luce model is a .safetensors file, but this is {kind}",
                "Luce never opens such files, because many of them can run code:"
                " train the model again with luce train, or export it as safetensors",
            )


def _parse_header(raw: bytearray) -> dict[str, Any]:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        refuse("the header", "be UTF-8", Quoted(f"byte {raw[error.start]:#04x} at {error.start}"))
    header = strict_json.parse(text, "the header")
    if not isinstance(header, dict):
        refuse("the header", "be a JSON object", header)
    return header


def _texts(metadata: object) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        refuse("__metadata__", "be an object of texts", metadata)
    return metadata


def _place(name: str, entry: object) -> _Place:
    where = f"tensor {name!r}" if len(name) <= 80 else "a tensor"
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        refuse(where, "have dtype, shape and data_offsets", entry)
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in _DTYPES:
        refuse(f"{where}: dtype", f"be one of {', '.join(_DTYPES)}", entry["dtype"])
    dtype = _DTYPES[entry["dtype"]]
    shape = _sizes(entry["shape"], f"{where}: shape", at_most=8)
    offsets = _sizes(entry["data_offsets"], f"{where}: data_offsets", at_most=2)
    if len(offsets) != 2:
        refuse(f"{where}: data_offsets", "be a begin and an end", list(offsets))
    begin, end = offsets
    needed = dtype.itemsize * math.prod(shape)  # Python's integers do not overflow
    if needed != end - begin:
        refuse(f"{where}: data_offsets", f"span {needed:,} bytes as its shape says", list(offsets))
    return _Place(name, dtype, shape, begin, end)


def _sizes(values: object, where: str, *, at_most: int) -> tuple[int, ...]:
    if not isinstance(values, list) or len(values) > at_most:
        refuse(where, f"be a list of at most {at_most} sizes", values)
    for value in values:
        if type(value) is not int or not 0 <= value <= MAX_DIMENSION:
            refuse(where, "hold whole numbers from 0 to 2^48", value)
    return tuple(values)


def _check_cover(places: list[_Place], room: int) -> None:
    """The tensors must lie side by side, without gap, overlap or rest."""
    end = 0
    for place in places:
        if place.begin != end:
            fault = (
                "overlaps the tensor before it" if place.begin < end else "leaves a gap before it"
            )
            raise Refusal(f"tensors must lie side by side, but {place.name!r} {fault}")
        end = place.end
    if end != room:
        raise Refusal(
            f"the tensors must fill the file: they take {end:,} bytes, the file holds {room:,}"
        )


def _read_tensor(stream: io.BufferedIOBase, place: _Place) -> NDArray[Any]:
    raw = _read_exactly(stream, place.end - place.begin, f"tensor {place.name!r}")
    return (
        np.frombuffer(raw, dtype=place.dtype)
        .reshape(place.shape)
        .astype(place.dtype.newbyteorder("="), copy=False)
    )


def _read_exactly(stream: io.BufferedIOBase, size: int, what: str) -> bytearray:
    """``size`` bytes; the file is known to hold them, unless somebody truncates it meanwhile."""
    raw = bytearray(size)
    count = stream.readinto(raw)
    if count < size:
        refuse(
            what, f"take {size:,} bytes", Quoted(f"{count:,}: the file was cut while it was read")
        )
    return raw
