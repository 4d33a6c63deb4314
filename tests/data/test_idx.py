import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from luce.data.idx import labels_path, read_idx, read_idx_pair
from luce.errors import DataError, ShapeError

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx_bytes(array):
    """Spell an array as the format's description has it: type, dimensions, big-endian numbers."""
    head = struct.pack(">HBB", 0, CODES[array.dtype.str[1:]], array.ndim)
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return head + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


@settings(deadline=None)
@given(
    st.sampled_from(sorted(CODES)).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(max_dims=4, max_side=4))
    ),
    st.booleans(),
)
def test_reads_every_type_packed_or_not(tmp_path_factory, array, packed):
    path = tmp_path_factory.mktemp("idx") / ("a-idx3-ubyte" + ".gz" * packed)
    data = idx_bytes(array)
    path.write_bytes(gzip.compress(data) if packed else data)
    np.testing.assert_array_equal(read_idx(path), array, strict=True)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "must be an IDX file"),
        (b"\0\0\x08", "must be an IDX file"),
        (b"\0\0\x07\x01" + b"\0" * 8, "must be an IDX file"),
        (b"PK\x03\x04" + b"\0" * 8, "must be an IDX file"),
        (b"\0\0\x08\x03" + struct.pack(">3I", 2, 2, 2) + b"\0" * 7, "hold 24 bytes.*got 23"),
        (b"\0\0\x08\x03" + struct.pack(">3I", 2, 2, 2) + b"\0" * 9, "hold 24 bytes.*got 25"),
        (b"\0\0\x08\x03" + struct.pack(">3I", *[2**32 - 1] * 3), "damaged or cut off"),
        (b"\0\0\x08\x03" + struct.pack(">2I", 1, 1), "cut off in its header"),
        (b"\0\0\x08\x02" + b"\1" * 7, "cut off in its header"),
        (b"\0\0\x08\xff", "cut off in its header"),
    ],
)
def test_refuses_a_damaged_file_without_believing_its_header(tmp_path, data, part):
    path = tmp_path / "a-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(DataError, match=part):
        read_idx(path)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"),
        ("images.idx", "labels.idx"),
    ],
)
def test_finds_the_labels_beside_the_images(tmp_path, images, labels):
    assert labels_path(tmp_path / images) is None
    (tmp_path / images).write_bytes(idx_bytes(np.zeros((2, 3, 3), "u1")))
    data = idx_bytes(np.array([4, 7], "u1"))
    (tmp_path / labels).write_bytes(gzip.compress(data) if labels.endswith(".gz") else data)
    if not images.endswith(".gz"):
        assert read_idx_pair(tmp_path / images, needs_target=True).labels.tolist() == [4, 7]
    assert labels_path(tmp_path / images) == tmp_path / labels


def test_labels_may_be_absent_only_in_prediction(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(idx_bytes(np.zeros((2, 3, 3), "u1")))
    assert read_idx_pair(path, needs_target=False).labels is None
    with pytest.raises(DataError, match=r"labels for .* must lie beside it"):
        read_idx_pair(path, needs_target=True)


def test_a_labels_file_is_no_data(tmp_path):
    path = tmp_path / "train-labels-idx1-ubyte"
    path.write_bytes(idx_bytes(np.zeros(3, "u1")))
    with pytest.raises(ShapeError, match="it is a labels file"):
        read_idx_pair(path, needs_target=False)
