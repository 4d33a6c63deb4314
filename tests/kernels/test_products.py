"""Products with large weights: right to the last tile, and the same bits whatever stands beside."""

import numpy as np
import pytest

DTYPES = [np.float32, np.float64]
# around the sizes of tiles (6 rows; 4 to 64 columns) and of blocks (48, 96, 128 classes; depth 256)
SIZES = [
    (1, 1, 1),
    (5, 3, 2),
    (6, 48, 16),
    (7, 49, 33),
    (13, 131, 65),
    (64, 97, 257),
    (66, 300, 31),
    (131, 95, 515),
]


def problem(n, k, d, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.standard_normal((n, d)).astype(dtype),
        rng.standard_normal((k, d)).astype(dtype),
        rng.standard_normal(k).astype(dtype),
        rng.standard_normal((n, k)).astype(dtype),
    )


def products(core, h, w, bias, g, transposed=False):
    """Return logits and both gradients."""
    n, d, k = *h.shape, len(w)
    given = np.ascontiguousarray(w.T) if transposed else w
    z, grad_h = np.full((n, k), 7, h.dtype), np.full((n, d), 7, h.dtype)
    grad_w = np.full((k, d), 7, h.dtype)
    core.linear(h, given, transposed, bias, z)
    core.linear_grad_hidden(g, given, transposed, grad_h)
    core.linear_grad_weight(g, h, grad_w, False)
    return z, grad_h, grad_w


def assert_close(got, factors, exact):
    """Assert the usual bound of a sum of products, in float64."""
    a, b = (np.abs(f.astype(np.float64)) for f in factors)
    bound = (a.shape[1] + 2) * np.finfo(got.dtype).eps * (a @ b + 1)
    assert (np.abs(got - exact) <= bound).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("n", "k", "d"), SIZES)
def test_products_are_right_on_every_edge(native, twin, n, k, d, transposed, dtype):
    h, w, bias, g = problem(n, k, d, dtype)
    wide_h, wide_w, wide_g = (x.astype(np.longdouble) for x in (h, w, g))
    for core in (native, twin):
        z, grad_h, grad_w = products(core, h, w, bias, g, transposed)
        assert_close(z - bias, (h, w.T), wide_h @ wide_w.T)
        assert_close(grad_h, (g, w), wide_g @ wide_w)
        assert_close(grad_w, (g.T, h), wide_g.T @ wide_h)
        core.linear(h, w, False, None, z)
        assert_close(z, (h, w.T), wide_h @ wide_w.T)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "k", "d"), SIZES)
def test_a_product_can_be_added_to_what_is_there(native, twin, n, k, d, dtype):
    h, w, _, g = problem(n, k, d, dtype)
    for core in (native, twin):
        total = w.copy()
        core.linear_grad_weight(g, h, total, True)
        exact = w + g.T.astype(np.longdouble) @ h
        assert_close(total, (g.T, h), exact)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_do_not_depend_on_the_rows_beside_them(native, dtype):
    h, w, bias, g = problem(137, 203, 530, dtype)
    z, grad_h, _ = products(native, h, w, bias, g)
    for rows in (slice(0, 1), slice(3, 10), slice(70, 137), slice(136, 137)):
        some = products(native, h[rows].copy(), w, bias, g[rows].copy())
        assert some[0].tobytes() == z[rows].tobytes()
        assert some[1].tobytes() == grad_h[rows].tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_neither_threads_nor_layout_of_the_weights_show(native, threads, dtype):
    arrays = problem(61, 1000, 300, dtype)
    results = []
    for n in (1, 2, 3, 8):
        threads(n)
        for transposed in (False, True):
            results.append([x.tobytes() for x in products(native, *arrays, transposed)])
    assert all(result == results[0] for result in results)


def test_arrays_that_do_not_fit_are_refused(native):
    h, w, bias, g = problem(5, 4, 3, np.float32)
    z = np.empty((5, 4), np.float32)
    with pytest.raises(TypeError, match="weights"):
        native.linear(h, w.T.copy(), False, bias, z)
    with pytest.raises(TypeError, match="bias"):
        native.linear(h, w, False, bias[:2], z)
    with pytest.raises(TypeError, match="logits"):
        native.linear(h, w, False, bias, z.T.copy())
    with pytest.raises(TypeError, match="result"):
        native.linear_grad_hidden(g, w, False, w)
    with pytest.raises(TypeError, match="rows"):
        native.linear_grad_weight(g, h[:4], w, False)
