"""What every sampler promises: the expected counts it tells are those of its draws, exactly."""

import math

import pytest
import torch

from luce.errors import DataError, ParameterError, ShapeError
from luce.nn import (
    LogUniformSampler,
    UniformSampler,
    UnigramSampler,
)

pytestmark = pytest.mark.once

K = 50
COUNTS = torch.tensor([0, 1, 1000, 3, 40] * 10)
FIXED = {
    "uniform": lambda distinct: UniformSampler(K, distinct=distinct),
    "log-uniform": lambda distinct: LogUniformSampler(K, distinct=distinct),
    "unigram": lambda distinct: UnigramSampler(COUNTS, distinct=distinct),
}
ALL = pytest.mark.parametrize("kind", FIXED)
BOTH = pytest.mark.parametrize("distinct", [True, False])
EVERY = torch.arange(K)


def counted(sampler, n, samples, seed=0):
    """How often each class was drawn, on average and its standard error."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.stack(
        [
            torch.bincount(sampler.sample(n, generator=generator), minlength=K)
            for _ in range(samples)
        ]
    ).double()
    return drawn, drawn.mean(0), drawn.std(0) / samples**0.5


@ALL
def test_log_prob_is_that_of_a_distribution(kind):
    log_q = FIXED[kind](True).log_prob(EVERY)
    assert log_q.dtype == torch.float64
    torch.testing.assert_close(log_q.logsumexp(0).item(), 0.0, rtol=0, atol=1e-14)


def test_distributions_are_the_ones_that_are_named():
    zipf = [math.log((j + 2) / (j + 1)) / math.log(K + 1) for j in range(K)]
    torch.testing.assert_close(LogUniformSampler(K).log_prob(EVERY).exp().tolist(), zipf)
    powers = [max(float(c), 1.0) ** 0.75 for c in COUNTS]
    torch.testing.assert_close(
        UnigramSampler(COUNTS).log_prob(EVERY).exp().tolist(), [p / sum(powers) for p in powers]
    )
    torch.testing.assert_close(
        UnigramSampler(COUNTS, power=1.0, least=0.5).log_prob(torch.tensor([0, 1])).diff().exp(),
        torch.tensor([2.0], dtype=torch.float64),
    )


@ALL
@BOTH
@pytest.mark.parametrize("n", [1, 7, 30])
def test_classes_come_as_often_as_expected(kind, distinct, n):
    sampler = FIXED[kind](distinct)
    expected = sampler.log_expected_count(EVERY, n).exp()
    _, mean, error = counted(sampler, n, 1500)
    assert expected.sum().item() == pytest.approx(n, rel=1e-12)
    spread = torch.maximum(error, (expected / 1500).sqrt())  # rare ones may not have come at all
    assert bool(((mean - expected).abs() <= 4 * spread + 1e-9).all())


@ALL
@pytest.mark.parametrize("n", [1, 13, 49, 50])
def test_distinct_samples_hold_different_classes(kind, n):
    sampler, generator = FIXED[kind](True), torch.Generator().manual_seed(1)
    for _ in range(20):
        ids = sampler.sample(n, generator=generator)
        assert ids.shape == (n,)
        assert ids.dtype == torch.int64
        assert len(ids.unique()) == n
        assert 0 <= int(ids.min()) <= int(ids.max()) < K


@ALL
def test_a_sample_of_all_classes_is_certain(kind):
    sampler = FIXED[kind](True)
    assert sampler.sample(K).sort().values.tolist() == EVERY.tolist()
    assert not sampler.log_expected_count(EVERY, K).any()


@ALL
@BOTH
def test_sums_over_classes_are_estimated_without_bias(kind, distinct):
    """Horvitz & Thompson (1952): samples of 10 stand for 50."""
    sampler, generator = FIXED[kind](distinct), torch.Generator().manual_seed(5)
    terms = (1 + torch.rand(K, generator=generator)) * sampler.log_prob(EVERY).exp()
    drawn, _, _ = counted(sampler, 10, 4000, seed=2)
    estimates = drawn @ (terms / sampler.log_expected_count(EVERY, 10).exp())
    z = (estimates.mean() - terms.sum()) / (estimates.std() / 4000**0.5)
    assert abs(float(z)) < 3.5
    wrong = drawn @ (terms / sampler.log_expected_count(EVERY, 11).exp())  # the test can fail
    assert abs(float((wrong.mean() - terms.sum()) / (wrong.std() / 4000**0.5))) > 3.5


@pytest.mark.parametrize("k", [2, 3, 1000, 100_000])
def test_log_uniform_inclusion_is_that_of_the_general_formula(k):
    from luce.nn.inclusion import inclusion_scale

    j = torch.arange(k, dtype=torch.float64)
    q = (1 / (j + 1)).log1p() / math.log1p(k)
    for n in {1, 2, min(k - 1, 500)} - {k}:
        got = LogUniformSampler(k).log_expected_count(torch.arange(k), n)
        torch.testing.assert_close(
            got.exp(), (inclusion_scale(q, n) * q).clamp(max=1), rtol=1e-9, atol=0
        )


def test_distinct_log_uniform_samples_include_each_class_with_its_probability(monkeypatch):
    sampler, starts, n = LogUniformSampler(K), 2000, 12
    seen = torch.zeros(K)
    for step in range(starts):
        start = torch.tensor((step + 0.5) / starts, dtype=torch.float64)
        monkeypatch.setattr(torch, "rand", lambda *_, start=start, **__: start)
        seen[sampler.sample(n)] += 1
    expected = sampler.log_expected_count(EVERY, n).exp().float()
    torch.testing.assert_close(seen / starts, expected, rtol=0, atol=2 / starts)


@ALL
@BOTH
def test_a_generator_decides_what_is_drawn(kind, distinct):
    sampler = FIXED[kind](distinct)
    one, two, other = (
        sampler.sample(9, generator=torch.Generator().manual_seed(seed)) for seed in (4, 4, 5)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one.sort().values, other.sort().values)


@ALL
@BOTH
def test_draw_tells_ids_and_counts(kind, distinct):
    sampler = FIXED[kind](distinct)
    ids, count = sampler.draw(9, torch.tensor([3]), generator=torch.Generator().manual_seed(6))
    assert torch.equal(ids, sampler.sample(9, generator=torch.Generator().manual_seed(6)))
    assert torch.equal(count, sampler.log_expected_count(ids, 9))


# State.


def test_a_model_in_16_bits_keeps_its_tables():
    sampler = UnigramSampler(COUNTS, distinct=False)
    sampler.prepare(3)
    before = sampler.log_prob(EVERY)
    torch.nn.Sequential(sampler).to(torch.bfloat16)
    assert torch.equal(sampler.log_prob(EVERY), before)
    assert sampler.keep.dtype == torch.float64


@BOTH
def test_the_state_decides_what_is_drawn(distinct):
    one = UnigramSampler(COUNTS, distinct=distinct)
    two = UnigramSampler(COUNTS.flip(0), distinct=distinct)
    two.sample(5)  # its tables are made
    two.load_state_dict(one.state_dict())
    drawn = [s.sample(5, generator=torch.Generator().manual_seed(0)) for s in (one, two)]
    assert torch.equal(*drawn)


@BOTH
def test_samples_of_two_sizes_take_turns(distinct):
    sampler = UnigramSampler(COUNTS, distinct=distinct)
    for n in (5, 9, 5):
        fresh = UnigramSampler(COUNTS, distinct=distinct)
        drawn = [s.sample(n, generator=torch.Generator().manual_seed(0)) for s in (sampler, fresh)]
        assert torch.equal(*drawn)
        counts = [s.log_expected_count(EVERY, n) for s in (sampler, fresh)]
        assert torch.equal(*counts)


@ALL
def test_compiles_in_one_graph(kind):
    sampler = FIXED[kind](True)
    sampler.prepare(6)
    drawn = torch.compile(lambda y: sampler.draw(6, y), fullgraph=True, backend="eager")
    ids, log_count = drawn(torch.tensor([1, 2]))
    assert ids.shape == (6,)
    torch.testing.assert_close(log_count, sampler.log_expected_count(ids, 6))


# What is refused.


@pytest.mark.parametrize("n", [0, -1, 51, 2.0, True, None])
def test_sizes_that_cannot_be(n):
    with pytest.raises(ParameterError, match=r"n must be a whole number from 1 to 50"):
        UniformSampler(K).sample(n)


def test_independent_draws_may_be_more_than_the_classes():
    assert UniformSampler(K, distinct=False).sample(200).shape == (200,)


def test_counts_that_cannot_be():
    with pytest.raises(ShapeError, match=r"got shape \(1, 2\)"):
        UnigramSampler([[1, 2]])
    with pytest.raises(DataError, match=r"got -1.0 for class 1 \(classes at fault: 2\)"):
        UnigramSampler([1, -1, math.nan])
    with pytest.raises(DataError, match="zeros for all 2 classes"):
        UnigramSampler([0, 0])
    with pytest.raises(ParameterError, match="least must be above 0 and at most the largest"):
        UnigramSampler([0.2, 0.8])
    with pytest.raises(ParameterError, match="power must be finite"):
        UnigramSampler([1, 2], power=2)
    with pytest.raises(ParameterError, match="n_classes"):
        UniformSampler(0)
