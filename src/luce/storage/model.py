"""Save and load a model: weights and metadata in one file that cannot run code."""

import io
import os
import re
import stat
from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from luce.errors import ModelFileError
from luce.storage import strict_json
from luce.storage.atomic import write_atomically
from luce.storage.container import digest, pack, unpack
from luce.storage.refusal import Quoted, Refusal, refuse
from luce.storage.schema import FORMAT_VERSION as FORMAT_VERSION
from luce.storage.schema import check_metadata, check_tensors, check_version

MAX_BYTES = 16 * 2**30
_NO_DIGEST = "0" * 64  # stands in the text while its digest is computed


class ModelFile(NamedTuple):
    """A model as it lies in its file.

    ``tensors`` holds ``coef`` (k, d) and ``intercept`` (k,), with one row only for two classes, and
    what the calibration or the text features need; ``metadata`` is the tree described in
    ``docs/model_file.md``.
    """

    tensors: dict[str, NDArray[Any]]
    metadata: dict[str, Any]


def save_model(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]
) -> None:
    """Write a model to ``path``, whole or not at all; what is saved is known to load again.

    ``tensors`` are float32, float64, int64 or uint8 in any memory layout; ``metadata`` is a JSON
    tree. The file is built in memory and read back by the code of :func:`load_model` before
    anything is written.

    Raises
    ------
    ModelFileError
        If the model breaks the format: a weight that is not finite, a field that is missing, ...
    WriteError
        If the file cannot be written; the old one is untouched.
    """
    try:
        unsealed = strict_json.write({"sha256": _NO_DIGEST, **metadata}, "metadata")
        text = unsealed.replace(_NO_DIGEST, digest(tensors, unsealed), 1)
        data = pack(tensors, {"luce": text})
        _read(io.BytesIO(data), len(data))
    except Refusal as error:
        raise ModelFileError(
            f"the model was not saved to {os.fspath(path)!r}: {error.problem}."
            " Correct the model and save again."
        ) from error
    write_atomically(path, data)


def load_model(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> ModelFile:
    """Read and check a model that :func:`save_model` has written.

    Every size is checked against the file before anything is allocated; dtypes, shapes, finiteness,
    the SHA-256 of all content and each field of the metadata are checked before anything is
    returned. Nothing in the file can run code. Memory: the size of the file, plus at most a few
    hundred bytes for each value of the metadata (of which there may be 250,000).

    Raises
    ------
    ModelFileError
        If the file is missing, larger than ``max_bytes``, damaged, foreign or too new. The message
        names the place.
    """
    try:
        with _open_regular(path) as stream:
            return _read(stream, _size(stream, max_bytes))
    except Refusal as error:
        raise ModelFileError(f"{os.fspath(path)!r}: {error.problem}. {error.advice}.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise ModelFileError(
            f"a model file must be readable, but {os.fspath(path)!r} is not: {reason}."
            " Check the path."
        ) from error


def _open_regular(path: str | os.PathLike[str]) -> io.BufferedReader:
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not wait for its writer
    return os.fdopen(os.open(path, flags), "rb")


def _size(stream: io.BufferedReader, max_bytes: int) -> int:
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode):
        refuse(
            "a model", "be a file", Quoted("a folder, pipe or device"), "Name the .safetensors file"
        )
    if status.st_size > max_bytes:
        refuse(
            "a model file",
            f"take at most {max_bytes:,} bytes",
            Quoted(f"{status.st_size:,}"),
            "If it is meant to be that large, raise max_bytes",
        )
    return status.st_size


def _read(stream: io.BufferedIOBase, size: int) -> ModelFile:
    texts, tensors = unpack(stream, size)
    if texts.keys() != {"luce"}:
        refuse("__metadata__", "hold one entry, luce", sorted(texts))
    metadata = strict_json.parse(texts["luce"], "metadata")
    check_version(metadata)  # first: a later version may differ in everything else
    seal = metadata.pop("sha256", None)
    check_metadata(metadata)
    check_tensors(tensors, metadata)
    _check_seal(seal, tensors, texts["luce"])
    return ModelFile(tensors, metadata)


def _check_seal(seal: object, tensors: Mapping[str, NDArray[Any]], text: str) -> None:
    if not isinstance(seal, str) or not re.fullmatch("[0-9a-f]{64}", seal):
        refuse("metadata.sha256", "be 64 hexadecimal digits", seal)
    if digest(tensors, text.replace(seal, _NO_DIGEST, 1)) != seal:
        refuse("metadata.sha256", "fit the content of the file", seal)
