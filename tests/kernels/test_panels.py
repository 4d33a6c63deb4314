"""The fused pass over panels of rows: loss, gradient, Hessian against longer arithmetic."""

import numpy as np
import pytest


def problem(seed, n=70, d=5, k=3, size=1.0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, d))
    y = random.integers(0, k, n)
    s = random.uniform(0, 2, n)
    s[1::7] = 0
    return x, y, s, size * random.normal(size=(k, d))


def laid_out(core, x, wide):
    panels = np.full((-(-len(x) // wide), x.shape[1], wide), np.nan)
    core.to_panels(x, panels)
    return panels


def run(core, x, y, s, theta, wide=32, left_out=None):
    gradient = np.full_like(theta, np.nan)
    m = (len(theta) - 1) * theta.shape[1]
    hessian = None if left_out is None else np.full((m, m), np.nan)
    loss, right = core.softmax_pass(
        laid_out(core, x, wide), y, s, theta, gradient, hessian, left_out or 0
    )
    return loss, right, gradient, hessian


def exact(x, y, s, theta, left_out):
    """Compute the same in extended precision, class by class."""
    x, s, theta = (a.astype(np.longdouble) for a in (x, s, theta))
    n, k = len(x), len(theta)
    z = np.array([[(theta[j] * row).sum() for j in range(k)] for row in x])
    loss = np.zeros((), np.longdouble)
    residual = np.empty((n, k), np.longdouble)
    p, rest = np.empty((n, k), np.longdouble), np.empty((n, k), np.longdouble)
    for i in range(n):
        e = np.exp(z[i] - z[i].max())
        for j in range(k):
            others = np.delete(e, j).sum()
            p[i, j], rest[i, j] = e[j] / e.sum(), others / e.sum()
            residual[i, j] = s[i] * (p[i, j] if j != y[i] else -rest[i, j])
        apart = np.delete(np.exp(z[i] - z[i, y[i]]), y[i]).sum()
        loss += s[i] * np.log1p(apart)
    kept = [j for j in range(k) if j != left_out]
    cells = [
        [(x * (s * p[:, a] * (rest[:, a] if a == b else -p[:, b]))[:, None]).T @ x for b in kept]
        for a in kept
    ]
    right = s[z.argmax(axis=1) == y].sum()
    return loss, right, residual.T @ x, np.block(cells)


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6, 7, 13])
@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 8, 9])
def test_all_that_a_pass_finds_is_right(native, twin, k, d):
    for seed, (n, wide) in enumerate([(1, 32), (31, 32), (70, 32), (70, 96)]):
        x, y, s, theta = problem(seed, n, d, k, size=2.0)
        y = np.minimum(y, k - 1)
        expected = exact(x, y, s, theta, seed % k)
        for core in (native, twin):
            found = run(core, x, y, s, theta, wide, seed % k)
            for got, right in zip(found, expected, strict=True):
                size = float(np.abs(right).max())
                np.testing.assert_allclose(got, right.astype(float), atol=3e-14 * size, rtol=1e-13)


@pytest.mark.parametrize("size", [1e-9, 30.0, 300.0])
def test_small_losses_and_residuals_keep_their_digits(native, twin, size):
    x, _, s, theta = problem(3, n=60, d=2, k=4, size=size)
    y = (x @ theta.T).argmax(axis=1)  # every row is right, and mostly sure
    expected = exact(x, y, s, theta, 0)
    for core in (native, twin):
        found = run(core, x, y, s, theta, left_out=0)
        np.testing.assert_allclose(found[0], float(expected[0]), rtol=1e-13)
        for row in range(60):
            one = slice(row, row + 1)
            alone = exact(x[one], y[one], s[one], theta, 0)
            got = run(core, x[one], y[one], s[one], theta, left_out=0)
            for mine, right in zip(got, alone, strict=True):
                # Rounding of the logits themselves, which longer arithmetic does not have.
                slack = 1e-13 * max(1.0, size)
                np.testing.assert_allclose(mine, right.astype(float), rtol=slack, atol=1e-290)


def test_the_hessian_is_symmetric_to_the_last_bit(native, twin):
    x, y, s, theta = problem(4, k=4)
    for core in (native, twin):
        hessian = run(core, x, y, s, theta, left_out=2)[3]
        np.testing.assert_array_equal(hessian, hessian.T)


def test_of_equal_logits_the_first_counts(native, twin):
    x, y, s, theta = problem(5)
    for core in (native, twin):
        loss, right, *_ = run(core, x, y, s, 0 * theta)
        assert loss == pytest.approx(s.sum() * np.log(3), rel=1e-14)
        assert right == pytest.approx(s[y == 0].sum(), rel=1e-14)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_shows(native, twin, value):
    x, y, s, theta = problem(6)
    theta[1, 2] = value
    for core in (native, twin):
        assert np.isnan(run(core, x, y, s, theta)[0])


