import numpy as np
import pytest
from numpy.testing import assert_allclose

from luce.errors import DataError
from luce.solvers import (
    DenseDesign,
    Labels,
    LinearSoftmax,
    RowBlock,
    RowStream,
    StreamedSoftmax,
    newton,
)


class Cut(RowStream):
    feature_names = None

    def __init__(self, X, y, size=70):
        self.X, self.y, self.size = X, y, size

    def blocks(self):
        for start in range(0, len(self.X), self.size):
            part = slice(start, start + self.size)
            yield RowBlock(self.X[part], self.y[part])


@pytest.fixture(params=[True, False], ids=["intercept", "none"])
def pair(request):
    """The same function twice: of a stream, and of rows in memory."""
    random = np.random.default_rng(0)
    X, y = random.normal(size=(400, 3)) * [1, 50, 0.1] + 3, random.integers(4, size=400)
    of_class = np.array([1.0, 2.0, 0.5, 1.0])
    counts = np.bincount(y)
    total = of_class @ counts
    centre, scale = X.mean(axis=0) * request.param, X.std(axis=0)
    penalty = np.array([0.01, 0.02, 0.03] + [0.0] * request.param)
    streamed = StreamedSoftmax(
        Cut(X, np.array(list("abcd"), object)[y]), np.array(list("abcd"), object),
        of_class / total, of_class * counts / total, centre, scale, penalty, request.param, 0.1,
        np.dtype(np.float64),
    )  # fmt: skip
    rows = (X - centre) / scale
    rows = np.column_stack([rows, np.ones(400)]) if request.param else rows
    held = LinearSoftmax(
        DenseDesign(rows), Labels(y.astype(np.int64), 4, 0.1), of_class[y] / total, penalty,
        request.param,
    )  # fmt: skip
    theta = random.normal(size=held.shape)
    return streamed, held, theta - theta.mean(axis=0)


def test_a_pass_finds_what_memory_holds(pair):
    streamed, held, theta = pair
    for got, expected in zip(streamed.scan(theta), held.scan(theta), strict=True):
        assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def test_many_blocks_add_up_without_noise():
    # The line search compares values that differ by the last digits when a fit ends.
    n, k = 3000, 3
    y = np.arange(n) % k
    weight = np.full(k, 1 / n)
    streamed = StreamedSoftmax(
        Cut(np.zeros((n, 1)), y, size=1), np.arange(k), weight, weight * n / k, np.zeros(1),
        np.ones(1), np.ones(1), False, 0.0, np.dtype(np.float64),
    )  # fmt: skip
    assert abs(streamed.scan(np.zeros((k, 1))).value / np.log(k) - 1) < 5e-16


def test_the_dual_bound_is_that_of_the_rows_in_memory(pair):
    streamed, held, theta = pair
    gradient = streamed.scan(theta).gradient
    assert_allclose(streamed.dual_value(theta, gradient), held.dual_value(theta), rtol=1e-10)


def test_a_bound_from_float32_is_one_of_the_rows_in_float64(monkeypatch):
    # A column far from 0: its intercept is large, and totals that are off by 1e-7 would count.
    random = np.random.default_rng(1)
    n, k = 3000, 4
    X = random.normal(size=(n, 5))
    y = (3 * X[:, :4] + random.gumbel(size=(n, k))).argmax(axis=1)
    X[:, 0] += 30.0
    share, penalty = np.full(k, 1 / n), np.array([1e-4] * 5 + [0.0])
    held = LinearSoftmax(
        DenseDesign(np.column_stack([X, np.ones(n)])), Labels(y, k), np.full(n, 1 / n), penalty
    )
    found = newton(held, np.zeros(held.shape), tol=1e-12, max_iter=500)
    streamed = StreamedSoftmax(
        Cut(X, y, 700), np.arange(k), share, share * np.bincount(y), np.zeros(5), np.ones(5),
        penalty, True, 0.0, np.dtype(np.float32),
    )  # fmt: skip
    gradient = streamed.scan(found.theta).gradient
    monkeypatch.delattr(StreamedSoftmax, "scan")  # totals need no product with the rows
    bound = streamed.dual_value(found.theta, gradient)
    assert found.value * (1 - 1e-6) <= bound <= found.value * (1 + 1e-12)


def test_a_sample_by_curvature_gives_the_hessian_without_bias(pair):
    streamed, held, theta = pair
    exact = held.hessian(held.probabilities(held.logits(theta)))
    total = np.zeros_like(exact)
    for seed in range(60):
        sample = streamed.curved_sample(theta, 150, seed)
        assert len(sample) == 150
        total += sample.hessian(sample.probabilities(sample.logits(theta)))
    off = np.abs(total / 60 - exact).max() / np.abs(exact).max()
    assert off < 0.05
    whole = streamed.curved_sample(theta, 1000, 0)
    again = whole.hessian(whole.probabilities(whole.logits(theta)))
    assert_allclose(again, exact, rtol=1e-8, atol=1e-10)


def test_a_stream_that_changes_is_noticed(pair):
    streamed, _, theta = pair
    streamed.stream.y = streamed.stream.y.copy()
    streamed.stream.y[123] = "new"
    with pytest.raises(DataError, match=r"'new' at row 124"):
        streamed.scan(theta)
