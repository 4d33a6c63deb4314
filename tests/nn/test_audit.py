"""The audit against expectations over all samples, and heads that have nothing to hide."""

import itertools
import re

import pytest
import torch

from luce.errors import ParameterError
from luce.nn import FullSoftmax, InBatchSampler, MarginSoftmax, SampledSoftmax, UnigramSampler
from luce.nn.samplers import Draw, Sampler

pytestmark = pytest.mark.once

D, K, N, DRAWN = 4, 6, 5, 2
SUBSETS = list(itertools.combinations(range(K), DRAWN))


class Fixed(Sampler):
    """Each subset as likely as any other; or always the same."""

    subset: tuple[int, ...] | None = None

    def draw(self, n, labels, *, generator=None):
        chosen = self.subset or SUBSETS[int(torch.randint(len(SUBSETS), ()))]
        return Draw(torch.tensor(chosen), torch.full((DRAWN,), DRAWN / K).double().log())


def batch():
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(N, D, generator=generator, dtype=torch.float64)
    return hidden, torch.randint(K, (N,), generator=generator)


def expectations(head, hidden, labels):
    """Bias and deviation of loss and gradients, over all samples there are."""

    def evaluated():
        leaf = hidden.clone().requires_grad_()
        loss = head(leaf, labels)
        return [loss.detach(), *torch.autograd.grad(loss, [leaf, head.weight, head.bias])]

    head.eval()
    exact = evaluated()
    head.train()
    values = []
    for head.sampler.subset in SUBSETS:
        values.append(evaluated())
    head.sampler.subset = None
    for one, *drawn in zip(exact, *values, strict=True):
        stacked = torch.stack(drawn)
        mean, unit = stacked.mean(0), 1.0 if one.ndim == 0 else one.norm().item()
        bias = (mean - one).item() if one.ndim == 0 else (mean - one).norm().item() / unit
        variance = (stacked - mean).square().reshape(len(drawn), -1).sum(1).mean()
        yield one.norm().item(), bias, variance.item() ** 0.5 / unit


def test_intervals_hold_the_expectations_over_all_samples():
    torch.manual_seed(0)
    head = SampledSoftmax(D, K, n_samples=DRAWN, sampler=Fixed(K)).double()
    hidden, labels = batch()
    report = head.audit(hidden, labels, draws=500, confidence=0.99)
    assert [row.name for row in report.rows] == ["loss", "d hidden", "d weight", "d bias"]
    for row, (exact, bias, deviation) in zip(
        report.rows, expectations(head, hidden, labels), strict=True
    ):
        assert row.exact == pytest.approx(exact)
        assert row.low <= bias <= row.high
        assert row.low <= row.bias <= row.high
        assert row.deviation == pytest.approx(deviation, rel=0.1)

    assert report.rows[0].high < 0  # by Jensen's inequality


@pytest.mark.parametrize(
    "head",
    [
        lambda: FullSoftmax(D, K),
        lambda: SampledSoftmax(D, K, n_samples=K),
        lambda: MarginSoftmax(D, K, scale=4.0),
    ],
)
def test_exact_heads_have_neither_bias_nor_deviation(head):
    torch.manual_seed(0)
    report = head().double().audit(*batch(), draws=20)
    for row in report.rows:
        assert max(abs(x) for x in (row.bias, row.low, row.high, row.deviation)) < 1e-7
        assert row.exact > 0


def test_the_head_stays_as_it_was():
    torch.manual_seed(0)
    head = SampledSoftmax(D, K, n_samples=3, sampler=InBatchSampler(K), sparse=True).double()
    hidden, labels = batch()
    head(hidden, labels)
    before, state = head.sampler.seen.clone(), torch.get_rng_state()
    head.sampler.eval()
    with torch.no_grad():
        head.audit(hidden, labels, draws=20, label_smoothing=0.1, z_loss=0.1)
    assert torch.equal(head.sampler.seen, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert head.training
    assert not head.sampler.training
    assert all(p.grad is None for p in head.parameters())


def test_the_seed_decides_and_the_report_is_a_table():
    torch.manual_seed(0)
    head = SampledSoftmax(D, K, n_samples=DRAWN).double()
    one, two, other = (head.audit(*batch(), draws=29, seed=seed) for seed in (1, 1, 2))
    assert one == two != other
    assert one.draws == 20
    assert one.confidence == 0.95
    lines = str(one).splitlines()
    assert re.fullmatch(r" +exact +bias +95 % interval +deviation", lines[0])
    assert re.fullmatch(r"loss +[\d.]+( +[-+][\d.]+){2} \.\. [-+][\d.]+ +[\d.]+", lines[1])
    assert re.fullmatch(r"d weight( +[\d.]+){2} % +[\d.]+ % \.\. [\d.]+ % +[\d.]+ %", lines[3])
    assert lines[-1] == "20 draws; gradients in % of the exact one's length"


def test_bad_options():
    head = FullSoftmax(D, K).double()
    with pytest.raises(ParameterError, match="draws must be at least 20, got 2"):
        head.audit(*batch(), draws=2)
    with pytest.raises(ParameterError, match="confidence"):
        head.audit(*batch(), confidence=1.5)


def drawn(sampler, n):
    generator = torch.Generator().manual_seed(7)
    return torch.stack([sampler.sample(n, generator=generator) for _ in range(50)])


COUNTS = torch.tensor([100.0, 30.0, 10.0, 3.0, 1.0, 1.0])


@pytest.mark.parametrize("distinct", [True, False])
def test_tables_made_while_it_measures_are_those_of_the_probabilities(distinct):
    sampler, other = (UnigramSampler(c, distinct=distinct) for c in (COUNTS, COUNTS.flip(0)))
    head = SampledSoftmax(D, K, n_samples=DRAWN, sampler=sampler).double()
    sampler.load_state_dict(other.state_dict())
    head.audit(*batch(), draws=20)
    assert torch.equal(drawn(sampler, DRAWN), drawn(other, DRAWN))


def test_a_sampler_may_serve_two_heads_of_which_one_is_measured():
    sampler = UnigramSampler(COUNTS)
    head = SampledSoftmax(D, K, n_samples=DRAWN, sampler=sampler).double()
    SampledSoftmax(D, K, n_samples=4, sampler=sampler)  # makes the tables for samples of 4
    head.audit(*batch(), draws=20)
    assert torch.equal(drawn(sampler, DRAWN), drawn(UnigramSampler(COUNTS), DRAWN))
