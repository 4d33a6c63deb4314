"""Classes from the batch itself stand for all classes, too."""

import math

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from luce.errors import ShapeError
from luce.nn import InBatchSampler, LogUniformSampler, SampledSoftmax, WithBatchLabels

pytestmark = pytest.mark.once

K = 50


@pytest.mark.parametrize("given", [True, False])
def test_other_rows_stand_for_all_classes_without_bias(given):
    """Over batches of labels drawn from q, with the row's own label left out."""
    q = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    f, own, rows = torch.tensor([1.0, 5.0, 2.0, 9.0]).double(), 1, 6
    generator = torch.Generator().manual_seed(7)
    sampler = InBatchSampler(4, counts=1000 * q if given else None)
    if not given:
        sampler.seen += 1e9 * q  # what has passed by before
    sums = []
    for _ in range(4000):
        labels = torch.multinomial(q, rows, True, generator=generator)
        labels[0] = own
        ids, log_count = sampler.draw(0, labels)
        kept = ids != own
        sums.append((f[ids] / log_count.exp())[kept].sum())
    sums = torch.stack(sums)
    assert abs(float((sums.mean() - (f.sum() - f[own])) / (sums.std() / 4000**0.5))) < 3.5


def test_rows_without_label_are_left_out():
    sampler = InBatchSampler(3)
    ids, log_count = sampler.draw(0, torch.tensor([2, -1, 2, 0]))
    assert ids[[0, 2, 3]].tolist() == [2, 2, 0]
    assert log_count[1] == math.inf
    assert log_count[[0, 3]].exp().tolist() == pytest.approx([2 * 2 / 3, 2 * 1 / 3])
    assert sampler.seen.tolist() == [1, 0, 2]
    assert sampler.draw(0, torch.tensor([-1, -1])).log_expected_count.tolist() == [math.inf] * 2


@pytest.mark.parametrize("distinct", [True, False])
def test_labels_of_the_batch_count_once_and_the_others_stand_for_the_rest(distinct):
    labels = torch.tensor([7, 3, -1, 7, 49])
    sampler = WithBatchLabels(LogUniformSampler(K, distinct=distinct))
    terms = torch.rand(K, generator=torch.Generator().manual_seed(8)).double()
    generator, sums = torch.Generator().manual_seed(9), []
    for _ in range(1500):
        ids, log_count = sampler.draw(10, labels, generator=generator)
        kept = log_count < math.inf
        assert torch.isin(labels[labels >= 0], ids[kept]).all()
        assert (torch.bincount(ids[kept], minlength=K)[[3, 7, 49]] == 1).all()
        sums.append((terms[ids] / log_count.exp())[kept].sum())
    sums = torch.stack(sums)
    assert abs(float((sums.mean() - terms.sum()) / (sums.std() / 1500**0.5))) < 3.5


@pytest.mark.parametrize("labels", [[], [-1, -1]])
def test_without_labels_there_are_the_classes_of_the_other_sampler(labels):
    sampler = LogUniformSampler(K)
    ids, log_count = WithBatchLabels(sampler).draw(
        10, torch.tensor(labels, dtype=torch.int64), generator=torch.Generator().manual_seed(9)
    )
    kept = log_count < math.inf
    plain = sampler.draw(10, torch.tensor([0]), generator=torch.Generator().manual_seed(9))
    assert torch.equal(ids[kept], plain.ids)
    assert torch.equal(log_count[kept], plain.log_expected_count)


def test_what_is_computed_again_for_backward_is_counted_once():
    sampler = InBatchSampler(K)
    head = SampledSoftmax(4, K, sampler=sampler)
    hidden = torch.randn(3, 4, requires_grad=True)
    for reentrant in (True, False):
        sampler.seen.zero_()
        loss = checkpoint(head, hidden, torch.tensor([1, 1, 2]), use_reentrant=reentrant)
        loss.backward()
        assert sampler.seen[:3].tolist() == [0, 2, 1]


def test_what_was_counted_is_kept():
    in_batch = InBatchSampler(3)
    in_batch.draw(0, torch.tensor([1, 1]))
    copy = InBatchSampler(3)
    copy.load_state_dict(in_batch.state_dict())
    assert copy.seen.tolist() == [0, 2, 0]


def test_counts_must_be_those_of_the_classes():
    with pytest.raises(ShapeError, match="each of the 3 classes, got 2"):
        InBatchSampler(3, counts=[1, 2])
