import numpy as np
import pytest
import torch
from torch import nn

from luce.errors import ParameterError, ShapeError
from luce.nn import AdaptiveEmbedding, AdaptiveSoftmax, CostModel
from luce.nn.adaptive_softmax import _Layer

pytestmark = pytest.mark.once

K, D = 40, 16
ORDER = np.random.default_rng(0).permutation(K)
COST = CostModel(call=2e-6, product=1e-10, logit=2e-9, row=1e-9, weight=3e-9)


def embedding():
    return AdaptiveEmbedding(K, D, [8, 20], div_value=2.0, order=ORDER)


HEADS = {
    "own": lambda: AdaptiveSoftmax(D, K, [8, 20]),
    "one cluster": lambda: AdaptiveSoftmax(D, K, [10], div_value=2.0, bias=False),
    "no cluster": lambda: AdaptiveSoftmax(D, K, []),
    "ordered": lambda: AdaptiveSoftmax(D, K, [8, 20], order=ORDER),
    "tied": lambda: AdaptiveSoftmax(D, K, [8, 20], order=ORDER, weight=nn.Embedding(K, D).weight),
    "tied to an adaptive embedding": lambda: AdaptiveSoftmax(D, K, [8, 20], embedding=embedding()),
}
ANY_HEAD = pytest.mark.parametrize("name", HEADS)


def made(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = HEADS[name]().double()
        for bias in head.biases:
            nn.init.normal_(bias)
    return head


def rows(*leading, scale=1.0, seed=1):
    source = torch.Generator().manual_seed(seed)
    hidden = scale * torch.randn(*leading, D, dtype=torch.float64, generator=source)
    return hidden.requires_grad_(), torch.randint(K, leading, generator=source)


def dense(head, hidden):
    """All log-probabilities from the formula of the docstring, a class at a time."""
    weights = list(head.parts) if head.parts is not None else None
    if weights is None:
        weights = list(head.weight[head.clusters.order].split(head.clusters.sizes))
    biases = list(head.biases) or [torch.zeros(())] * len(weights)
    first = torch.cat([weights[0], head.cluster_weight])
    top = torch.log_softmax(hidden @ first.T + biases[0], -1)
    out = [None] * K
    order = range(K) if head.clusters.order is None else head.clusters.order.tolist()
    for rank, c in enumerate(order):
        j = sum(rank >= cut for cut in head.cutoffs)
        if j == 0:
            out[c] = top[:, rank]
            continue
        narrow = hidden @ head.projections[j - 1].T if len(head.projections) else hidden
        inside = torch.log_softmax(narrow @ weights[j].T + biases[j], -1)
        start = (0, *head.cutoffs)[j]
        out[c] = top[:, head.clusters.sizes[0] + j - 1] + inside[:, rank - start]
    return torch.stack(out, -1)


@ANY_HEAD
def test_it_is_the_formula(name):
    head, (hidden, y) = made(name), rows(30)
    expected = dense(head, hidden)
    torch.testing.assert_close(head.log_prob(hidden), expected)
    loss, plain = head(hidden, y), -expected.gather(1, y[:, None]).mean()
    torch.testing.assert_close(loss, plain)
    inputs = [hidden, *head.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad(loss, inputs), torch.autograd.grad(plain, inputs)
    )


def test_it_equals_torch_with_the_same_parameters():
    head, (hidden, y) = made("own"), rows(50)
    twin = nn.AdaptiveLogSoftmaxWithLoss(D, K, [8, 20], head_bias=True).double()
    with torch.no_grad():
        for bias in head.biases[1:]:
            bias.zero_()  # torch has none there
        twin.head.weight.copy_(torch.cat([head.parts[0], head.cluster_weight]))
        twin.head.bias.copy_(head.biases[0])
        for j, tail in enumerate(twin.tail):
            tail[0].weight.copy_(head.projections[j])
            tail[1].weight.copy_(head.parts[j + 1])
    torch.testing.assert_close(head(hidden, y), twin(hidden, y).loss)
    torch.testing.assert_close(head.log_prob(hidden), twin.log_prob(hidden))
    assert torch.equal(head.predict(hidden), twin.predict(hidden))


@ANY_HEAD
@pytest.mark.parametrize("scale", [0.0, 1.0, 20.0])
def test_the_likeliest_classes_are_exact(name, scale):
    head, (hidden, _) = made(name), rows(4, 9, scale=scale)
    expected = head.log_prob(hidden)
    for k in (1, 3, 12, K):
        found = head.topk(hidden, k)
        torch.testing.assert_close(found.log_prob, expected.topk(k).values)
        torch.testing.assert_close(expected.gather(-1, found.indices), found.log_prob)
        assert all(len(set(row)) == k for row in found.indices.flatten(0, 1).tolist())


def test_clusters_that_cannot_hold_a_likely_class_are_not_computed(monkeypatch):
    head, (hidden, _) = made("own"), rows(9)
    with torch.no_grad():
        head.biases[0][8:] = -50.0
    computed, call = [], _Layer.__call__

    def noted(layer, given):
        computed.append(len(given))
        return call(layer, given)

    monkeypatch.setattr(_Layer, "__call__", noted)
    head.topk(hidden, 5)
    assert computed == [9, 0, 0]


def test_every_parameter_gets_a_gradient_whatever_the_labels():
    head, (hidden, _) = made("own"), rows(5)
    head(hidden, torch.zeros(5, dtype=torch.int64)).backward()
    assert all(p.grad is not None for p in head.parameters())
    assert not head.parts[1].grad.any()


def test_tied_weights_are_shared_and_learn_once():
    table = nn.Embedding(K, D)
    head = AdaptiveSoftmax(D, K, [8, 20], weight=table.weight)
    assert head.weight is table.weight
    hidden, y = rows(5)
    head(hidden.float(), y).backward()
    assert table.weight.grad is not None
    shared = embedding()
    tied = AdaptiveSoftmax(D, K, [8, 20], embedding=shared)
    assert tied.parts[1] is shared.parts[1]
    assert tied.projections[0] is shared.projections[0]
    both = nn.ModuleList([shared, tied])
    assert len(set(map(id, both.parameters()))) == len(list(both.parameters()))


def test_counts_choose_cutoffs_and_order():
    counts = np.random.default_rng(1).permutation(1e6 / np.arange(1, 501))
    head = AdaptiveSoftmax.from_counts(32, counts, cost=COST, head_share=0.5)
    order = head.clusters.order.numpy()
    assert (np.diff(counts[order]) <= 0).all()
    assert counts[order][: head.cutoffs[0]].sum() >= 0.5 * counts.sum()
    sorted_head = AdaptiveSoftmax.from_counts(32, np.sort(counts)[::-1], cost=COST, head_share=0.5)
    assert sorted_head.clusters.order is None
    assert sorted_head.cutoffs == head.cutoffs
    again = AdaptiveSoftmax(32, 500, head.cutoffs, order=np.arange(500))
    again.load_state_dict(head.state_dict())
    hidden = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.log_prob(hidden), head.log_prob(hidden))


