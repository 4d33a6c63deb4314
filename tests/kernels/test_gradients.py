"""Backward passes from what the forward pass has kept: exact, and a row has its bits anywhere."""

import numpy as np
import pytest
from reference import backward
from reference.kernel_cases import logits

DTYPES = [np.float32, np.float64]
LENGTHS = [1, 2, 10, 16, 31, 33, 100, 1001, 4096, 4097, 9000]
TEMPERATURES = [1.0, 0.3, 7.0]


def by_softmax(core, z, v, T=1.0):
    p, grad = np.empty_like(z), np.full_like(z, 7.0)
    core.softmax(z, p, -1, T)
    core.softmax_gradient(p, v, grad, T)
    return grad


def by_log_softmax(core, z, v, T=1.0):
    result, sums, grad = np.empty_like(z), np.full(len(z), 7.0), np.full_like(z, 7.0)
    core.log_softmax_with_sums(z, result, sums, T)
    expected = np.empty_like(z)
    core.log_softmax(z, expected, -1, T)
    assert result.tobytes() == expected.tobytes()
    assert core.log_softmax_gradient(z, sums, v, grad, T)
    return grad


def assert_close(got, exact, unit, ulp):
    kind = np.finfo(got.dtype)
    assert (np.abs(got - exact) <= ulp * kind.eps * unit + 4 * kind.smallest_normal).all()


def rows(n, dtype):
    """Logits and slopes: ordinary, a clear winner, impossible classes, beyond the range of exp."""
    z, v = logits(7, n, dtype, 1), logits(7, n, dtype, 2)
    z[1] -= 60
    z[1, n // 2] = 0
    z[2, 1::2] = -np.inf
    z[3] += 2000
    z[4] = 0
    v[5] += 1000
    v[6] = 0
    v[6, n // 3] = 1
    return z, v


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("T", TEMPERATURES)
@pytest.mark.parametrize("n", LENGTHS)
def test_the_gradient_of_the_softmax_is_the_formula(native, twin, n, T, dtype):
    z, v = rows(n, dtype)
    expected = backward.softmax_vjp(z, v, T)
    for core in (native, twin):
        assert_close(by_softmax(core, z, v, T), *expected, ulp=6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("T", TEMPERATURES)
@pytest.mark.parametrize("n", LENGTHS)
def test_the_gradient_of_the_logarithm_is_the_formula(native, twin, n, T, dtype):
    z, v = rows(n, dtype)
    expected = backward.log_softmax_vjp(z, v, T)
    for core in (native, twin):
        assert_close(by_log_softmax(core, z, v, T), *expected, ulp=2)


@pytest.mark.parametrize("function", [by_softmax, by_log_softmax])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [3, 33, 1001, 9000])
def test_a_row_has_the_same_bits_wherever_it_stands(native, threads, function, n, dtype):
    z, v = rows(n, dtype)
    threads(1)
    alone = np.concatenate([function(native, a[None], b[None]) for a, b in zip(z, v, strict=True)])
    threads(4)
    copies = max(3, (16 << 20) // z.nbytes)  # results that are written past the cache
    together = function(native, np.tile(z, (copies, 1)), np.tile(v, (copies, 1)))
    assert together[:7].tobytes() == together[-7:].tobytes() == alone.tobytes()


@pytest.mark.parametrize("function", [by_softmax, by_log_softmax])
@pytest.mark.parametrize("n", [3, 40, 5000])
def test_rows_without_a_softmax_hold_nan_and_spare_the_others(native, twin, function, n):
    z, v = logits(5, n, np.float32), logits(5, n, np.float32, 1)
    wrong = z.copy()
    wrong[0], wrong[2, 1], wrong[4, 0] = -np.inf, np.inf, np.nan
    for core in (native, twin):
        expected, got = function(core, z, v), function(core, wrong, v)
        assert np.isnan(got[[0, 2, 4]]).all()
        assert got[[1, 3]].tobytes() == expected[[1, 3]].tobytes()


def test_slopes_that_are_too_large_are_left_open(native):
    z, v, sums = np.zeros((2, 3)), np.array([[1.0, 2, 3], [1, 2, 1e308]]), np.zeros(2)
    out = np.empty_like(z)
    assert not native.log_softmax_gradient(z, sums, v, out, 1.0)
    single = np.array([[1, 2, np.inf]], np.float32)
    narrow = np.zeros((1, 3), np.float32)
    assert not native.log_softmax_gradient(narrow, np.ones(1), single, narrow.copy(), 1.0)


@pytest.mark.parametrize(("dtype", "large"), [(np.float64, 1e308), (np.float32, np.inf)])
def test_rows_whose_slopes_are_too_large_hold_nan(native, twin, dtype, large):
    z, v = np.zeros((2, 3), dtype), np.array([[1, 2, 3], [1, large, large]], dtype)
    for core in (native, twin):
        out = np.empty_like(z)
        assert not core.log_softmax_gradient(z, np.zeros(2), v, out, 1.0)
        np.testing.assert_allclose(out, [[-1, 0, 1], [np.nan] * 3], atol=1e-6)


def test_memory_that_does_not_fit_is_refused(native):
    z, narrow = np.zeros((2, 3)), np.zeros((2, 3), np.float32)
    with pytest.raises(TypeError, match="fit"):
        native.softmax_gradient(z, narrow, z.copy(), 1.0)
    with pytest.raises(TypeError, match="fit"):
        native.log_softmax_with_sums(z, z.copy(), np.zeros(3), 1.0)
    with pytest.raises(TypeError, match="fit"):
        native.log_softmax_gradient(z, np.zeros(2), z[:1], z.copy(), 1.0)
