import pytest
import torch

from luce.errors import ParameterError, ShapeError
from luce.nn import ExactTopK, FullSoftmax, top_k

pytestmark = pytest.mark.once

D, K = 24, 600


def skewed(dtype=torch.float64, bias=True):
    """A head and hidden states that lie near a few directions, as those of trained models do."""
    source = torch.Generator().manual_seed(0)
    scales = 2.0 ** -torch.arange(D)
    axes = torch.linalg.qr(torch.randn(D, D, generator=source)).Q
    head = FullSoftmax(D, K, bias=bias, dtype=dtype)
    with torch.no_grad():
        head.weight.copy_(3 * (torch.randn(K, D, generator=source) * scales) @ axes)
        if bias:
            head.bias.copy_(torch.randn(K, generator=source))
    hidden = (torch.randn(200, D, generator=source) * scales.sqrt()) @ axes
    return head, hidden.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("width", [None, 1, 7, D])
@pytest.mark.parametrize("sampled", [True, False])
def test_they_are_the_largest_logits(dtype, bias, width, sampled):
    head, hidden = skewed(dtype, bias)
    index = ExactTopK(head, hidden[:100] if sampled else None, width=width)
    for k in (1, 5, 100, K):
        found = index.topk(hidden[100:], k)
        expected = head.logits(hidden[100:]).topk(k)
        torch.testing.assert_close(found.logits, expected.values)
        torch.testing.assert_close(head.logits(hidden[100:]).gather(1, found.indices), found.logits)
        assert all(len(set(row)) == k for row in found.indices.tolist())


def test_rows_unlike_the_sample_are_answered_exactly():
    head, hidden = skewed()
    odd = torch.randn(50, D, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    found = ExactTopK(head, hidden).topk(10 * odd.view(5, 10, D), 4)
    expected = head.logits(10 * odd.view(5, 10, D)).topk(4)
    assert torch.equal(found.indices, expected.indices)


def test_few_logits_are_computed_where_the_bound_is_tight():
    head, hidden = skewed()
    index = ExactTopK(head, hidden[:100])
    assert index.width < D // 2
    assert index.topk(hidden[100:], 3).computed < 0.05
    scaled, plain = ExactTopK(head, hidden[:100], width=2), ExactTopK(head, width=2)
    assert scaled.topk(hidden[100:], 3).computed < plain.topk(hidden[100:], 3).computed


def test_weights_and_hidden_states_have_the_same_variances():
    head, hidden = skewed()
    index = ExactTopK(head, hidden, width=D)
    of_hidden = (index._rows(hidden) @ index._into).square().mean(0)
    of_weights = index._bounds[:, :D].square().mean(0)
    assert (of_weights.diff() <= 0).all()
    torch.testing.assert_close(of_hidden[:6], of_weights[:6], rtol=0.05, atol=0)


def test_the_bound_is_never_below_the_logit():
    head, hidden = skewed()
    index = ExactTopK(head, hidden[:100])
    rows = index._rows(hidden)
    moved = rows @ index._into
    allowed = top_k._with_rest(moved, index.width) @ index._bounds.T
    assert (allowed >= rows @ index.weight.T - 1e-9).all()


def test_ties_zeros_and_missing_numbers():
    head, hidden = skewed()
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
    found = ExactTopK(head, hidden).topk(hidden[:3], 7)
    assert not found.logits.any()
    assert all(len(set(row)) == 7 for row in found.indices.tolist())
    head, hidden = skewed()
    broken = hidden[:4].clone()
    broken[2, 5] = torch.nan
    found = ExactTopK(head, hidden).topk(broken, 2)
    assert found.logits[2].isnan().all()
    expected = head.logits(hidden[:4]).topk(2)
    torch.testing.assert_close(found.logits[[0, 1, 3]], expected.values[[0, 1, 3]])


@pytest.mark.parametrize("sampled", [True, False])
def test_impossible_classes_come_last(sampled):
    head, hidden = skewed()
    with torch.no_grad():
        head.bias[::3] = -torch.inf
    index = ExactTopK(head, hidden if sampled else None)
    possible = K - len(head.bias[::3])
    for k in (5, possible, possible + 2, K):
        found, expected = index.topk(hidden[:4], k), head.logits(hidden[:4]).topk(k)
        torch.testing.assert_close(found.logits, expected.values)
        assert (found.indices[:, :possible] % 3 > 0).all()
        assert all(len(set(row)) == k for row in found.indices.tolist())
    assert index.topk(hidden[:4], 5).computed < 1 or not sampled
    with torch.no_grad():
        head.bias.fill_(-torch.inf)
    assert (ExactTopK(head, hidden).topk(hidden[:4], 5).logits == -torch.inf).all()


def test_the_weights_are_copied():
    head, hidden = skewed()
    index = ExactTopK(head, hidden)
    before = index.topk(hidden[:5], 3)
    with torch.no_grad():
        head.weight.zero_()
    after = index.topk(hidden[:5], 3)
    assert torch.equal(before.indices, after.indices)
    assert index.topk(hidden[:0], 3).indices.shape == (0, 3)


def test_impossible_arguments_are_refused():
    head, hidden = skewed()
    with pytest.raises(ShapeError, match="last dimension"):
        ExactTopK(head, hidden[:, :5])
    with pytest.raises(ParameterError, match="k must be"):
        ExactTopK(head, hidden).topk(hidden, K + 1)
    with pytest.raises(ParameterError, match="width"):
        ExactTopK(head, hidden, width=D + 2)
