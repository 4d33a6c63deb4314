"""The plain output layer: parameters, tying, and what it says of itself."""

import pytest
import torch

from luce.errors import ParameterError, ShapeError
from luce.nn import FullSoftmax

pytestmark = pytest.mark.once


def test_equals_a_linear_layer_and_its_cross_entropy():
    head, linear = FullSoftmax(8, 30), torch.nn.Linear(8, 30)
    linear.load_state_dict(head.state_dict())
    hidden, y = torch.randn(5, 8), torch.randint(30, (5,))
    torch.testing.assert_close(
        head(hidden, y), torch.nn.functional.cross_entropy(linear(hidden), y)
    )
    torch.testing.assert_close(head.log_prob(hidden), linear(hidden).log_softmax(-1))
    torch.testing.assert_close(head.logits(hidden), linear(hidden))


def test_shares_the_weights_of_an_embedding():
    embedding = torch.nn.Embedding(30, 8)
    before = embedding.weight.detach().clone()
    head = FullSoftmax(8, 30, bias=False, weight=embedding.weight)
    assert torch.equal(embedding.weight, before)
    head(embedding(torch.tensor([3, 4])), torch.tensor([4, 5])).backward()
    assert embedding.weight.grad[5].any()
    assert "tied" in repr(head)
    assert "bias=False" in repr(head)


def test_initial_parameters_are_those_of_torch():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = FullSoftmax(100, 50)
    for one in head.parameters():
        assert 0.08 < one.abs().max() <= 0.1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: FullSoftmax(8, 30, weight=torch.nn.Parameter(torch.zeros(8, 30))), "shape \\(30"),
        (lambda: FullSoftmax(8, 3)(torch.zeros(2, 7), torch.zeros(2).long()), "dimension of 8"),
        (lambda: FullSoftmax(8, 3).log_prob(torch.zeros(())), "dimension of 8"),
    ],
)
def test_shapes_that_do_not_fit_are_told(call, words):
    with pytest.raises(ShapeError, match=words):
        call()


def test_numbers_that_are_none_are_told():
    with pytest.raises(ParameterError, match="n_classes"):
        FullSoftmax(8, 0)
    with pytest.raises(ParameterError, match="k must be an integer from 1 to 3"):
        FullSoftmax(8, 3).topk(torch.zeros(8), 4)
    with pytest.raises(TypeError, match="smoothing"):
        FullSoftmax(8, 3)(torch.zeros(8), torch.tensor(0), smoothing=0.1)
