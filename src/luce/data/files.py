"""Bytes of a file: opened, unpacked and fingerprinted, in bounded memory."""

import gzip
import hashlib
import stat
import sys
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from luce.errors import DataError

BLOCK = 1 << 20  # bytes read at a time; a table of short rows needs twenty times as much
_FREE = 256 << 20  # a packed file may always grow to this size ...
_RATIO = 300  # ... and beyond it to this multiple of its own (real tables reach 50)


def require_file(path: Path) -> None:
    """Refuse what is not a readable, regular, non-empty file."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{path} must be a regular file. To read from a pipe, use '-'.")
        path.open("rb").close()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    if status.st_size == 0:
        raise DataError(f"{path} must hold data, but the file is empty (0 bytes).")


def chunks(path: Path, size: int | None = None) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked where its name ends in ``.gz``, `size` or 1 MB at a time.

    Raises DataError for a damaged gzip file, and for one that grows to more than 300 times its
    size and 256 MB: such a file is made to fill the memory.
    """
    packed = is_gzip(path)
    limit = max(_FREE, _RATIO * path.stat().st_size) if packed else sys.maxsize
    total = 0
    with _opened(path, packed) as stream:
        while block := _read(stream, path, size or BLOCK):
            total += len(block)
            if total > limit:
                raise DataError(
                    f"{path} must unpack to at most {limit} bytes ({_RATIO} times its size), but "
                    "it goes on. If you trust the file, unpack it yourself and give the result."
                )
            yield block


def stdin_chunks() -> Iterator[bytes]:
    """Yield the bytes of standard input as they come, so that a live stream is answered live."""
    while block := cast(BufferedReader, sys.stdin.buffer).read1(BLOCK):
        yield block


def is_gzip(path: Path) -> bool:
    """Return whether the name ends in ``.gz``."""
    return path.suffix.lower() == ".gz"


def inner_suffix(path: Path) -> str:
    """Return the lower-case name ending without ``.gz``: ``.csv`` for ``a.CSV.gz``."""
    return (Path(path.stem) if is_gzip(path) else path).suffix.lower()


def fingerprint(path: Path) -> str:
    """Return ``sha256:<hex>`` of the bytes of one file."""
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def _opened(path: Path, packed: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")


def _read(stream: BinaryIO, path: Path, size: int) -> bytes:
    try:
        return stream.read(size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path} must be a whole gzip file, but it is damaged or cut off ({error}). "
            "Copy or download it again."
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