def test_the_number_of_threads_does_not_show(native, threads):
    x, y, s, theta = problem(7, n=20000, d=20, k=6)
    threads(1)
    alone = run(native, x, y, s, theta, 256, 0)
    threads(3)
    for got, expected in zip(run(native, x, y, s, theta, 256, 0), alone, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("n", [1, 32, 33, 500])
def test_panels_hold_the_rows_and_zeros(native, twin, n):
    x = np.random.default_rng(0).normal(size=(n, 3))
    for core in (native, twin):
        rows = laid_out(core, x, 64).transpose(0, 2, 1).reshape(-1, 3)
        np.testing.assert_array_equal(rows[:n], x)
        assert not rows[n:].any()


def test_what_does_not_fit_is_refused(native):
    x, y, s, theta = problem(8)
    with pytest.raises(TypeError, match="panels of 32"):
        run(native, x, y, s, theta, wide=40)
    with pytest.raises(TypeError, match="a label and a weight"):
        run(native, x, y[:-40], s[:-40], theta)
    with pytest.raises(TypeError, match="parameters"):
        run(native, x, y, s, theta[:, :-1].copy())
    panels = laid_out(native, x, 32)
    with pytest.raises(TypeError, match="Hessian"):
        native.softmax_pass(panels, y, s, theta, theta.copy(), np.empty((3, 3)), 0)
    with pytest.raises(TypeError, match="panels do not fit"):
        native.to_panels(x, np.empty((2, 5, 32)))
    with pytest.raises(TypeError, match="shares of classes"):
        native.softmax_dual(panels, y, s, theta, np.zeros(2), np.zeros(3), theta.copy())
    with pytest.raises(TypeError, match="weights do not fit"):
        native.weighted_grams(panels, np.ones((30, 1)), np.empty((1, 5, 5)))
    with pytest.raises(TypeError, match="grams do not fit"):
        native.weighted_grams(panels, np.ones((70, 1)), np.empty((1, 4, 4)))


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("size", [1.0, 40.0])
def test_the_dual_is_that_of_repaired_probabilities(native, twin, k, size):
    x, _, s, theta = problem(9, n=90, k=k, size=size)
    y = (x @ theta.T).argmax(axis=1)
    given = np.linspace(0, 1, k)
    received = np.zeros(k)
    received[0] = 1.0
    p = np.exp((z := x @ theta.T) - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    q = p * (1 - given) + (p @ given)[:, None] * received
    entropy = -np.where(q > 0, q * np.log(np.where(q > 0, q, 1)), 0).sum(axis=1)
    expected = ((q - np.eye(k)[y]) * s[:, None]).T @ x
    for core in (native, twin):
        gradient = np.empty_like(theta)
        found = core.softmax_dual(laid_out(core, x, 32), y, s, theta, given, received, gradient)
        assert found == pytest.approx(s @ entropy, rel=1e-11, abs=1e-13)
        np.testing.assert_allclose(gradient, expected, atol=1e-12)


def test_a_class_may_give_all_and_a_row_that_is_sure_has_a_small_entropy(native, twin):
    x, y, s = np.ones((1, 1)), np.array([0]), np.ones(1)
    theta = np.array([[50.0], [0.0]])
    none = np.zeros(2)
    for core in (native, twin):
        panels, gradient = laid_out(core, x, 32), np.empty((2, 1))
        p = np.exp(-50.0)
        found = core.softmax_dual(panels, y, s, theta, none, none, gradient)
        assert found == pytest.approx(p * 50 + p, rel=1e-12)
        np.testing.assert_allclose(gradient, [[-p], [p]], rtol=1e-12)
        everything = np.array([1.0, 0.0])
        assert core.softmax_dual(panels, y, s, theta, everything, everything[::-1].copy(),
                                 gradient) == pytest.approx(0, abs=1e-12)  # fmt: skip


@pytest.mark.parametrize("k", [1, 4])
def test_grams_are_sums_of_products(native, twin, k):
    x = np.random.default_rng(1).normal(size=(70, 6))
    weights = np.random.default_rng(2).uniform(size=(70, k))
    for core in (native, twin):
        grams = np.full((k, 6, 6), np.nan)
        core.weighted_grams(laid_out(core, x, 32), weights, grams)
        np.testing.assert_allclose(grams, np.einsum("ij,ic,ie->jce", weights, x, x), rtol=1e-12)
        np.testing.assert_array_equal(grams, grams.transpose(0, 2, 1))
