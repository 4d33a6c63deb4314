import numpy as np
import polars as pl
import pytest

from luce.data.array_encoding import ArrayEncoding, ImageEncoding
from luce.errors import DataError, ShapeError


@pytest.mark.parametrize(
    ("dtype", "scale"), [("uint8", 255), ("uint16", 65535), ("float32", 16), ("float64", 16)]
)
def test_pixels_are_divided_by_white(dtype, scale):
    images = np.arange(17, dtype=dtype)[:16].reshape(2, 2, 4)
    images[1, 1, 3] = 16
    encoding = ImageEncoding.learn(images)
    assert encoding.scale == scale
    encoded = encoding.apply(images)
    expected = (images.reshape(2, 8) / scale).astype(np.float32)
    np.testing.assert_array_equal(encoded.X, expected, strict=True)
    assert encoded.X.flags.c_contiguous


def test_floating_pixels_up_to_one_stay_as_they_are():
    assert ImageEncoding.learn(np.full((1, 2, 2), 0.5)).scale == 1


def test_pixels_have_names():
    grey, colour = ImageEncoding((1, 2), 255.0), ImageEncoding((1, 1, 3), 255.0)
    assert grey.feature_names == ("pixel 0,0", "pixel 0,1")
    assert colour.feature_names == ("pixel 0,0 red", "pixel 0,0 green", "pixel 0,0 blue")
    assert colour.image_shape == (1, 1, 3)
    assert grey.columns is None


def test_images_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match=r"\(2, 2\).*got \(3, 2\) in new"):
        ImageEncoding((2, 2), 255.0).apply(np.zeros((5, 3, 2)), where="new")


def test_huge_pixels_are_refused_not_infinite():
    encoding = ImageEncoding((1, 1), 1.0)
    with pytest.raises(DataError, match="finite"):
        encoding.apply(np.full((1, 1, 1), 1e300))
    assert ImageEncoding.learn(np.full((1, 1, 1), 1e300)).apply(np.full((1, 1, 1), 1e300)).X == 1


def test_images_may_come_as_a_table_of_pixels():
    encoding = ImageEncoding((1, 2), 16.0)
    named = pl.DataFrame({"pixel 0,1": ["16"], "id": ["7"], "pixel 0,0": ["8"]})
    encoded = encoding.apply(named)
    assert encoded.X.tolist() == [[0.5, 1.0]]
    assert encoded.ignored == ("id",)
    assert encoding.apply(pl.DataFrame({"a": [8], "b": [16]})).X.tolist() == [[0.5, 1.0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_stay_as_they_are(dtype):
    array = np.asfortranarray(np.arange(6, dtype=dtype).reshape(3, 2))
    encoded = ArrayEncoding.learn(array).apply(array)
    np.testing.assert_array_equal(encoded.X, array, strict=True)
    assert encoded.X.flags.c_contiguous


def test_arrays_of_another_width_are_refused():
    encoding = ArrayEncoding(3, "float64")
    with pytest.raises(ShapeError, match=r"3 features.*got shape \(2,\)"):
        encoding.apply(np.zeros((4, 2)))
    with pytest.raises(ShapeError, match=r"'x1', 'x2', 'x3'.*got 2 columns"):
        encoding.apply(pl.DataFrame({"a": [1], "b": [2]}))


def test_arrays_have_no_missing_values():
    encoding = ArrayEncoding(2, "float64")
    with pytest.raises(DataError, match="nan at row 12, column 2 of new"):
        encoding.apply(np.array([[0, 0], [0, np.nan]]), first_row=11, where="new")
    with pytest.raises(DataError, match="without missing values, but new has some in 'x2'"):
        encoding.apply(pl.DataFrame({"x1": [1], "x2": [None]}), where="new")
