import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luce import kernels
from luce.functions.row_products import row_products
from luce.kernels import _numpy


@given(
    st.integers(1, 90), st.integers(1, 40), st.integers(1, 20), st.integers(0, 99), st.booleans()
)
def test_a_row_has_the_same_bits_in_every_batch(n, d, k, seed, narrow):
    rng = np.random.default_rng(seed)
    dtype = np.float32 if narrow else np.float64
    rows, weight = rng.normal(size=(n, d)).astype(dtype), rng.normal(size=(k, d)).astype(dtype)
    bias = rng.normal(size=k).astype(dtype)
    z = row_products(rows, weight, bias)
    assert z.dtype == dtype
    error = (d + 1) * np.finfo(dtype).eps * (abs(rows.astype(float)) @ abs(weight.T) + abs(bias))
    assert (abs(z - (rows.astype(float) @ weight.T + bias)) <= error).all()
    order = rng.permutation(n)
    np.testing.assert_array_equal(row_products(rows[order], weight, bias), z[order])
    some = order[: max(1, n // 3)]
    np.testing.assert_array_equal(row_products(rows[some], weight, bias), z[some])
    np.testing.assert_array_equal(
        row_products(rows, np.asfortranarray(weight), bias)[:1],
        row_products(rows[:1], np.asfortranarray(weight), bias),
    )


@pytest.mark.parametrize("rows", [1, 31, 32, 33, 64, 2000])
def test_the_numpy_twin_keeps_the_promise_too(rows):
    rng = np.random.default_rng(0)
    h = rng.normal(size=(2000, 50)).astype(np.float32)
    w, bias = rng.normal(size=(7, 50)).astype(np.float32), np.ones(7, np.float32)
    whole, part = np.empty((2000, 7), np.float32), np.empty((rows, 7), np.float32)
    _numpy.linear(h, w, False, bias, whole)
    _numpy.linear(h[-rows:].copy(), w, False, bias, part)
    np.testing.assert_array_equal(part, whole[-rows:])


def test_the_number_of_threads_changes_nothing():
    rng = np.random.default_rng(0)
    rows, weight = rng.normal(size=(500, 300)), rng.normal(size=(400, 300))
    before = kernels.get_num_threads()
    try:
        found = []
        for threads in (1, 2):
            kernels.set_num_threads(threads)
            found.append(row_products(rows, weight, np.zeros(400)))
    finally:
        kernels.set_num_threads(before)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("rows", "weight", "expected"),
    [
        ("f4", "f4", "f4"),
        ("f8", "f4", "f8"),
        ("f4", "f8", "f8"),
        ("u1", "f4", "f8"),
        ("f8", "f8", "f8"),
    ],
)
def test_the_dtype_is_that_of_the_rule(rows, weight, expected):
    z = row_products(np.ones((2, 3), rows), np.ones((4, 3), weight), np.zeros(4))
    assert z.dtype == expected
    np.testing.assert_array_equal(z, np.full((2, 4), 3.0))


def test_no_rows_give_no_logits():
    assert row_products(np.ones((0, 3)), np.ones((4, 3)), np.zeros(4)).shape == (0, 4)
