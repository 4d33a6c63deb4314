import numpy as np
import pytest
import torch

from luce.nn import AdaptiveEmbedding

pytestmark = pytest.mark.once

ORDER = np.random.default_rng(0).permutation(30)


@pytest.fixture
def embedding():
    return AdaptiveEmbedding(30, 8, [5, 12], div_value=2.0, order=ORDER).double()


def test_it_is_the_formula(embedding):
    tables = [embedding.parts[0]]
    tables += [
        part @ projection
        for part, projection in zip(embedding.parts[1:], embedding.projections, strict=True)
    ]
    by_rank = torch.cat(tables)
    expected = torch.empty_like(by_rank)
    expected[torch.as_tensor(ORDER)] = by_rank
    ids = torch.randint(30, (4, 7), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(embedding(ids), expected[ids])
    slopes = torch.randn(4, 7, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        torch.autograd.grad(embedding(ids), list(embedding.parameters()), slopes),
        torch.autograd.grad(expected[ids], list(embedding.parameters()), slopes),
    )


def test_it_compiles_without_a_break_in_the_graph(embedding):
    torch.compiler.reset()
    compiled = torch.compile(embedding, fullgraph=True, backend="eager", dynamic=False)
    ids = torch.arange(30).view(5, 6)
    torch.testing.assert_close(compiled(ids), embedding(ids))


def test_it_runs_under_autocast(embedding):
    narrow = embedding.float()
    ids = torch.arange(30)
    with torch.autocast("cpu", torch.bfloat16):
        got = narrow(ids)
    torch.testing.assert_close(got.float(), narrow(ids), rtol=0.02, atol=0.02)


def test_clusters_without_a_row_get_a_gradient_of_zeros(embedding):
    embedding(torch.as_tensor(ORDER[:3])).sum().backward()
    assert all(p.grad is not None for p in embedding.parameters())
    assert not embedding.parts[2].grad.any()
