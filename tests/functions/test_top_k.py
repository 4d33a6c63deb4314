import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import luce
from luce.errors import ParameterError, ShapeError

TIED = st.lists(st.sampled_from([-np.inf, -3.0, 0.0, 0.5, 2.0]), min_size=1, max_size=9)


def by_hand(row, k):
    """Return the classes in order: a plain sort of (-logit, index)."""
    return sorted(range(len(row)), key=lambda i: (-row[i], i))[:k]


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("renormalize", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
@pytest.mark.parametrize("name", ["N(0,10) of 100", "wide", "some impossible", "whole numbers"])
def test_keeps_its_promised_accuracy(name, temperature, renormalize, dtype):
    row = reference.hard_rows(dtype)[name]
    p, i = luce.softmax_top_k(row, 7, temperature=temperature, renormalize=renormalize)
    assert_array_equal(i, by_hand(row, 7))
    among = row[i] if renormalize else row[row > -np.inf]
    exact = reference.softmax(among, temperature)
    order = range(7) if renormalize else by_hand(among, 7)
    bound = reference.promised(luce.softmax_top_k, dtype)
    reference.assert_within(bound, p, [exact[j] for j in order], dtype)


@given(TIED, st.data())
def test_ties_are_in_the_order_of_their_indices(row, data):
    k = data.draw(st.integers(1, len(row)))
    p, i = luce.softmax_top_k(row, k)
    assert_array_equal(i, by_hand(row, k))
    assert_array_equal(p, luce.softmax(row)[i])


@given(reference.tables(size=9), st.data())
def test_masked_classes_come_last_with_probability_0(table, data):
    classes = table.shape[1]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=classes, max_size=classes)))
    if not mask.any():
        return
    p, i = luce.softmax_top_k(table, classes, where=mask)
    assert mask[i[:, : mask.sum()]].all()
    assert_array_equal(p[:, mask.sum() :], 0)
    assert_array_equal(np.sort(i, axis=1), np.broadcast_to(np.arange(classes), i.shape))
    assert (np.diff(p, axis=1) <= 0).all()


@given(reference.tables(size=9), st.data())
def test_renormalized_probabilities_sum_to_one(table, data):
    k = data.draw(st.integers(1, table.shape[1]))
    p, i = luce.softmax_top_k(table, k, renormalize=True)
    assert_allclose(p.sum(axis=1), 1)
    plain = luce.softmax_top_k(table, k)
    assert_array_equal(i, plain.indices)
    expected = plain.probabilities / plain.probabilities.sum(axis=1, keepdims=True)
    assert_allclose(p, expected, rtol=1e-13)


def test_the_order_is_that_of_the_logits_where_probabilities_are_alike():
    assert_array_equal(luce.softmax_top_k([-900.0, 0.0, -800.0, -850.0], 4).indices, [1, 2, 3, 0])


def test_rows_without_a_softmax():
    x = [[np.nan, 1, 2], [1, np.inf, 2], [-np.inf] * 3, [0, 1, 2]]
    for renormalize in (False, True):
        p, i = luce.softmax_top_k(x, 2, renormalize=renormalize)
        assert_array_equal(p[:3], np.nan)
        assert_array_equal(i, [[2, 1], [1, 2], [0, 1], [2, 1]])
    p, i = luce.softmax_top_k([5.0, -np.inf, -np.inf], 2, renormalize=True)
    assert_array_equal(p, [1, 0])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_any_axis(axis):
    x = np.random.default_rng(0).normal(size=(4, 5, 6))
    p, i = luce.softmax_top_k(x, 3, axis)
    expected = luce.softmax_top_k(np.moveaxis(x, axis, -1), 3)
    assert_array_equal(np.moveaxis(p, axis, -1), expected.probabilities)
    assert_array_equal(np.take_along_axis(luce.softmax(x, axis), i, axis), p)
    assert i.dtype == np.int64


def test_dtypes_and_empty_batches():
    got = luce.softmax_top_k(np.ones((0, 4), np.float16), 2)
    assert (got.probabilities.shape, got.indices.shape) == ((0, 2), (0, 2))
    assert got.probabilities.dtype == np.float16
    got = luce.softmax_top_k(np.array([-128, 127, 0], np.int8), 1)
    assert got.probabilities.dtype == np.float64
    assert got.indices == [1]


def test_arguments_are_checked():
    for k in (0, 4, -1, 1.0, True, None):
        with pytest.raises(ParameterError, match="k must be an integer from 1 to 3"):
            luce.softmax_top_k([1.0, 2.0, 3.0], k)
    for axis in (None, (0,)):
        with pytest.raises(ParameterError, match="axis must be one integer"):
            luce.softmax_top_k([1.0, 2.0, 3.0], 1, axis)
    with pytest.raises(ShapeError, match="must have an axis"):
        luce.softmax_top_k(1.0, 1)
    with pytest.raises(ParameterError, match="temperature"):
        luce.softmax_top_k([1.0], 1, temperature=0)