def test_counts_choose_cutoffs_of_shared_weights_too():
    counts, table = 1e6 / np.arange(1, 501), nn.Embedding(500, 32)
    head = AdaptiveSoftmax.from_counts(32, counts, cost=COST, weight=table.weight, head_share=0.3)
    assert head.cutoffs
    assert head.clusters.widths == (32,) * len(head.clusters.sizes)  # no projections
    hidden = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(head.log_prob(hidden).exp().sum(1), torch.ones(3))


def test_without_a_cost_model_this_machine_is_asked(monkeypatch):
    asked = []
    monkeypatch.setattr(
        CostModel, "measured", lambda *given, **kinds: asked.append((given, kinds)) or COST
    )
    AdaptiveSoftmax.from_counts(32, np.arange(100), rows=64, dtype=torch.float64)
    assert asked == [((32, 64), {"dtype": torch.float64, "device": "cpu"})]


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: AdaptiveSoftmax(D, K, [20, 8]), ParameterError, "cutoffs must be increasing"),
        (lambda: AdaptiveSoftmax(D, K, [8, K]), ParameterError, "1..39"),
        (lambda: AdaptiveSoftmax(D, K, [8], div_value=0.5), ParameterError, "div_value"),
        (lambda: AdaptiveSoftmax(D, K, [8], order=[0] * K), ParameterError, "exactly once"),
        (
            lambda: AdaptiveSoftmax(D, K, [8], weight=nn.Parameter(torch.zeros(K, 3))),
            ShapeError,
            "weight must have shape",
        ),
        (
            lambda: AdaptiveSoftmax(D, K, [9], embedding=embedding()),
            ShapeError,
            "cutoffs",
        ),
        (
            lambda: AdaptiveSoftmax(D, K, [8, 20], order=ORDER, embedding=embedding()),
            ParameterError,
            "Leave them out",
        ),
        (
            lambda: AdaptiveSoftmax.from_counts(D, [1, 2], head_share=2.0),
            ParameterError,
            "head_share",
        ),
    ],
)
def test_impossible_arguments_are_refused(call, error, told):
    with pytest.raises(error, match=told):
        call()
