"""Products of float32 rows with few classes: those of float64, rounded as sums of float32 are."""

import numpy as np
import pytest

EPS = np.finfo(np.float32).eps


def problem(n, d, k, seed=0):
    random = np.random.default_rng(seed)
    shapes = (n, d), (k, d), (n, k)
    return (random.normal(size=shape).astype(np.float32) for shape in shapes)


@pytest.mark.parametrize("k", [1, 2, 4, 5, 8, 9, 15, 16])
@pytest.mark.parametrize(("n", "d"), [(1, 1), (7, 30), (16, 5), (67, 200), (0, 3), (3, 0)])
def test_the_products_are_those_of_float64(native, twin, n, d, k):
    x, w, g = problem(n, d, k)
    wide, wide_w, wide_g = (a.astype(np.float64) for a in (x, w, g))
    for core in (native, twin):
        z, out = np.full((n, k), 7, np.float32), np.full((k, d), 7, np.float32)
        core.narrow_logits(x, w, z)
        core.narrow_pulled(g, x, out)
        room = d * EPS * (np.abs(wide) @ np.abs(wide_w).T)
        assert (np.abs(z - wide @ wide_w.T) <= room).all()
        room = n * EPS * (np.abs(wide_g).T @ np.abs(wide))
        assert (np.abs(out - wide_g.T @ wide) <= room).all()


def test_a_row_is_the_same_whatever_stands_beside_it(native):
    x, w, _ = problem(61, 40, 10)
    whole, alone = np.empty((61, 10), np.float32), np.empty((1, 10), np.float32)
    native.narrow_logits(x, w, whole)
    for i in range(61):
        native.narrow_logits(x[i : i + 1], w, alone)
        np.testing.assert_array_equal(alone[0], whole[i])


def test_infinite_numbers_stay_where_they_are(native):
    x, w, g = problem(20, 6, 3)
    x[4, 2] = np.inf
    z, out = np.empty((20, 3), np.float32), np.empty((3, 6), np.float32)
    native.narrow_logits(x, w, z)
    native.narrow_pulled(g, x, out)
    assert np.isinf(z[4]).all()
    assert np.isfinite(np.delete(z, 4, axis=0)).all()
    assert np.isinf(out[:, 2]).all()
    assert np.isfinite(np.delete(out, 2, axis=1)).all()


def test_what_does_not_fit_is_refused(native):
    x, w, g = problem(5, 4, 3)
    z, out = np.empty((5, 3), np.float32), np.empty((3, 4), np.float32)
    many, _, _ = problem(17, 4, 1)
    refused = [
        (native.narrow_logits, (x, w[:, :3].copy(), z)),
        (native.narrow_logits, (x, w, z[:4])),
        (native.narrow_logits, (x.astype(float), w, z)),
        (native.narrow_logits, (x, many, np.empty((5, 17), np.float32))),
        (native.narrow_pulled, (g[:4], x, out)),
        (native.narrow_pulled, (g, x, out[:2])),
        (native.narrow_pulled, (g, x, out.astype(float))),
        (native.narrow_pulled, (np.ones((5, 17), np.float32), x, np.empty((17, 4), np.float32))),
    ]
    for function, arguments in refused:
        with pytest.raises(TypeError, match=r"do not fit|float32 expected"):
            function(*arguments)
