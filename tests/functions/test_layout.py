"""Axes, masks, ``out`` and memory layout: the same numbers, wherever they lie."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import DtypeError, ParameterError, ShapeError

FUNCTIONS = (luce.softmax, luce.log_softmax, luce.logsumexp)
SAME_SHAPE = FUNCTIONS[:2]
CUBE = np.random.default_rng(1).normal(0, 5, (3, 5, 17))


def taken(result, axis):
    """Return softmax's result with the axis moved last, logsumexp's as it is."""
    return np.moveaxis(result, axis, -1) if result.ndim == CUBE.ndim else result


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_any_axis_gives_the_bits_of_the_last(function, axis, dtype):
    x = CUBE.astype(dtype)
    last = function(np.ascontiguousarray(np.moveaxis(x, axis, -1)))
    assert_array_equal(taken(function(x, axis), axis), last)
    assert_array_equal(taken(function(np.asfortranarray(x), axis), axis), last)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("axes", [(0, 1), (2, 0), (-1, 1), (0, 1, 2), None])
def test_several_axes_hold_one_distribution(function, axes):
    got = function(CUBE, axes)
    every = (0, 1, 2) if axes is None else tuple(one % 3 for one in axes)
    kept = [one for one in range(3) if one not in every]
    flat = CUBE.transpose(*kept, *sorted(every)).reshape(*[CUBE.shape[i] for i in kept], -1)
    expected = function(flat)
    if function is not luce.logsumexp:
        assert got.shape == CUBE.shape
        got = got.transpose(*kept, *sorted(every)).reshape(flat.shape)
    assert_allclose(got, expected, rtol=1e-13)


@pytest.mark.parametrize("axis", [0, 1, (0, 2), None])
def test_keepdims(axis):
    kept = luce.logsumexp(CUBE, axis, keepdims=True)
    assert kept.shape == CUBE.sum(axis, keepdims=True).shape
    assert_array_equal(kept.squeeze(), luce.logsumexp(CUBE, axis))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_memory_layout_does_not_matter(function):
    expected = function(CUBE)
    wide = np.zeros((3, 10, 34))
    wide[:, ::2, ::2] = CUBE
    assert_array_equal(function(wide[:, ::2, ::2]), expected)
    assert_array_equal(function(CUBE[::-1, :, :])[::-1], expected)
    assert_array_equal(function(np.broadcast_to(CUBE[0], (4, 5, 17)))[2], expected[0])
    assert_array_equal(function(CUBE.astype(">f8")), expected)
    assert_array_equal(function(CUBE.tolist()), expected)
    shifted = np.frombuffer(b"\0" + CUBE.tobytes(), np.uint8)[1:].view(np.float64)  # not aligned
    assert_array_equal(function(shifted.reshape(CUBE.shape)), expected)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_argument_is_left_alone(function):
    x = CUBE.copy()
    x.flags.writeable = False
    for options in ({}, {"axis": 0}, {"where": x > 0}):
        function(x, **options)
    assert_array_equal(x, CUBE)


# Empty arrays.


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 4), (2, 3, 0)])
@pytest.mark.parametrize("axis", [0, -1])
def test_empty_in_empty_out(shape, axis):
    x = np.empty(shape, np.float32)
    for function in SAME_SHAPE:
        assert function(x, axis).shape == shape
        assert function(x, axis).dtype == np.float32
    total = luce.logsumexp(x, axis)
    assert total.shape == x.sum(axis).shape
    assert_array_equal(total, -np.inf)  # the sum of nothing is 0


# Masks.


@given(reference.tables(size=9), st.data())
def test_masked_classes_might_as_well_be_left_out(table, data):
    k = table.shape[1]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=k, max_size=k)))
    if not mask.any():
        return
    rubbish = table.copy()
    rubbish[:, ~mask] = np.nan
    p = luce.softmax(rubbish, where=mask)
    assert_allclose(p[:, mask], luce.softmax(table[:, mask]), rtol=1e-14)
    assert_array_equal(p[:, ~mask], 0)
    log_p = luce.log_softmax(rubbish, where=mask)
    assert_allclose(log_p[:, mask], luce.log_softmax(table[:, mask]), rtol=1e-13)
    assert_array_equal(log_p[:, ~mask], -np.inf)
    total = luce.logsumexp(rubbish, where=mask)
    assert_allclose(total, luce.logsumexp(table[:, mask]), rtol=1e-14, atol=1e-15)


def test_a_fully_masked_row_has_no_distribution_and_its_neighbour_has():
    mask = [[False, False], [True, False]]
    x = [[1.0, 2.0], [3.0, 4.0]]
    assert_array_equal(luce.softmax(x, where=mask), [[np.nan, np.nan], [1, 0]])
    assert_array_equal(luce.log_softmax(x, where=mask), [[np.nan, np.nan], [0, -np.inf]])
    assert_array_equal(luce.logsumexp(x, where=mask), [-np.inf, 3])


def test_nan_outside_the_mask_is_not_hidden():
    got = luce.softmax([np.nan, 1.0, 2.0], where=[True, True, False])
    assert_array_equal(got[:2], np.nan)
    assert np.isnan(luce.logsumexp([np.nan, 1.0], where=[True, False]))


def test_a_mask_broadcasts_along_any_axis():
    mask = np.array([True, False, True])[:, None, None]
    got = luce.softmax(CUBE, axis=0, where=mask)
    assert_array_equal(got[1], 0)
    assert_allclose(got.sum(axis=0), 1)
    assert_array_equal(luce.softmax(CUBE, where=True), luce.softmax(CUBE))


def test_masks_are_checked():
    with pytest.raises(DtypeError, match=r"where must be boolean .* got dtype int64"):
        luce.softmax(CUBE, where=np.ones(17, np.int64))
    with pytest.raises(ShapeError, match=r"where must broadcast to .*\(3, 5, 17\), got .* \(4,\)"):
        luce.softmax(CUBE, where=np.ones(4, bool))
    with pytest.raises(ShapeError, match="where must broadcast"):
        luce.softmax([1.0, 2.0], where=np.ones((3, 2), bool))


# out


@pytest.mark.parametrize("function", SAME_SHAPE)
@pytest.mark.parametrize("axis", [0, 1, 2, None])
@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_out_receives_the_result(function, axis, dtype):
    x = CUBE.astype(dtype)
    expected = function(x, axis)
    out = np.empty_like(x)
    assert function(x, axis, out=out) is out
    assert_array_equal(out, expected)
    strided = np.zeros((3, 10, 34), dtype)[:, ::2, ::2]
    assert function(x, axis, out=strided) is strided
    assert_array_equal(strided, expected)
    assert function(x, axis, out=x) is x
    assert_array_equal(x, expected)


@pytest.mark.parametrize("function", SAME_SHAPE)
@pytest.mark.parametrize("shift", [1, 17, 40])
def test_out_may_overlap_the_argument(function, shift):
    memory = np.random.default_rng(3).normal(size=CUBE.size + shift)
    x, out = memory[: CUBE.size].reshape(CUBE.shape), memory[shift:].reshape(CUBE.shape)
    expected = function(x.copy())
    assert_array_equal(function(x, out=out), expected)


def test_out_is_checked():
    x = np.zeros((2, 3))
    with pytest.raises(ShapeError, match=r"out must have .* shape \(2, 3\), got \(3, 2\)"):
        luce.softmax(x, out=np.empty((3, 2)))
    with pytest.raises(ShapeError, match="out must have"):
        luce.softmax(x, out=np.empty((2, 2, 3)))
    with pytest.raises(DtypeError, match="dtype float64, got float32"):
        luce.softmax(x, out=np.empty((2, 3), np.float32))
    with pytest.raises(DtypeError, match="dtype float64, got int64"):
        luce.softmax([1, 2], out=np.empty(2, np.int64))
    with pytest.raises(DtypeError, match="out must be a NumPy array, got list"):
        luce.log_softmax(x, out=[[0.0] * 3] * 2)
    frozen = np.empty((2, 3))
    frozen.flags.writeable = False
    for temperature in (1.0, 2.0):
        with pytest.raises(ParameterError, match="writeable"):
            luce.softmax(x, out=frozen, temperature=temperature)


# Bad arguments.


@pytest.mark.parametrize("function", FUNCTIONS)
def test_logits_are_checked(function):
    for bad in ("text", ["a"], [1j], np.array([1, 2], object), np.zeros(2, "M8[s]"), None):
        with pytest.raises(DtypeError, match="must be float32"):
            function(bad)
    with pytest.raises(DtypeError, match="pass it as where"):
        function([True, False])
    with pytest.raises(DtypeError, match="masked array"):
        function(np.ma.array([1.0, 2.0], mask=[True, False]))
    with pytest.raises(ShapeError, match="rows of equal length"):
        function([[1.0], [1.0, 2.0]])
    with pytest.raises(ShapeError, match="must have an axis"):
        function(1.0)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_axes_are_checked(function):
    for axis in (3, -4, (0, 5)):
        with pytest.raises(ShapeError, match=r"axis must lie in -3\.\.2"):
            function(CUBE, axis)
    for axis in (1.0, "0", True, [0, 1]):
        with pytest.raises(ParameterError, match="axis must be an integer"):
            function(CUBE, axis)
    with pytest.raises(ParameterError, match="each axis once"):
        function(CUBE, (0, -3))
    with pytest.raises(ShapeError, match="must have an axis"):
        function(CUBE, ())
