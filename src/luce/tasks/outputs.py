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
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            yield file  # type: ignore[misc]  # the wrapper has all of BinaryIO
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise WriteError(
            f"the output must be written to {str(path)!r}, but the system says: "
            f"{error.strerror}. What was there before is unchanged; choose another place."
        ) from error
    finally:
        if temporary is not None:
            with suppress(FileNotFoundError):  # it has taken its name
                temporary.unlink()


def _umask() -> int:
    """The permissions that new files must not have; the system tells them only by a change."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
