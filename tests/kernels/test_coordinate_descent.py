"""Coordinate descent: the native core and its twin move alike, and to the minimum."""

import numpy as np
import pytest


def matrix_model(seed, m=12, group=1):
    random = np.random.default_rng(seed)
    root = random.normal(size=(2 * m, m))
    matrix = root.T @ root
    cells = [matrix[i : i + group, i : i + group] for i in range(0, m, group)]
    bound = np.array([np.linalg.eigvalsh(cell)[-1] for cell in cells])
    weight = random.uniform(0, 20, m // group)
    return matrix, random.normal(size=m) * 10, random.normal(size=m), bound, weight


@pytest.mark.parametrize("group", [1, 3])
@pytest.mark.parametrize("passes", [1, 7])
def test_the_matrix_version_agrees_with_the_twin(native, twin, group, passes):
    for seed in range(5):
        h, g, v, bound, weight = matrix_model(seed, group=group)
        results = []
        for core in (native, twin):
            slope, moved = g.copy(), v.copy()
            left = core.descend_matrix(h, slope, moved, bound, weight, group, passes, 0.0)
            results.append((slope, moved, left))
            np.testing.assert_allclose(slope, g + h @ (moved - v), atol=1e-9)
        for got, expected in zip(*results, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("group", [1, 3])
def test_passes_end_at_the_minimum(native, twin, group):
    h, g, v, bound, weight = matrix_model(1, group=group)
    for core in (native, twin):
        slope, moved = g.copy(), v.copy()
        assert core.descend_matrix(h, slope, moved, bound, weight, group, 20000, 1e-10) <= 1e-10
        blocks, slopes = moved.reshape(-1, group), slope.reshape(-1, group)
        for block, own, most in zip(blocks, slopes, weight, strict=True):
            size = np.linalg.norm(block)
            if size > 0:
                np.testing.assert_allclose(own, -most * block / size, atol=1e-8)
            else:
                assert np.linalg.norm(own) <= most + 1e-8
        assert (blocks == 0).all(axis=1).any()


def test_a_block_without_a_bound_is_left_alone(native, twin):
    h, g, v, bound, weight = matrix_model(2)
    bound[3] = 0
    for core in (native, twin):
        moved = v.copy()
        core.descend_matrix(h, g.copy(), moved, bound, weight, 1, 3, 0.0)
        assert moved[3] == v[3]
        assert (moved != v).sum() > 5


def column_model(seed, group, coupled, stored, n=30, k=3, columns=4):
    """Return the arguments up to `weight`, and the matrix that they stand for."""
    random = np.random.default_rng(seed)
    k = k if coupled else 1
    x = random.normal(size=(columns, n)) * (random.uniform(size=(columns, n)) < 0.5)
    if stored == "all":
        start, rows, values = n * np.arange(columns + 1), None, x.ravel().copy()
    else:
        start = np.append(0, np.cumsum((x != 0).sum(axis=1)))
        rows, values = np.nonzero(x)[1].astype(np.int64), x[x != 0]
    p = random.dirichlet(np.ones(k), n).T.copy() if coupled else random.uniform(size=(1, n))
    s = random.uniform(0.1, 1, n)
    classes = np.tile(np.arange(k), columns)
    column = np.repeat(np.arange(columns), k)
    m = len(column)
    matrix = np.zeros((m, m))
    for i in range(n):
        bend = np.diag(p[:, i]) - np.outer(p[:, i], p[:, i]) if coupled else p[:, i : i + 1]
        matrix += s[i] * np.kron(np.outer(x[:, i], x[:, i]), bend)
    ridge = random.uniform(0, 0.1, m)
    matrix += np.diag(ridge)
    cells = [matrix[b : b + group, b : b + group] for b in range(0, m, group)]
    bound = np.array([np.linalg.eigvalsh(cell)[-1] for cell in cells])
    gradient, origin = 3 * random.normal(size=m), random.normal(size=m)
    weight = random.uniform(0, 3, m // group)
    given = (
        start.astype(np.int64), rows, values, column[::group].astype(np.int64).copy(),
        classes.astype(np.int64), gradient, ridge, origin, bound, weight, s * p,
        p if coupled else None,
    )  # fmt: skip
    return given, matrix


@pytest.mark.parametrize("stored", ["all", "some"])
@pytest.mark.parametrize(("coupled", "group"), [(True, 1), (True, 3), (False, 1)])
def test_the_column_version_is_that_of_the_matrix_it_stands_for(
    native, twin, coupled, group, stored
):
    for seed in range(3):
        given, matrix = column_model(seed, group, coupled, stored)
        gradient, origin, bound, weight = given[5], given[7], given[8], given[9]
        expected = origin.copy()
        twin.descend_matrix(matrix, gradient.copy(), expected, bound, weight, group, 6, 0.0)
        for core in (native, twin):
            v, change, mean = origin.copy(), np.zeros(given[10].shape), np.zeros(30)
            core.descend_columns(*given, change, mean, v, group, 6, 0.0)
            np.testing.assert_allclose(v, expected, atol=1e-9)


def test_indices_outside_the_arrays_are_refused(native):
    given, _ = column_model(0, 1, True, "some")
    v, change, mean = given[7].copy(), np.zeros(given[10].shape), np.zeros(30)
    for place, wrong in ((0, -1), (1, 30), (1, -1), (3, 4), (4, 3), (4, -1)):
        broken = list(given)
        broken[place] = given[place].copy()
        broken[place][2] = wrong
        with pytest.raises(TypeError, match="indices within"):
            native.descend_columns(*broken, change, mean, v, 1, 1, 0.0)
    with pytest.raises(TypeError, match="fit"):
        native.descend_columns(*given, change, mean[:-1].copy(), v, 1, 1, 0.0)
    h, g, v, bound, weight = matrix_model(0)
    for broken in (
        (h[:-1].copy(), g, v, bound),
        (h, g[:-1].copy(), v, bound),
        (h, g, v, bound[1:].copy()),
    ):
        with pytest.raises(TypeError, match="fit"):
            native.descend_matrix(*broken, weight, 1, 1, 0.0)
