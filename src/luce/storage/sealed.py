"""A file of tensors and a JSON tree under one checksum, read with every check before it is used."""

import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from numpy.typing import NDArray

from luce.errors import ModelFileError
from luce.storage import strict_json
from luce.storage.atomic import write_atomically
from luce.storage.container import digest, pack, unpack, unpack_texts
from luce.storage.refusal import Quoted, Refusal, refuse

_NO_DIGEST = "0" * 64  # stands in the text while its digest is computed

Tensors = Mapping[str, NDArray[Any]]


class Sealed(NamedTuple):
    """What such a file holds."""

    tensors: dict[str, NDArray[Any]]
    metadata: dict[str, Any]


class Seal(NamedTuple):
    """A kind of sealed file: its name in messages, and what its content must be."""

    noun: str
    check: Callable[[Mapping[str, Any], Tensors], None]

    def save(
        self, path: str | os.PathLike[str], tensors: Tensors, metadata: Mapping[str, Any]
    ) -> None:
        """Write a file, whole or not at all; what is saved is known to load again.

        Raises
        ------
        ModelFileError
            The content is not what it must be.
        WriteError
            The file cannot be written; the old one is untouched.
        """
        try:
            unsealed = strict_json.write({"sha256": _NO_DIGEST, **metadata}, "metadata")
            text = unsealed.replace(_NO_DIGEST, digest(tensors, unsealed), 1)
            data = pack(tensors, {"luce": text})
            self._read(io.BytesIO(data), len(data))
        except Refusal as error:
            raise ModelFileError(
                f"the {self.noun} was not saved to {os.fspath(path)!r}: {error.problem}."
                f" Correct the {self.noun} and save again."
            ) from error
        write_atomically(path, data)

    def load(self, path: str | os.PathLike[str], max_bytes: int) -> Sealed:
        """Read and check a file; nothing in it can run code.

        Raises
        ------
        ModelFileError
            The file is missing, larger than ``max_bytes``, damaged, foreign or too new.
        """
        with self._reporting(path), _open_regular(path) as stream:
            return self._read(stream, self._size(stream, max_bytes))

    def peek(
        self, path: str | os.PathLike[str], max_bytes: int, check: Callable[[object], None]
    ) -> dict[str, Any]:
        """Read the metadata of a file alone; the tensors, and so the digest, are not looked at.

        ``check`` raises Refusal for metadata that are not to be returned.

        Raises
        ------
        ModelFileError
            The file is missing, larger than ``max_bytes``, foreign or damaged at its beginning.
        """
        with self._reporting(path), _open_regular(path) as stream:
            metadata: dict[str, Any] = _metadata(
                unpack_texts(stream, self._size(stream, max_bytes))
            )
            check(metadata)
            metadata.pop("sha256", None)
            return metadata

    @contextmanager
    def _reporting(self, path: str | os.PathLike[str]) -> Iterator[None]:
        try:
            yield
        except Refusal as error:
            raise ModelFileError(
                f"{os.fspath(path)!r}: {error.problem}. {error.advice}."
            ) from error
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            reason = getattr(error, "strerror", None) or str(error)
            raise ModelFileError(
                f"a {self.noun} file must be readable, but {os.fspath(path)!r} is not: {reason}."
                " Check the path."
            ) from error

    def _size(self, stream: io.BufferedReader, max_bytes: int) -> int:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            found = Quoted("a folder, pipe or device")
            refuse(f"a {self.noun}", "be a file", found, "Name the .safetensors file")
        if status.st_size > max_bytes:
            refuse(
                f"a {self.noun} file",
                f"take at most {max_bytes:,} bytes",
                Quoted(f"{status.st_size:,}"),
                "If it is meant to be that large, raise max_bytes",
            )
        return status.st_size

    def _read(self, stream: io.BufferedIOBase, size: int) -> Sealed:
        texts, tensors = unpack(stream, size)
        metadata = _metadata(texts)
        seal = metadata.pop("sha256", None) if isinstance(metadata, dict) else None
        self.check(metadata, tensors)
        _check_seal(seal, tensors, texts["luce"])
        return Sealed(tensors, metadata)


def _metadata(texts: Mapping[str, str]) -> Any:
    if texts.keys() != {"luce"}:
        refuse("__metadata__", "hold one entry, luce", sorted(texts))
    return strict_json.parse(texts["luce"], "metadata")


def _open_regular(path: str | os.PathLike[str]) -> io.BufferedReader:
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not wait for its writer
    return os.fdopen(os.open(path, flags), "rb")


def _check_seal(seal: object, tensors: Tensors, text: str) -> None:
    if not isinstance(seal, str) or not re.fullmatch("[0-9a-f]{64}", seal):
        refuse("metadata.sha256", "be 64 hexadecimal digits", seal)
    if digest(tensors, text.replace(seal, _NO_DIGEST, 1)) != seal:
        refuse("metadata.sha256", "fit the content of the file", seal)
