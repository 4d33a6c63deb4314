import warnings

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import luce
from luce.errors import DataError, ParameterError
from luce.functions import gumbel

pytestmark = pytest.mark.once

CUBE = np.random.default_rng(1).normal(0, 1, (3, 5, 17))
ROW = np.array([1.0, -np.inf, 2.0, 0.0, -1.0, -20.0])


def assert_drawn_from(p, classes):
    """Raise if the counts are unlikely (1 in 10,000) under the probabilities."""
    counts = np.bincount(np.ravel(classes), minlength=len(p))
    assert counts[p == 0].sum() == 0
    enough = p * counts.sum() > 5
    observed = np.append(counts[enough], counts[~enough].sum())
    expected = np.append(p[enough], p[~enough].sum()) * counts.sum()
    kept = expected > 0
    assert stats.chisquare(observed[kept], expected[kept]).pvalue > 1e-4


# Distribution.


@pytest.mark.parametrize("dtype", ["float16", *reference.DTYPES])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_samples_have_the_probabilities_of_softmax(temperature, dtype):
    row = ROW.astype(dtype)
    drawn = luce.sample_categorical(row, size=200_000, temperature=temperature, rng=1)
    assert drawn.dtype == np.int64
    assert_drawn_from(luce.softmax(ROW, temperature=temperature), drawn)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_the_winner_of_the_gumbel_softmax_has_the_probabilities_of_softmax(temperature):
    rows = np.broadcast_to(ROW, (100_000, 6))
    for hard in (False, True):
        got = luce.gumbel_softmax(rows, temperature=temperature, hard=hard, rng=5)
        assert_drawn_from(luce.softmax(ROW), got.argmax(axis=1))
        assert_array_equal(got[:, 1], 0)


def test_rows_are_drawn_independently():
    pair = luce.sample_categorical(np.zeros((2, 4)), size=100_000, rng=2)
    assert_drawn_from(np.full(16, 1 / 16), pair[0] * 4 + pair[1])
    once = luce.sample_categorical(np.zeros((100_000, 2, 3)), rng=3)
    assert_drawn_from(np.full(9, 1 / 9), once[:, 0] * 3 + once[:, 1])


