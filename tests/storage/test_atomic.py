import errno
import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from luce.errors import WriteError
from luce.storage import atomic, write_atomically


class FaultyOS:
    """The module ``os``, of which the n-th call fails; counts the calls."""

    CALLS = frozenset(
        {"open", "write", "fsync", "replace", "fstat", "fchmod", "stat", "listdir", "close"}
    )

    def __init__(self, fails: int = 0, code: int = errno.EIO) -> None:
        self.fails, self.code = fails, code
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in self.CALLS:
            return real

        def call(*args: Any, **options: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) == self.fails:
                if name == "close":
                    real(*args)  # Linux closes the descriptor even if it reports an error
                raise OSError(self.code, os.strerror(self.code))
            return real(*args, **options)

        return call


def calls_of_a_write(target: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that replacing ``target`` makes."""
    write_atomically(target, b"old")
    counter = FaultyOS()
    monkeypatch.setattr(atomic, "os", counter)
    write_atomically(target, b"new")
    monkeypatch.setattr(atomic, "os", os)
    return counter.calls


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_and_replaces(tmp_path):
    for content in (b"first", b"", b"the second is longer"):
        write_atomically(tmp_path / "a", content)
        assert (tmp_path / "a").read_bytes() == content
    assert files(tmp_path) == ["a"]


def error_of(path: Path, content: bytes) -> WriteError | None:
    try:
        write_atomically(path, content)
    except WriteError as error:
        return error
    return None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EACCES])
def test_every_call_may_fail(tmp_path, monkeypatch, code):
    target = tmp_path / "model"
    calls = calls_of_a_write(target, monkeypatch)
    assert {"open", "write", "fsync", "replace", "fchmod", "close"} <= set(calls)
    for n, name in enumerate(calls, start=1):
        target.write_bytes(b"old")
        monkeypatch.setattr(atomic, "os", FaultyOS(n, code))
        error = error_of(target, b"new")
        monkeypatch.setattr(atomic, "os", os)
        if error is None:
            assert name in {"close", "listdir"}  # the write could do without
        else:
            assert os.strerror(code) in str(error)
        renamed = n > calls.index("replace") + 1 or error is None
        assert target.read_bytes() == (b"new" if renamed else b"old")
        assert files(tmp_path) == ["model"]


def test_short_writes_are_continued(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(atomic.os, "write", lambda fd, data: real(fd, data[:3]))
    write_atomically(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_an_interrupt_leaves_the_old_file_alone(tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(atomic.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert files(tmp_path) == ["a"]


def test_data_reach_the_disk_before_the_name_and_the_name_before_the_return(tmp_path, monkeypatch):
    calls = calls_of_a_write(tmp_path / "a", monkeypatch)
    order = [name for name in calls if name in {"write", "fsync", "replace"}]
    assert order == ["write", "fsync", "replace", "fsync"]


def test_a_folder_without_fsync_is_no_error(tmp_path, monkeypatch):
    calls = calls_of_a_write(tmp_path / "a", monkeypatch)
    last = len(calls) - calls[::-1].index("fsync")
    monkeypatch.setattr(atomic, "os", FaultyOS(last, errno.EINVAL))
    write_atomically(tmp_path / "a", b"newer")
    assert (tmp_path / "a").read_bytes() == b"newer"


def test_leftovers_of_the_dead_go_and_everything_else_stays(tmp_path):
    others = ["b", ".a.txt", ".a.0123.tmp", ".b.0123456789abcdef.tmp", ".a.b.0123456789abcdef.tmp"]
    for name in [*others, ".a.0123456789abcdef.tmp"]:
        (tmp_path / name).write_bytes(b"")
    write_atomically(tmp_path / "a", b"new")
    assert files(tmp_path) == sorted([*others, "a"])


def test_a_live_writer_keeps_its_file(tmp_path):
    target = tmp_path / "a"
    with atomic._temporary(target) as (path, file):
        write_atomically(target, b"the faster writer")
        assert path.exists()
        os.write(file.fileno(), b"the slower writer")
        os.replace(path, target)
    assert target.read_bytes() == b"the slower writer"


def test_a_cleaner_that_is_faster_than_the_lock_costs_one_more_try(tmp_path, monkeypatch):
    real, removed = atomic._lock, []

    def lock(descriptor: int, *, wait: bool = True) -> bool:
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        return real(descriptor, wait=wait)

    monkeypatch.setattr(atomic, "_lock", lock)
    write_atomically(tmp_path / "a", b"new")
    assert len(removed) == 1
    assert files(tmp_path) == ["a"]


def _write_often(path: Path, content: bytes) -> None:
    for _ in range(30):
        write_atomically(path, content)


def test_two_writers_never_mix(tmp_path):
    target = tmp_path / "a"
    contents = [bytes([i]) * 100_000 for i in (1, 2)]
    target.write_bytes(contents[0])
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_often, args=(target, c)) for c in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert target.read_bytes() in contents
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert files(tmp_path) == ["a"]


def test_permissions_are_kept_and_new_files_obey_the_umask(tmp_path):
    write_atomically(tmp_path / "a", b"new")
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    (tmp_path / "a").chmod(0o640)
    write_atomically(tmp_path / "a", b"newer")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/a", "The folder does not exist"),
        ("file/a", "Not a directory"),
        ("x" * 300, "name is too long"),
        ("nul\0", "null byte"),
        ("folder", "is a folder, pipe or device"),
        ("pipe", "is a folder, pipe or device"),
    ],
)
def test_impossible_targets_are_told(tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    before = files(tmp_path)
    with pytest.raises(WriteError, match=words) as caught:
        write_atomically(tmp_path / name, b"new")
    assert isinstance(caught.value, OSError)
    assert files(tmp_path) == before
