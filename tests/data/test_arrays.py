import numpy as np
import pytest

from luce.data import arrays
from luce.data.arrays import as_floats, kind_of, labels_of, require_finite_array
from luce.errors import DataError, DtypeError, LabelError, ShapeError


@pytest.mark.parametrize(
    ("shape", "kind"), [((2, 3), "array"), ((2, 3, 4), "images"), ((2, 3, 4, 3), "images")]
)
def test_tells_images_from_features(shape, kind):
    assert kind_of(np.zeros(shape), "f") == kind


@pytest.mark.parametrize("shape", [(3,), (), (2, 3, 4, 4), (1, 2, 3, 4, 5)])
def test_refuses_other_shapes(shape):
    with pytest.raises(ShapeError, match="in f"):
        kind_of(np.zeros(shape), "f")


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 2, 2)])
def test_refuses_nothing(shape):
    with pytest.raises(DataError, match="f must hold rows"):
        kind_of(np.zeros(shape), "f")


@pytest.mark.parametrize("dtype", ["U3", "S3", "complex128", "datetime64[s]", "object"])
def test_refuses_other_elements(dtype):
    with pytest.raises(DtypeError, match="must be numbers"):
        kind_of(np.zeros((2, 2), dtype=dtype), "f")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (6, 2), (99, 4)])
def test_finds_what_is_not_finite_in_any_block(monkeypatch, value, row, column):
    monkeypatch.setattr(arrays, "_BLOCK", 30)
    features = np.zeros((100, 5))
    features[row, column] = value
    with pytest.raises(DataError, match=f"{value} at row {row + 1}, column {column + 1} of f"):
        require_finite_array(features, "f")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("float16", "float32"),
        ("float32", "float32"),
        ("int8", "float64"),
        ("bool", "float64"),
        (">f8", "float64"),
    ],
)
def test_numbers_become_floats(given, expected):
    features = np.asfortranarray(np.ones((3, 2), dtype=given))
    floats = as_floats(features, "f")
    assert floats.dtype == expected
    assert floats.flags.c_contiguous
    assert (floats == 1).all()


def test_a_long_double_beyond_float64_is_refused():
    if np.finfo(np.longdouble).max == np.finfo(float).max:
        pytest.skip("long doubles are doubles here")
    with pytest.raises(DataError, match="finite"):
        as_floats(np.full((1, 1), np.longdouble("1e4000")), "f")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (np.array([1, 2], np.uint8), np.array([1, 2])),
        (np.array([1, 2], np.int16), np.array([1, 2])),
        (np.array([[1], [2]]), np.array([1, 2])),
        (np.array([1.0, 2.0]), np.array([1, 2])),
        (np.array([1.5, 2.0], np.float32), np.array([1.5, 2.0])),
        (np.array([True, False]), np.array([True, False])),
        (np.array(["a", "bc"]), np.array(["a", "bc"], object)),
        (np.array([b"a", b"bc"]), np.array(["a", "bc"], object)),
    ],
)
def test_reads_labels(target, expected):
    np.testing.assert_array_equal(labels_of(target, 2, "f"), expected, strict=True)


@pytest.mark.parametrize(
    ("target", "error", "part"),
    [
        (np.array([1, 2, 3]), ShapeError, r"one label a row \(2\), got shape \(3,\)"),
        (np.eye(2), ShapeError, r"got shape \(2, 2\)"),
        (np.array([1, np.nan]), LabelError, "got nan at row 2"),
        (np.array([1, 2**60], np.uint64), LabelError, "smaller than"),
        (np.array([1j, 2]), DtypeError, "complex128"),
        (np.array([b"a", b"\xff"]), LabelError, "ASCII"),
    ],
)
def test_refuses_other_labels(target, error, part):
    with pytest.raises(error, match=part):
        labels_of(target, 2, "f")
