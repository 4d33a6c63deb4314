import os

import pytest

from luce.errors import WriteError
from luce.tasks.outputs import growing_file


def test_the_file_is_there_when_the_block_ends_well(tmp_path):
    path = tmp_path / "out.csv"
    with growing_file(path) as file:
        file.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    assert [item.name for item in tmp_path.iterdir()] == ["out.csv"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_half_and_fail(path, failure):
    with growing_file(path) as file:
        file.write(b"half")
        raise failure


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_the_old_file_stays_when_the_block_fails(tmp_path, failure):
    path = tmp_path / "out.csv"
    path.write_bytes(b"old")
    with pytest.raises(failure):
        write_half_and_fail(path, failure)
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["out.csv"]


def test_a_full_disk_is_a_write_error(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="No space left"), growing_file(tmp_path / "a") as file:
        file.write(b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_a_write_error(tmp_path):
    with pytest.raises(WriteError, match="No such file"), growing_file(tmp_path / "no" / "a"):
        pass


def test_a_pipe_is_written_to_and_never_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with growing_file(pipe) as file:
        file.write(b"one")
    assert os.read(reader, 10) == b"one"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_link_stays_and_its_file_keeps_its_permissions(tmp_path):
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with growing_file(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_folder_is_a_write_error(tmp_path):
    with pytest.raises(WriteError, match="directory"), growing_file(tmp_path):
        pass