@pytest.mark.parametrize("k", [5000, 10**6, pytest.param(10**7, marks=pytest.mark.slow)])
def test_long_rows_are_drawn_from_evenly(k):
    """A tenth of the classes, at the end, holds half of the probability."""
    row = np.zeros(k, np.float32)
    row[-k // 10 :] = np.log(9)
    row[::7] = -np.inf
    drawn = luce.sample_categorical(row, size=100_000, rng=4)
    assert (drawn % 7 != 0).all()
    p = luce.softmax(row.astype(np.float64))
    parts = np.add.reduceat(p, np.arange(0, k, k // 50))
    assert_drawn_from(parts, drawn // (k // 50))
    hard = luce.gumbel_softmax(row, hard=True, rng=6)
    assert hard.sum() == 1
    assert hard.argmax() % 7 != 0


@pytest.mark.parametrize("k", [1, 2, 3, 100, 4096, 4097, 20_000])
def test_a_draw_is_the_inverse_of_the_running_sum(k):
    """The class is the one whose share of [0, 1) the uniform variate falls into."""
    row = np.random.default_rng(k).normal(0, 5, k)
    p = luce.softmax(row)
    ends = np.cumsum(p, dtype=np.longdouble)
    uniform = np.random.default_rng(7).random(1000)
    drawn = luce.sample_categorical(row, size=1000, rng=7)
    assert (uniform <= ends[drawn] + 1e-12).all()
    assert (uniform >= ends[drawn] - p[drawn] - 1e-12).all()


def test_running_sums_rise_only_where_there_is_probability():
    p = np.random.default_rng(0).dirichlet(np.full(30_000, 0.01), 2)
    p[:, ::3] = 0
    total = gumbel._cumulated(p)
    assert (np.diff(total) >= 0).all()
    assert (np.diff(total)[p[:, 1:] == 0] == 0).all()
    assert_allclose(total[:, -1], p.sum(axis=1), rtol=1e-14)
    assert_allclose(total, p.cumsum(axis=1), atol=1e-13)


class Constant:
    """Stands in for a generator whose variates are all alike."""

    def __init__(self, value):
        self.value = value

    def random(self, shape):
        return np.full(shape, self.value)

    def standard_exponential(self, shape):
        return np.full(shape, self.value)


@pytest.fixture
def constant(monkeypatch):
    monkeypatch.setattr(gumbel, "as_generator", Constant)


@pytest.mark.usefixtures("constant")
def test_the_ends_of_the_uniform_variates_draw_possible_classes():
    rows = np.array([[-np.inf, 0.0, 3.0, -np.inf], [0.1, 0.2, 0.3, -np.inf]])
    assert_array_equal(luce.sample_categorical(rows, rng=0.0), [1, 0])
    assert_array_equal(luce.sample_categorical(rows, rng=1 - 2**-53), [2, 2])
    many = np.append(np.random.default_rng(0).normal(0, 9, 9999), -np.inf)
    assert np.isfinite(many[luce.sample_categorical(many, rng=1 - 2**-53)])


@pytest.mark.usefixtures("constant")
def test_a_variate_of_zero_is_no_infinite_noise():
    got = luce.gumbel_softmax([1.0, 2.0, -np.inf], rng=0.0)
    assert_allclose(got, luce.softmax([1.0, 2.0, -np.inf]), rtol=1e-14)
    assert_array_equal(luce.gumbel_softmax([1.0, 2.0, -np.inf], hard=True, rng=0.0), [0, 1, 0])


# Accuracy.


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
def test_gumbel_softmax_keeps_its_promise(temperature, dtype):
    row = np.random.default_rng(0).normal(0, 5, 300).astype(dtype)
    got = luce.gumbel_softmax(row, temperature=temperature, rng=11)
    noise = np.random.default_rng(11).standard_exponential(300)
    noisy = (row.astype(np.float64) - row.max()) - np.log(noise)
    bound = reference.promised(luce.gumbel_softmax, dtype)
    with mp.workdps(40):
        reference.assert_within(bound, got, reference.softmax(noisy, temperature), dtype)


def test_what_is_drawn_from_is_what_softmax_promises():
    bounds = [reference.promised(luce.sample_categorical, d) for d in reference.DTYPES]
    assert bounds == [reference.promised(luce.softmax, "float64")] * 2


# Laws.


@given(reference.logits(size=6), st.sampled_from([2.0**40, 1e15]))
def test_a_large_common_offset_does_not_swallow_the_noise(row, offset):
    row = np.round(row)
    expected = luce.gumbel_softmax(row, rng=1)
    assert_array_equal(luce.gumbel_softmax(row + offset, rng=1), expected)
    drawn = luce.sample_categorical(row, size=9, rng=1)
    assert_array_equal(luce.sample_categorical(row + offset, size=9, rng=1), drawn)


def test_the_same_seed_draws_the_same():
    for function in (luce.gumbel_softmax, luce.sample_categorical):
        assert_array_equal(function(CUBE, rng=3), function(CUBE, rng=np.random.default_rng(3)))
        assert (function(CUBE, rng=3) != function(CUBE, rng=4)).any()
        assert (function(CUBE) != function(CUBE)).any()  # unpredictable
    generator = np.random.default_rng(3)
    first, second = (luce.sample_categorical(CUBE, rng=generator) for _ in range(2))
    assert (first != second).any()


def test_the_hard_rows_are_those_of_the_soft_winners():
    soft = luce.gumbel_softmax(CUBE, 1, temperature=0.7, rng=3)
    hard = luce.gumbel_softmax(CUBE, 1, temperature=0.7, rng=3, hard=True)
    assert_array_equal(hard.argmax(axis=1), soft.argmax(axis=1))
    assert_array_equal(np.unique(hard), [0, 1])
    assert_array_equal(hard.sum(axis=1), 1)
    assert_allclose(soft.sum(axis=1), 1)


def test_tiles_take_the_noise_in_turn():
    x = np.zeros((300, 1000))
    whole = luce.gumbel_softmax(x, rng=9)
    noise = np.random.default_rng(9).standard_exponential(x.shape)
    assert_allclose(whole, luce.softmax(-np.log(noise)), rtol=1e-13)


# Shapes and edge values.


@pytest.mark.parametrize("size", [None, (), 2, (2, 3), 0, (4, 0)])
@pytest.mark.parametrize("axis", [0, 1, -1, (0, 2), None])
def test_the_shape_is_that_of_the_rows_followed_by_the_size(axis, size):
    rest = CUBE.sum(axis).shape
    more = () if size is None else size if isinstance(size, tuple) else (size,)
    got = luce.sample_categorical(CUBE, axis, size=size, rng=0)
    assert got.shape == rest + more
    assert got.dtype == np.int64


def test_any_axis_and_several():
    x = np.full((4, 3, 5), -np.inf)
    x[2, :, 4] = 0.0
    assert_array_equal(luce.sample_categorical(x, (0, 2)), [2 * 5 + 4] * 3)
    assert_array_equal(luce.sample_categorical(x[:, :, 4], 0), [2] * 3)
    got = luce.gumbel_softmax(x, (0, 2), hard=True)
    assert_array_equal(got, np.isfinite(x))


def test_masked_classes_are_never_drawn():
    mask = np.arange(17) % 3 == 1
    x = np.where(mask, CUBE, np.nan)
    assert (luce.sample_categorical(x, size=50, where=mask, rng=0) % 3 == 1).all()
    got = luce.gumbel_softmax(x, where=mask, rng=0)
    assert_array_equal(got > 0, np.broadcast_to(mask, CUBE.shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("hard", [False, True])
def test_rows_without_a_distribution(bad, hard):
    table = np.array([[0.0, 1.0], [bad, 0.0], [-np.inf, -np.inf]])
    got = luce.gumbel_softmax(table, hard=hard, rng=0)
    assert_array_equal(got[1:], np.nan)
    assert got[0].sum() == pytest.approx(1)
    with pytest.raises(DataError, match=r"at row 1 \(rows at fault: 2\)"):
        luce.sample_categorical(table)
    with pytest.raises(DataError, match="the only row"):
        luce.sample_categorical([1.0, 2.0], where=False)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 4)])
def test_empty_in_empty_out(shape):
    x = np.empty(shape, np.float32)
    assert luce.gumbel_softmax(x).shape == shape
    if shape[-1] and 0 in shape[:-1]:
        assert luce.sample_categorical(x, size=2).shape == (*shape[:-1], 2)
    else:
        with pytest.raises(DataError, match="no possible class"):
            luce.sample_categorical(x)


def test_edge_values_are_no_reason_to_warn():
    values = np.array([np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for a in values:
            for b in values:
                for temperature in (1e-300, 1.0, 1e300):
                    luce.gumbel_softmax([a, b], temperature=temperature, rng=0)
    assert luce.sample_categorical([1e308, -1e308]) == 0
    assert luce.sample_categorical(np.array([-128, 127], np.int8)) == 1


@pytest.mark.parametrize("rng", [-1, 1.5, "1", True, np.random.RandomState(0)])
def test_sources_of_randomness_are_checked(rng):
    for function in (luce.gumbel_softmax, luce.sample_categorical):
        with pytest.raises(ParameterError, match=r"rng must be a numpy\.random\.Generator"):
            function([1.0, 2.0], rng=rng)


@pytest.mark.parametrize("size", [-1, 1.0, "3", True, (2, -1), [2]])
def test_sizes_are_checked(size):
    with pytest.raises(ParameterError, match="size must be a whole number"):
        luce.sample_categorical([1.0, 2.0], size=size)


@pytest.mark.parametrize("size", [-1, 1.5, True, (2, "3"), 10**200])
def test_an_impossible_size_is_told(size):
    with pytest.raises(ParameterError, match="size must be a whole number"):
        luce.sample_categorical([0.0, 1.0], size=size)
