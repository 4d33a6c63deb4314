import pytest
import torch

from luce.nn import EntmaxHead, FullSoftmax, SparsemaxHead, tsallis_loss
from luce.nn import functional as F

pytestmark = pytest.mark.once

WIDTH, CLASSES = 6, 12


def made(kind, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = kind(WIDTH, CLASSES, **options).double()
        torch.nn.init.normal_(head.classes.weight)
    return head


def rows(n):
    source = torch.Generator().manual_seed(1)
    return torch.randn(n, WIDTH, generator=source, dtype=torch.float64)


def test_alpha_1_is_the_cross_entropy_with_every_option():
    head, hidden, target = made(EntmaxHead, alpha=1.0), rows(9), torch.arange(9)
    full = FullSoftmax(WIDTH, CLASSES).double()
    full.load_state_dict(head.classes.state_dict())
    soft = rows(2 * CLASSES)[:, : CLASSES // 2].reshape(-1, CLASSES)[:9].softmax(dim=1)
    for given in (target, soft):
        for options in (
            {},
            {"label_smoothing": 0.1, "z_loss": 0.1, "focal_gamma": 0.5, "softcap": 3.0},
            {"weight": torch.arange(1.0, CLASSES + 1).double(), "temperature": 2.0},
        ):
            torch.testing.assert_close(
                head(hidden, given, **options), full(hidden, given, **options)
            )
    torch.testing.assert_close(head.log_prob(hidden), full.log_prob(hidden))


@pytest.mark.parametrize("alpha", [1.2, 1.5, 2.0, 3.0])
def test_labels_have_the_loss_of_the_functional_and_distributions_its_gradient(alpha):
    head, target = made(EntmaxHead, alpha=alpha), torch.arange(9)
    hidden = rows(9).requires_grad_()
    torch.testing.assert_close(
        head(hidden, target), F.entmax_loss(head.logits(hidden), target, alpha=alpha)
    )
    q = torch.softmax(rows(CLASSES).T.repeat(2, 1)[:9], dim=1)
    soft, twin = head(hidden, q), F.entmax_loss(head.logits(hidden), q, alpha=alpha)
    torch.testing.assert_close(torch.autograd.grad(soft, hidden), torch.autograd.grad(twin, hidden))
    negentropy = ((q**alpha - q) / (alpha * (alpha - 1))).sum(1).mean()
    torch.testing.assert_close(soft, twin - negentropy)


def test_sparsemax_is_entmax_with_alpha_2():
    head, hidden, target = made(SparsemaxHead), rows(9), torch.arange(9)
    twin = made(EntmaxHead, alpha=2.0)
    torch.testing.assert_close(head(hidden, target), twin(hidden, target))
    torch.testing.assert_close(head(hidden, target), F.sparsemax_loss(head.logits(hidden), target))
    torch.testing.assert_close(head.log_prob(hidden).exp(), F.sparsemax(head.logits(hidden)))
    assert head.log_prob(hidden).isneginf().any()


def test_a_confident_row_costs_nothing_and_a_wrong_one_costs_what_its_logits_say():
    head = made(SparsemaxHead)
    with torch.no_grad():
        head.classes.weight.zero_()
        head.classes.bias.zero_()
        head.classes.bias[4] = 1e8
    hidden, target = rows(2), torch.tensor([4, 5])
    losses = head(hidden, target, reduction="none")
    assert losses.tolist() == [0.0, 1e8 - 0.5 + 0.5]  # the margin, and no rounding at 1e16
    (slope,) = torch.autograd.grad(losses.sum(), head.classes.bias)
    assert slope[4] == 1
    assert slope[5] == -1


def test_samples_come_from_the_support():
    head, hidden = made(SparsemaxHead), rows(200)
    drawn = head.sample(hidden, generator=torch.Generator().manual_seed(0))
    assert head.log_prob(hidden).gather(1, drawn[:, None]).isfinite().all()


@pytest.mark.parametrize("alpha", [1.3, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_fused_loss_is_the_composed_one_in_chunks_too(alpha, bias, reduction, monkeypatch):
    """A z-loss of next to nothing takes the way through all logits."""
    monkeypatch.setattr(tsallis_loss, "_CHUNK", 2 * CLASSES)
    head, y = made(EntmaxHead, alpha=alpha, bias=bias), torch.arange(9)
    y[4] = -100
    weight = torch.rand(CLASSES, generator=torch.Generator().manual_seed(2)).double()
    options = {"ignore_index": -100, "weight": weight, "reduction": reduction}
    got = []
    for more in ({}, {"z_loss": 1e-300}):
        hidden = rows(9).requires_grad_()
        loss = head(hidden, y, **options, **more)
        each = torch.arange(9).double() if reduction == "none" else torch.tensor(0.5).double()
        got.append([loss, *torch.autograd.grad(loss, [hidden, *head.parameters()], each)])
    for one, other in zip(*got, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_a_second_pass_through_a_graph_that_was_retained_gives_the_same():
    head, hidden = made(SparsemaxHead), rows(9).requires_grad_()
    loss = head(hidden, torch.arange(9))
    first = torch.autograd.grad(loss, head.classes.weight, retain_graph=True)
    torch.testing.assert_close(first, torch.autograd.grad(loss, head.classes.weight))


def test_the_gradient_of_a_sure_label_is_not_rounded_away():
    head = EntmaxHead(WIDTH, CLASSES, alpha=1.1).float()
    with torch.no_grad():
        head.classes.weight.zero_()
        head.classes.bias.zero_()
        head.classes.bias[3] = 8.0
    (slope,) = torch.autograd.grad(
        head(torch.zeros(1, WIDTH), torch.tensor([3])), head.classes.bias
    )
    assert 0 < slope[0] < 2e-7
    assert slope[3] == pytest.approx(-float(slope[0]) * (CLASSES - 1), rel=1e-5)
