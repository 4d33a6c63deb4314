import gzip
import hashlib
import os

import pytest

from luce.data import files
from luce.errors import DataError


def test_reads_plain_and_packed_files_alike(tmp_path):
    content = os.urandom(files.BLOCK + 5)
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content[:9]) + gzip.compress(content[9:], 1))
    assert b"".join(files.chunks(plain)) == content
    assert b"".join(files.chunks(packed)) == content


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-6], lambda b: b"no gzip", lambda b: b[:12] + b"x"]
)
def test_refuses_a_damaged_gzip_file(tmp_path, damage):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(damage(gzip.compress(b"a,b\n" * 1000)))
    with pytest.raises(DataError, match=r"a\.csv\.gz must be a whole gzip file"):
        list(files.chunks(path))


def test_stops_a_gzip_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_FREE", 1000)
    monkeypatch.setattr(files, "_RATIO", 3)
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"0" * 100_000))
    with pytest.raises(DataError, match="unpack to at most 1000 bytes"):
        list(files.chunks(path))


def test_fingerprint_is_the_hash_of_the_bytes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n")
    assert files.fingerprint(path) == "sha256:" + hashlib.sha256(b"a,b\n").hexdigest()


def test_refuses_what_is_not_a_readable_file_with_content(tmp_path):
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(DataError, match="empty"):
        files.require_file(empty)
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)  # to open it would wait for ever
    with pytest.raises(DataError, match="regular file"):
        files.require_file(pipe)
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    with pytest.raises(DataError, match="cannot be read"):
        files.require_file(loop)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_refuses_a_file_without_permission(tmp_path):
    path = tmp_path / "secret.csv"
    path.write_text("a\n")
    path.chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        files.require_file(path)
