"""Heads with fewer weights: what dense head each of them is."""

import numpy as np
import pytest
import torch

from luce.errors import ShapeError
from luce.nn import FullSoftmax, LowRankSoftmax, PHMSoftmax

pytestmark = pytest.mark.once

WIDTH, CLASSES = 6, 13


def rows(n):
    source = torch.Generator().manual_seed(1)
    return torch.randn(n, WIDTH, generator=source, dtype=torch.float64)


def dense_twin(head, matrix, bias):
    full = FullSoftmax(WIDTH, CLASSES).double()
    full.load_state_dict({"weight": matrix.detach(), "bias": bias.detach()})
    return full


HEADS = {
    "PHMSoftmax": lambda: PHMSoftmax(WIDTH, CLASSES, n=3),
    "LowRankSoftmax": lambda: LowRankSoftmax(WIDTH, CLASSES, rank=2),
}


@pytest.mark.parametrize("name", HEADS)
def test_equals_its_dense_twin(name):
    head = HEADS[name]().double()
    if isinstance(head, PHMSoftmax):
        matrix, bias = head.class_weights(), head.class_bias()
        parts = zip(head.layer.rule, head.layer.blocks, strict=True)
        kron = sum(np.kron(a.detach(), s.detach()) for a, s in parts)
        np.testing.assert_allclose(matrix.detach(), kron[:CLASSES], atol=1e-14)
    else:
        matrix, bias = head.dense(), head.classes.bias
    full, hidden, target = dense_twin(head, matrix, bias), rows(9), torch.arange(9)
    for options in ({}, {"label_smoothing": 0.1, "z_loss": 0.1, "softcap": 2.0}):
        torch.testing.assert_close(head(hidden, target, **options), full(hidden, target, **options))
    torch.testing.assert_close(head.log_prob(hidden), full.log_prob(hidden))
    torch.testing.assert_close(tuple(head.topk(hidden, 4)), tuple(full.topk(hidden, 4)))


def test_they_have_the_weights_that_they_promise():
    def count(head):
        return sum(p.numel() for p in head.parameters())

    assert count(PHMSoftmax(64, 1000, n=4)) == 64 * 1000 // 4 + 4**3 + 1000
    assert count(LowRankSoftmax(64, 1000, rank=8)) == 8 * (64 + 1000) + 1000


def test_rows_that_are_ignored_leave_no_nan_in_the_projection():
    head, hidden = LowRankSoftmax(WIDTH, CLASSES, rank=2).double(), rows(3)
    hidden[1] = torch.nan
    head(hidden, torch.tensor([0, -100, 1]), ignore_index=-100).backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())


@pytest.mark.parametrize("name", HEADS)
def test_targets_of_another_shape_are_refused(name):
    head = HEADS[name]().double()
    for options in ({}, {"ignore_index": -100}):
        with pytest.raises(ShapeError, match="target"):
            head(rows(3), torch.zeros(2, dtype=torch.int64), **options)
