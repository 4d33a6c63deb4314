"""Replace a file as a whole or not at all.

The new content goes to a temporary file in the same folder, is forced to the disk (fsync) and takes
the old file's name in one step (rename); then the folder is forced to the disk too, so that the new
name survives a power cut. A reader sees the old file or the new one, never a mixture.

The temporary file is locked (``flock``) while its writer lives. The kernel drops the lock when the
process dies, however it dies, so the next writer of the same target knows a leftover from a live
file without trusting process ids or clocks.

Source: Pillai et al. (2014), "All file systems are not created equal", OSDI: why each fsync is
needed.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from luce.errors import WriteError

_ADVICE = {
    errno.ENOSPC: "The disk is full: free some space or choose another folder",
    errno.EDQUOT: "Your disk quota is used up: free some space or choose another folder",
    errno.EFBIG: "The file is larger than this process or disk may write: choose another folder",
    errno.EROFS: "The disk is read-only: choose another folder",
    errno.EACCES: "You may not write there: change the folder's permissions or choose another one",
    errno.EPERM: "You may not write there: change the folder's permissions or choose another one",
    errno.ENOENT: "The folder does not exist: create it first",
    errno.ENOTDIR: "A part of the path is a file, not a folder: correct the path",
    errno.ENAMETOOLONG: "The name is too long: choose a shorter one",
    errno.EIO: "The disk reports a fault: check it, or choose another one",
}


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path`` so that at every moment the old or the new file is there, whole.

    A symbolic link is followed and stays; the permissions of the file that is replaced are kept.
    Temporary files left by killed writers of the same target are removed first; those of living
    writers are not touched. Of two writers at the same time the last one wins, whole.

    Raises
    ------
    WriteError
        If anything fails; the temporary file is removed and the old file is as it was. (If only the
        last step fails, forcing the folder to the disk, the new file is in place, and the message
        says so.)

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(f"{folder}/a.txt", b"new")
    ...     Path(folder, "a.txt").read_bytes()
    b'new'
    """
    try:
        target = Path(os.path.realpath(path))
        _refuse_special(target)
        _remove_leftovers(target)
        _replace(target, data)
    except WriteError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise WriteError(_explain(path, len(data), error)) from error


def _replace(target: Path, data: bytes) -> None:
    with _folder(target.parent) as folder:
        with _temporary(target) as (path, file):
            _write_all(file.fileno(), data)
            os.fsync(file.fileno())
            if sys.platform == "win32":
                file.close()  # an open file cannot be renamed there
            os.replace(path, target)
        _sync_folder(folder, target)


def _sync_folder(folder: int | None, target: Path) -> None:
    try:
        if folder is not None:
            os.fsync(folder)
    except OSError as error:
        if error.errno == errno.EINVAL:  # some file systems know no fsync of folders
            return
        raise WriteError(
            f"{target} must survive a power cut, but the system could not force its folder to the"
            f" disk: {error.strerror}. The new file is in place. Check the disk and write again."
        ) from error


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[int | None]:
    """Descriptor of the folder for its fsync, opened before anything changes; None on Windows."""
    if sys.platform == "win32":
        yield None
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new locked file beside ``target``; on any error, Ctrl-C included, it is removed again."""
    path, file = _create(target)
    try:
        while _lock(file.fileno()) and os.fstat(file.fileno()).st_nlink == 0:
            file.close()  # a cleaner took it for a leftover before it was locked: once more
            path, file = _create(target)
        _keep_permissions(target, file.fileno())
        yield path, file
    except BaseException:
        with contextlib.suppress(OSError):  # what cannot be removed now, the next write removes
            os.unlink(path)
        raise
    finally:
        with contextlib.suppress(OSError):  # the data are on the disk already, or lost and reported
            file.close()


def _create(target: Path) -> tuple[Path, BinaryIO]:
    path = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    return path, os.fdopen(os.open(path, flags, 0o666), "wb", buffering=0)


def _lock(descriptor: int, *, wait: bool = True) -> bool:
    """Lock the file for as long as this process keeps it open; False if that cannot be had."""
    if sys.platform == "win32":
        return False  # there, nobody can remove a file that is open, which is what the lock is for
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # held by a live writer, or a network disk without locks
        return False
    return True


def _keep_permissions(target: Path, descriptor: int) -> None:
    if sys.platform != "win32":
        with contextlib.suppress(FileNotFoundError):
            os.fchmod(descriptor, stat.S_IMODE(os.stat(target).st_mode))


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]  # a write may take fewer bytes than it was given


def _remove_leftovers(target: Path) -> None:
    """Remove the temporary files of writers of ``target`` that died; failing to is no error."""
    ours = re.compile(re.escape(f".{target.name}.") + r"[0-9a-f]{16}\.tmp")
    with contextlib.suppress(OSError):
        for name in os.listdir(target.parent):
            if ours.fullmatch(name):
                _remove_if_dead(target.with_name(name))


def _remove_if_dead(path: Path) -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            os.unlink(path)
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if _lock(descriptor, wait=False):
                os.unlink(path)
        finally:
            os.close(descriptor)


def _refuse_special(target: Path) -> None:
    """A device, pipe or folder must not be replaced by a file."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(target).st_mode):
            raise WriteError(
                f"the target must be a file, but {target} is a folder, pipe or device."
                " Nothing was written; choose another name."
            )


def _explain(path: str | os.PathLike[str], size: int, error: OSError | ValueError) -> str:
    code = error.errno if isinstance(error, OSError) else None
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    advice = _ADVICE.get(code or 0, "Choose another folder or name")
    return (
        f"{size:,} bytes must be written to {os.fspath(path)!r}, but the system says: {reason}."
        f" What was there before is unchanged. {advice}."
    )
