"""Heads compiled to machine code by torch's own compiler, not only traced."""

import shutil

import pytest
import torch
from nn.heads import Batch, everything, made

pytestmark = [
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch's own
]


WRONG = pytest.mark.xfail(
    strict=True, reason="compiled by inductor (not only traced) its gradient differs in torch 2.13"
)


@pytest.mark.parametrize(
    "name",
    [
        "FullSoftmax",
        "AdaptiveSoftmax",
        "HierarchicalSoftmax, binary",
        pytest.param("MixtureOfSoftmaxes", marks=WRONG),
        "SparsemaxHead",
        "SampledSoftmax",
    ],
)
def test_a_compiled_head_has_the_loss_and_the_gradient_of_an_eager_one(name):
    torch.compiler.reset()
    batch, head = Batch(5), made(name)
    options = everything(name)
    y = batch.labels_for(options)
    compiled = torch.compile(head, fullgraph=True, dynamic=False)
    loss, plain = compiled(batch.hidden, y, **options), head(batch.hidden, y, **options)
    torch.testing.assert_close(loss, plain)
    torch.testing.assert_close(
        torch.autograd.grad(loss, batch.hidden), torch.autograd.grad(plain, batch.hidden)
    )
