"""Whatever the bytes of a file are: it is read, or one DataError names it. Nothing else."""

import gzip
import io
import struct
import zipfile

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from luce.data import learn_encoding, load
from luce.errors import DataError


def made_by(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def members(archive):
    """Return an NPZ without its checksums, so that damage reaches the arrays."""
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr("X.npy", made_by(lambda member: np.save(member, np.eye(3))))
        stream.writestr("y.npy", made_by(lambda member: np.save(member, np.arange(3))))


TABLE = b'name,age,"when",y\n"Ada, B",1,2024-01-01,a\nBob,2.5,,b\n"C""c",NA,2024-02-01,a\n'
IDX = b"\0\0\x08\x02" + struct.pack(">2I", 3, 4) + bytes(range(12))
SOUND = {
    "t.csv": TABLE,
    "t.csv.gz": gzip.compress(TABLE, mtime=0),
    "t.tsv": TABLE.replace(b",", b"\t"),
    "t.jsonl": b'{"age": 1, "y": "a"}\n{"age": null, "y": "b"}\n{"age": 2.5, "y": "a"}\n',
    "t.parquet": made_by(pl.DataFrame({"a": [1.5, None], "y": ["p", "q"]}).write_parquet),
    "t.npz": made_by(members),
    "t.npy": made_by(lambda stream: np.save(stream, np.eye(3))),
    "t-idx2-ubyte": IDX,
    "t.png": made_by(lambda stream: Image.effect_noise((9, 9), 50).save(stream, "PNG")),
    "t.jpg": made_by(lambda stream: Image.effect_noise((9, 9), 50).save(stream, "JPEG")),
    "t.webp": made_by(lambda stream: Image.effect_noise((9, 9), 50).save(stream, "WEBP")),
    "t.bmp": made_by(lambda stream: Image.effect_noise((9, 9), 50).save(stream, "BMP")),
}
NEEDS_NO_TARGET = (".npy", ".png", ".jpg", ".webp", ".bmp", "ubyte")


@st.composite
def damaged(draw, data):
    """Draw a variant of some bytes: cut off, overwritten, repeated or with others put in."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 20)))
        patch = draw(
            st.one_of(st.binary(max_size=8), st.sampled_from([b"", b'"', b"\n", b"\xff" * 4]))
        )
        data[start:stop] = draw(st.sampled_from([patch, bytes(data[start:stop]) * 2]))
    return bytes(data)


@pytest.mark.parametrize("name", SOUND)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_damaged_file_is_read_or_named(tmp_path_factory, name, data):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data.draw(damaged(SOUND[name])))
    try:
        dataset = load(path, needs_target=not name.endswith(NEEDS_NO_TARGET))
    except DataError as error:
        named = name in str(error)
    else:
        named = np.isfinite(learn_encoding(dataset).apply(dataset.features).X).all()
    assert named


@pytest.mark.parametrize("name", SOUND)
def test_the_undamaged_files_are_sound(tmp_path, name):
    (tmp_path / name).write_bytes(SOUND[name])
    assert len(load(tmp_path / name, needs_target=not name.endswith(NEEDS_NO_TARGET)))


def test_a_panic_inside_polars_is_a_damaged_file(tmp_path, monkeypatch):
    def panic(*args, **kwargs):
        raise pl.exceptions.PanicException("assertion `left == right` failed")

    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1....PAR1")
    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(DataError, match="must be a whole Parquet file"):
        load(path)
