import pytest
import torch
from torch.nn.functional import cross_entropy

from luce.errors import ParameterError, ShapeError
from luce.nn.functional import balanced_cross_entropy

pytestmark = pytest.mark.once

COUNTS = torch.tensor([900, 90, 10])


@pytest.fixture
def rows():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(12, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    return z, torch.randint(3, (12,), generator=generator)


@pytest.mark.parametrize("tau", [0.0, 1.0, 1.7])
def test_is_the_cross_entropy_of_shifted_logits(rows, tau):
    z, y = rows
    shifted = z + tau * (COUNTS.double() / 1000).log()
    for reduction in ("mean", "none"):
        expected = cross_entropy(shifted, y, label_smoothing=0.1, reduction=reduction)
        got = balanced_cross_entropy(
            z, y, COUNTS, tau=tau, label_smoothing=0.1, reduction=reduction
        )
        torch.testing.assert_close(got, expected)
    assert torch.autograd.gradcheck(lambda z: balanced_cross_entropy(z, y, COUNTS, tau=tau), (z,))


def test_is_the_balanced_softmax(rows):
    z, y = rows
    weighed = COUNTS * z.exp()  # Ren et al. (2020): n_j exp(z_j) over their sum
    p = weighed / weighed.sum(dim=1, keepdim=True)
    expected = -p[torch.arange(12), y].log()
    torch.testing.assert_close(balanced_cross_entropy(z, y, COUNTS, reduction="none"), expected)


def test_its_minimiser_answers_as_if_classes_were_equally_frequent():
    """Of features that say nothing, logits are learnt that say nothing either."""
    y = torch.repeat_interleave(torch.arange(3), COUNTS)
    z = torch.zeros(3, requires_grad=True)
    loss = balanced_cross_entropy(z.expand(1000, 3), y, COUNTS)
    (gradient,) = torch.autograd.grad(loss, z)
    torch.testing.assert_close(gradient, torch.zeros(3), atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_logits_of_sixteen_bits_are_shifted_in_float32(rows, dtype):
    z, y = rows[0].detach().to(dtype), rows[1]
    loss = balanced_cross_entropy(z, y, COUNTS)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, balanced_cross_entropy(z.float(), y, COUNTS))


def test_counts_that_do_not_fit_are_told(rows):
    z, y = rows
    with pytest.raises(ShapeError, match="each of the 3 classes"):
        balanced_cross_entropy(z, y, torch.ones(4))
    with pytest.raises(ParameterError, match="got 0 for class 1"):
        balanced_cross_entropy(z, y, torch.tensor([1, 0, 2]))
    with pytest.raises(ParameterError, match="tau"):
        balanced_cross_entropy(z, y, COUNTS, tau=-1.0)
