import pytest
import torch

from luce.nn.alias_table import AliasTable

pytestmark = pytest.mark.once


def drawn_with(table):
    """The probability of each class: the part that it keeps of its column, and those it fills."""
    k = len(table.keep)
    return (table.keep + torch.zeros(k).double().index_add(0, table.alias, 1 - table.keep)) / k


def distributions():
    generator = torch.Generator().manual_seed(0)
    for k in (1, 2, 3, 10, 100, 30_000):
        yield torch.full((k,), 1 / k, dtype=torch.float64)
        yield torch.rand(k, generator=generator, dtype=torch.float64) + 1e-6
        yield torch.arange(1, k + 1, dtype=torch.float64) ** -1.0
        yield torch.arange(1, k + 1, dtype=torch.float64) ** -4.0
        yield torch.randint(1, 3, (k,), generator=generator).double()  # many ties
        yield 0.5 ** torch.arange(k, dtype=torch.float64).clamp(max=2000)  # down to 0
        yield (torch.arange(k) == k // 2).double()


@pytest.mark.parametrize("p", list(distributions()))
def test_every_class_is_drawn_with_its_probability(p):
    p = p / p.sum()
    table = AliasTable.of(p)
    assert bool(((table.keep >= 0) & (table.keep <= 1)).all())
    torch.testing.assert_close(drawn_with(table), p, rtol=1e-7, atol=1e-14)


def test_draws_follow_the_table():
    p = torch.tensor([0.5, 0.0, 0.3, 0.15, 0.05], dtype=torch.float64)
    ids = AliasTable.of(p).draw(40_000, torch.Generator().manual_seed(1))
    seen = torch.bincount(ids, minlength=5) / len(ids)
    sd = (p * (1 - p) / len(ids)).sqrt()
    assert bool(((seen - p).abs() <= 4 * sd).all())
