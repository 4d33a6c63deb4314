"""An output that grows while it is written, and is there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from luce.errors import WriteError


@contextmanager
def growing_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that takes its name when the block ends well.

    For output too long to be held in memory; `luce.storage.write_atomically` is for the rest.

    Raises
    ------
    WriteError
        The file cannot be written; what stood there before is untouched.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():  # /dev/stdout, a pipe: never to be replaced
            with target.open("wb") as file:
                yield file
            return
        with _temporary(target) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, target)
    except OSError as error:
        raise WriteError(
            f"the output must be written to {str(path)!r}, but the system says: "
            f"{error.strerror}. What was there before is unchanged; choose another place."
        ) from error


@contextmanager
def _temporary(target: Path) -> Iterator[BinaryIO]:
    """A new file beside ``target`` with its permissions; removed unless it was renamed."""
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".luce-", delete=False) as file:
        try:
            Path(file.name).chmod(mode)
            yield file  # type: ignore[misc]  # the wrapper has all of BinaryIO
        finally:
            with suppress(FileNotFoundError):  # it has taken its name
                os.unlink(file.name)


def _umask() -> int:
    """The permissions that new files must not have; the system tells them only by a change."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
