"""The two references agree to 45 digits, and a ball knows what it does not know."""

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

import reference
from reference import balls

NAMES = [name for name in sorted(reference.hard_rows("float64")) if "4097" not in name]
temperatures = st.sampled_from([1.0, 0.01, 0.3, 7.0, 1e6])


def assert_same(got, expected):
    got, expected = [*balls.balls_in(got)], np.ravel(np.array(expected, object)).tolist()
    with mp.workdps(80):
        for ball, value in zip(got, expected, strict=True):
            if ball == balls.IMPOSSIBLE:
                assert value == -mp.inf
                continue
            allowed = max(abs(value) * mpf(10) ** -45, mpf(2) ** -1399)
            assert abs(balls.midpoint(ball) - value) <= allowed


def target_of(row, label, smoothing):
    t = reference.losses.weighted_target(label, len(row), None, smoothing)
    return t, [arb(one._mpf_[1]) * arb(2) ** one._mpf_[2] for one in t]


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_balls_agree_with_mpmath_on_hard_rows(name, dtype):
    row = reference.hard_rows(dtype)[name][:100]
    possible = row[row > -np.inf]
    assert_same(balls.softmax(possible), reference.softmax(possible))
    assert_same(balls.log_softmax(possible), reference.log_softmax(possible))
    assert_same(balls.logsumexp(possible), reference.logsumexp(possible))


@given(reference.logits(largest=700), temperatures, st.sampled_from([0.0, 0.1]))
def test_balls_agree_with_mpmath_on_any_row(row, temperature, smoothing):
    assert_same(balls.softmax(row, temperature), reference.softmax(row, temperature))
    assert_same(balls.log_softmax(row, temperature), reference.log_softmax(row, temperature))
    exact, t = target_of(row, len(row) // 2, smoothing)
    assert_same(balls.cross_entropy(row, t), reference.row_loss(row, exact))
    slope = balls.cross_entropy_gradient(row, t)
    scale = reference.losses.row_gradient_scale(row, exact)
    for got, value, size in zip(slope, reference.row_gradient(row, exact), scale, strict=True):
        assert abs(balls.midpoint(got) - value) <= size * mpf(10) ** -45


def test_impossible_classes_have_probability_0_and_their_loss_counts_only_if_they_are_wanted():
    row = [-np.inf, 2.0, 1.0]
    assert balls.softmax(row)[0] == 0
    assert balls.log_softmax(row)[0] == balls.IMPOSSIBLE
    assert balls.cross_entropy(row, [arb(1), arb(0), arb(0)]) == arb(np.inf)
    assert balls.cross_entropy(row, [arb(0), arb(1), arb(0)]) < 1


@pytest.mark.parametrize("counts", [[3, 1], [1, 100_000]])
def test_counts_stand_for_repeated_logits(counts):
    row = [1.0, -2.5]
    assert_same(balls.softmax(row, counts=counts), reference.softmax(row, counts=counts))
    assert_same(balls.log_softmax(row, counts=counts), reference.log_softmax(row, counts=counts))


def test_precision_rises_until_the_result_is_settled():
    # 1 - p of the winner is 1e-304: 320 bits leave nothing of it.
    slope = balls.cross_entropy_gradient([0.0, -700.0], [arb(1), arb(0)])
    assert_same(slope, reference.row_gradient([0.0, -700.0], [mpf(1), mpf(0)]))


def test_what_cannot_be_settled_is_refused():
    @balls.certified
    def unknowable():
        return arb(0, 1)

    with pytest.raises(ArithmeticError, match="unknowable"):
        unknowable()


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("value", [1.0, 0.3, -7.5, 1e-40, 1e-320, 0.0])
def test_errors_in_ulp_are_those_of_the_other_reference(value, dtype):
    with ctx.workprec(320):
        ball = arb(value) + arb(value) / 2**60
    exact = balls.midpoint(ball)
    for got in (value, value * 1.0001, 0.0):
        expected = reference.ulp_error(got, exact, dtype)
        assert balls.ulp_error(got, ball, dtype) == pytest.approx(expected, rel=1e-12)
