"""What `_checks` decides itself; its errors are tested where they reach the caller."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from luce import _checks
from luce.errors import DtypeError, LabelError, LuceError, ParameterError


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_native_floats_are_not_copied(dtype):
    x = np.zeros((2, 3), dtype)[:, ::2]
    ready, result = _checks.as_floats(x)
    assert ready is x or ready.base is x.base
    assert result == dtype


@pytest.mark.parametrize(
    ("given", "computed", "result"),
    [
        ("f2", "f4", "f2"),
        (">f4", "f4", "f4"),
        (">f8", "f8", "f8"),
        ("i1", "f8", "f8"),
        ("u8", "f8", "f8"),
    ],
)
def test_other_numbers_are_widened(given, computed, result):
    ready, dtype = _checks.as_floats(np.array([1, 2], given))
    assert ready.dtype == np.dtype(computed)
    assert ready.dtype.isnative
    assert dtype == np.dtype(result)
    assert_array_equal(ready, [1, 2])


def test_bfloat16_of_ml_dtypes_is_widened():
    bfloat16 = np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    ready, dtype = _checks.as_floats(np.array([1, -2.5], bfloat16))
    assert ready.dtype == np.float32
    assert dtype == bfloat16
    assert_array_equal(ready, [1, -2.5])
    assert_array_equal(_checks.as_labels(np.array([1, 0], bfloat16), (2,), 2), [1, 0])
    with pytest.raises(LabelError, match=r"whole numbers, got 2\.5"):
        _checks.as_labels(np.array([1, 2.5], bfloat16), (2,), 3)


@pytest.mark.parametrize("step", [1, -1, 2])
def test_labels_become_contiguous_int64(step):
    for dtype in ("i1", "i8", ">i8"):
        labels = _checks.as_labels(np.arange(8).astype(dtype)[::step], (8 // abs(step),), 8)
        assert labels.flags.carray
        assert_array_equal(labels, np.arange(8)[::step])


def test_arrays_off_their_alignment_are_copied():
    memory = np.zeros(17, np.uint8)
    ready, _ = _checks.as_floats(memory[1:].view(np.float64))
    assert ready.flags.aligned


@pytest.mark.parametrize("dtype", ["?", "O", "U3", "c8", "M8[s]", "V4"])
def test_what_is_no_real_number_is_refused(dtype):
    with pytest.raises(DtypeError, match="score must be float32"):
        _checks.as_floats(np.zeros(2, dtype), "score")


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long double is float64 here")
def test_wider_floats_are_not_narrowed_silently():
    with pytest.raises(DtypeError, match="Convert first"):
        _checks.as_floats(np.zeros(2, np.longdouble))


def test_axes_are_counted_from_zero():
    assert _checks.as_axes(-1, (2, 3)) == (1,)
    assert _checks.as_axes(np.int64(0), (2, 3)) == (0,)
    assert _checks.as_axes((0, -1), (2, 3, 4)) == (0, 2)
    assert _checks.as_axes(None, (2, 3)) == (0, 1)


def test_a_mask_is_broadcast_without_a_copy():
    mask = np.array([True, False])
    view = _checks.as_where(mask, (1000, 2))
    assert view.shape == (1000, 2)
    assert view.strides[0] == 0


def test_ignored_labels_become_minus_one():
    labels = np.array([0, 255, 3], np.uint8)
    got = _checks.as_labels(labels, (3,), 4, 255)
    assert got.dtype == np.int64
    assert_array_equal(got, [0, -1, 3])
    assert_array_equal(_checks.as_labels([2, 1], (2,), 3, 2), [-1, 1])


def test_int64_labels_are_not_copied():
    labels = np.array([0, 1])
    assert _checks.as_labels(labels, (2,), 2) is labels


def test_distributions_keep_their_dtype():
    assert _checks.as_distributions(np.eye(2, dtype=np.float32), (2,), 2).dtype == np.float32
    assert _checks.as_distributions(np.eye(2, dtype=bool), (2,), 2).dtype == np.float64


@pytest.mark.parametrize("value", [1, 1.5, np.float32(0.5), np.int8(3)])
def test_numbers_of_any_type(value):
    assert _checks.as_temperature(value) == float(value)


@pytest.mark.parametrize("value", [None, "1", True, [1.0], 1j])
def test_what_is_no_number(value):
    with pytest.raises(ParameterError, match="temperature must be a number"):
        _checks.as_temperature(value)


def test_every_error_is_of_the_family():
    for call in (
        lambda: _checks.as_floats("text"),
        lambda: _checks.as_choice("a", ["b"], "option"),
        lambda: _checks.as_smoothing(2),
        lambda: _checks.as_ignore_index(True),
    ):
        with pytest.raises(LuceError) as raised:
            call()
        assert isinstance(raised.value, ValueError)


def test_distributions_rounded_to_bfloat16_are_taken():
    thirds = np.full((1, 3), 0.333984375, np.float32)  # what bfloat16 makes of 1/3
    assert abs(thirds.sum() - 1) > _checks.SUM_TOLERANCE
    _checks.as_distributions(thirds, (1,), 3)
    with pytest.raises(LabelError, match="sum to 1"):
        _checks.as_distributions(thirds.astype(np.float64), (1,), 3)
