import pytest
import torch

from luce.nn.inclusion import inclusion_scale, systematic

pytestmark = pytest.mark.once

ZIPF = 1 / torch.arange(1, 41, dtype=torch.float64)
ZIPF = (ZIPF / ZIPF.sum())[torch.randperm(40, generator=torch.Generator().manual_seed(3))]


@pytest.mark.parametrize("n", [1, 2, 5, 20, 39])
def test_the_probabilities_of_being_included_add_up_to_the_size_of_the_sample(n):
    included = (inclusion_scale(ZIPF, n) * ZIPF).clamp(max=1)
    torch.testing.assert_close(included.sum(), torch.tensor(float(n), dtype=torch.float64))


def test_classes_of_equal_size_are_included_alike():
    q = torch.full((8,), 1 / 8, dtype=torch.float64)
    for n in range(1, 8):
        assert inclusion_scale(q, n) == pytest.approx(n)


@pytest.mark.parametrize("n", [1, 3, 12, 39])
def test_each_class_is_included_with_exactly_its_probability(n, monkeypatch):
    included = (inclusion_scale(ZIPF, n) * ZIPF).clamp(max=1)
    upto, seen, starts = included.cumsum(0), torch.zeros(40), 2000
    for step in range(starts):
        start = torch.tensor((step + 0.5) / starts, dtype=torch.float64)
        monkeypatch.setattr(torch, "rand", lambda *_, start=start, **__: start)
        ids = systematic(upto, n, None)
        assert len(ids.unique()) == n
        seen[ids] += 1
    torch.testing.assert_close(seen / starts, included.float(), rtol=0, atol=2 / starts)
