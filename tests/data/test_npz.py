import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from luce.data import npz
from luce.data.npz import read_npy, read_npz
from luce.errors import DataError

X, Y = np.arange(6.0).reshape(3, 2), np.array([0, 1, 0])


def saved(tmp_path, **arrays):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    return path


def npy(header_dict, body=b"", version=b"\x01\x00"):
    header = (repr(header_dict) + "\n").encode()
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header + body


def archive(tmp_path, **members):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stream:
        for name, data in members.items():
            stream.writestr(f"{name}.npy", data)
    return path


@settings(deadline=None)
@given(hnp.arrays(np.float32, hnp.array_shapes(max_side=4)))
def test_reads_what_numpy_saves(tmp_path_factory, array):
    folder = tmp_path_factory.mktemp("npz")
    np.save(folder / "a.npy", array)
    np.savez_compressed(folder / "a.npz", X=np.asfortranarray(array), y=Y)
    np.testing.assert_array_equal(read_npy(folder / "a.npy"), array, strict=True)
    got = read_npz(folder / "a.npz", target=None, needs_target=True)
    np.testing.assert_array_equal(got.features, array, strict=True)
    np.testing.assert_array_equal(got.labels, Y, strict=True)


@pytest.mark.parametrize(
    ("features", "labels"), [("X", "y"), ("images", "labels"), ("data", "target")]
)
def test_knows_the_usual_names_and_says_which(tmp_path, features, labels):
    got = read_npz(saved(tmp_path, **{features: X, labels: Y}), target=None, needs_target=True)
    assert got.target_name == labels
    assert repr(features) in got.notes[0]
    assert repr(labels) in got.notes[1]


def test_labels_can_be_named_and_be_absent(tmp_path):
    path = saved(tmp_path, X=X, kind=Y)
    assert read_npz(path, target="kind", needs_target=True).labels.tolist() == Y.tolist()
    assert read_npz(path, target=None, needs_target=False).labels is None
    with pytest.raises(DataError, match="array named 'y', 'labels'"):
        read_npz(path, target=None, needs_target=True)
    with pytest.raises(DataError, match=r"no array 'knd'.*Did you mean 'kind'"):
        read_npz(path, target="knd", needs_target=True)
    with pytest.raises(DataError, match=r"array named 'X'.*got 'a'"):
        read_npz(saved(tmp_path, a=X), target=None, needs_target=False)


def test_never_unpickles(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("code from a data file was run",))

    path = tmp_path / "a.npz"
    np.savez(path, X=np.array([Trap()], dtype=object), y=Y)
    with pytest.raises(DataError, match=r"array 'X' of .*Python objects"):
        read_npz(path, target=None, needs_target=True)


HUGE = {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 4)}


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (npy(HUGE), "must hold 35184372088832 bytes.*got 0"),
        (npy(HUGE | {"shape": (-1, -2)}, b"\0" * 16), "must hold"),
        (npy(HUGE | {"shape": (2,)}, b"\0" * 15), "must hold 16 bytes.*got 15"),
        (npy(HUGE | {"shape": (2,)}, b"\0" * 17), "must hold 16 bytes.*got 17"),
        (npy(HUGE | {"descr": "<z9"}), "NumPy's format"),
        (npy({"descr": "<f8"}), "NumPy's format"),
        (npy(HUGE, version=b"\x09\x00"), "NumPy's format"),
        (b"", "NumPy's format"),
        (b"\x93NUMPY", "NumPy's format"),
        (b"hello", "NumPy's format"),
    ],
)
def test_refuses_a_damaged_array_without_believing_its_header(tmp_path, data, part):
    with pytest.raises(DataError, match=f"array 'X' of .*{part}"):
        read_npz(archive(tmp_path, X=data), target=None, needs_target=False)
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(DataError, match=part):
        read_npy(tmp_path / "a.npy")


def test_refuses_a_damaged_archive(tmp_path):
    path = saved(tmp_path, X=X, y=Y)
    sound = path.read_bytes()
    flipped = bytearray(sound)
    flipped[sound.index(X.tobytes()[8:])] ^= 1
    for data in (b"", sound[:50], b"PK\x03\x04 nothing else", bytes(flipped)):
        path.write_bytes(data)
        with pytest.raises(DataError, match="whole NPZ archive"):
            read_npz(path, target=None, needs_target=True)


def test_refuses_an_encrypted_archive(tmp_path):
    path = saved(tmp_path, X=X, y=Y)
    data = bytearray(path.read_bytes())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := data.find(magic, start + 1)) >= 0:
            data[start + flags] |= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="encrypted"):
        read_npz(path, target=None, needs_target=True)


def test_stops_a_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "_FREE", 1000)
    path = tmp_path / "a.npz"
    np.savez_compressed(path, X=np.zeros((1000, 1000)), y=Y)
    with pytest.raises(DataError, match="unpack to at most"):
        read_npz(path, target=None, needs_target=True)


def test_an_empty_stream_is_no_array():
    with pytest.raises(DataError, match="NumPy's format"):
        npz._array(io.BytesIO(), 0, "f")
