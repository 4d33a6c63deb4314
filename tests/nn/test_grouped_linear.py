import pytest
import torch

from luce.nn.grouped_linear import grouped_linear

pytestmark = pytest.mark.once

GROUPS = [(2, 3, 4), (1, 0, 2), (3, 9, 3)]  # (count, start, size)


def plain(rows, weight):
    out = rows.new_zeros(6, 4)
    at = 0
    for count, start, size in GROUPS:
        out[at : at + count, :size] = rows[at : at + count] @ weight[start : start + size].T
        at += count
    return out


@pytest.fixture
def layer():
    source = torch.Generator().manual_seed(0)
    rows = torch.randn(6, 5, dtype=torch.float64, generator=source, requires_grad=True)
    weight = torch.randn(12, 5, dtype=torch.float64, generator=source, requires_grad=True)
    return rows, weight


def test_it_equals_a_product_for_each_group(layer):
    got, expected = grouped_linear(*layer, GROUPS, 4), plain(*layer)
    torch.testing.assert_close(got, expected)
    slopes = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        torch.autograd.grad(got, layer, slopes), torch.autograd.grad(expected, layer, slopes)
    )


def test_it_is_differentiable_twice(layer):
    def of(rows, weight):
        return grouped_linear(rows, weight, GROUPS, 4)

    assert torch.autograd.gradcheck(of, layer)
    assert torch.autograd.gradgradcheck(of, layer)


def test_many_gradients_of_the_result_may_come_at_once(layer):
    out = grouped_linear(*layer, GROUPS, 4)
    slopes = torch.eye(out.numel(), dtype=out.dtype)[:5].reshape(5, *out.shape)
    together = torch.autograd.grad(out, layer, slopes, is_grads_batched=True, retain_graph=True)
    for i, slope in enumerate(slopes):
        alone = torch.autograd.grad(out, layer, slope, retain_graph=True)
        torch.testing.assert_close([one[i] for one in together], list(alone))


def test_no_rows_give_no_rows_and_a_gradient_of_zeros(layer):
    rows, weight = torch.zeros(0, 5, dtype=torch.float64, requires_grad=True), layer[1]
    out = grouped_linear(rows, weight, [], 4)
    assert out.shape == (0, 4)
    for again in (False, True):
        (grad,) = torch.autograd.grad(out.sum(), weight, create_graph=again, retain_graph=True)
        assert not grad.any()
