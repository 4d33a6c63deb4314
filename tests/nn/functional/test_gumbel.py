"""The Gumbel softmax of tensors."""

import pytest
import torch

from luce.nn.functional import gumbel_softmax

pytestmark = pytest.mark.once


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def test_a_generator_decides_the_noise():
    x = torch.randn(3, 5)
    first, second = (gumbel_softmax(x, generator=seeded()) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, gumbel_softmax(x, generator=seeded(2)))
    torch.testing.assert_close(first.sum(-1), torch.ones(3))


def test_classes_are_drawn_with_their_probability():
    p = torch.tensor([0.5, 0.3, 0.2, 0.0])
    x = (p.log() + 1e5).double().expand(40_000, 4)  # an offset changes nothing
    drawn = gumbel_softmax(x, hard=True, temperature=0.1, generator=seeded())
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert (drawn.mean(0) - p).abs().max() < 0.01


@pytest.mark.parametrize("dim", [0, 1])
def test_the_hard_one_has_the_gradient_of_the_smooth_one(dim):
    grads, values = [], []
    v = torch.randn(3, 5)
    for hard in (False, True):
        x = torch.arange(15.0).reshape(3, 5).sin().requires_grad_()
        y = gumbel_softmax(x, dim, hard=hard, temperature=0.8, generator=seeded())
        (grad,) = torch.autograd.grad(y, x, v)
        grads.append(grad)
        values.append(y)
    torch.testing.assert_close(*grads)
    assert grads[0].abs().max() > 0
    assert torch.equal(values[1].argmax(dim), values[0].argmax(dim))
    assert torch.equal(values[1].sum(dim), torch.ones(values[1].sum(dim).shape))


def test_edge_values():
    x = torch.tensor([[-torch.inf, 0.0], [torch.nan, 0.0], [-torch.inf, -torch.inf]])
    for hard in (False, True):
        y = gumbel_softmax(x, hard=hard)
        assert y[0].tolist() == [0.0, 1.0]
        assert y[1:].isnan().all()
    masked = gumbel_softmax(torch.zeros(50, 3), where=torch.tensor([True, False, True]))
    assert (masked[:, 1] == 0).all()


def test_transforms():
    x = torch.randn(4, 6)
    mapped = torch.func.vmap(lambda x: gumbel_softmax(x, hard=True), randomness="different")(x)
    assert torch.equal(mapped.sum(-1), torch.ones(4))
    compiled = torch.compile(
        lambda x: gumbel_softmax(x, hard=True), fullgraph=True, backend="aot_eager"
    )
    assert torch.equal(compiled(x).sum(-1), torch.ones(4))
    torch._dynamo.reset()
