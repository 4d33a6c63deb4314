import numpy as np
import pytest
import torch
from torch import nn

from luce.errors import ParameterError
from luce.nn import ClassTree, HierarchicalSoftmax

pytestmark = pytest.mark.once

K, D = 50, 8
COUNTS = np.random.default_rng(0).zipf(1.4, K)
TREES = {
    "huffman": ClassTree.huffman(COUNTS),
    "huffman of arity 4": ClassTree.huffman(COUNTS, 4),
    "balanced": ClassTree.balanced(K),
    "full": ClassTree.balanced(49, 7),
    "two levels": ClassTree.balanced(K, 8),
    "nested": ClassTree.nested([[0, 1], [2, [3, 4, 5]], [6, [7, 8]], *range(9, K)]),
    "one node": ClassTree.balanced(K, K),
}
ANY_TREE = pytest.mark.parametrize("name", TREES)


def made(name, bias=True):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = HierarchicalSoftmax(D, TREES[name], bias=bias).double()
        if bias:
            nn.init.normal_(head.bias)
    return head


def rows(*leading, k=K, scale=2.0, seed=1):
    source = torch.Generator().manual_seed(seed)
    hidden = scale * torch.randn(*leading, D, dtype=torch.float64, generator=source)
    return hidden.requires_grad_(), torch.randint(k, leading, generator=source)


def walked(head, hidden):
    """All log-probabilities, by walking from the root to each class."""
    tree = head.tree
    z = hidden @ head.weight.T + (0 if head.bias is None else head.bias)
    out: list = [None] * tree.n_classes
    at, start = [(0, torch.zeros(len(hidden), dtype=hidden.dtype))], {}
    used = 0
    for v in range(tree.n_nodes):
        start[v] = used
        used += 1 if tree.arity == 2 else int(tree.sizes[v])
    while at:
        v, log_p = at.pop()
        if tree.arity == 2:
            own = z[:, start[v]]
            choices = [nn.functional.logsigmoid(own), nn.functional.logsigmoid(-own)]
        else:
            part = z[:, start[v] : start[v] + int(tree.sizes[v])]
            choices = list(torch.log_softmax(part, -1).unbind(1))
        for slot, choice in enumerate(choices):
            child = int(tree.children[tree.starts[v] + slot])
            if child < 0:
                at.append((-child, log_p + choice))
            else:
                out[child] = log_p + choice
    return torch.stack(out, -1)


@ANY_TREE
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_the_product_along_the_way(name, bias):
    head = made(name, bias)
    hidden, y = rows(40, k=head.n_classes)
    expected = walked(head, hidden)
    torch.testing.assert_close(head.log_prob(hidden), expected)
    loss, plain = head(hidden, y), -expected.gather(1, y[:, None]).mean()
    torch.testing.assert_close(loss, plain)
    inputs = [hidden, *head.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad(loss, inputs), torch.autograd.grad(plain, inputs)
    )


@ANY_TREE
@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0])
def test_the_likeliest_classes_are_exact(name, scale):
    head = made(name)
    hidden, _ = rows(3, 5, scale=scale)
    expected = head.log_prob(hidden)
    for k in (1, 3, 12, head.n_classes):
        found = head.topk(hidden, k)
        torch.testing.assert_close(found.log_prob, expected.topk(k).values)
        torch.testing.assert_close(expected.gather(-1, found.indices), found.log_prob)
        assert all(len(set(row)) == k for row in found.indices.flatten(0, 1).tolist())


def deep_decoy():
    """A tree in which the likeliest child of the root does not hold the likeliest class."""
    tree = ClassTree.nested([[[0, 1], [2, 3]], [[4, 5], [6, 7]]])
    head = HierarchicalSoftmax(1, tree).double()
    log_p = torch.tensor([[0.15, 0.15, 0.15, 0.15], [0.4, 0.0, 0.0, 0.0]], dtype=torch.float64)
    # The root prefers the first half by .6 to .4; within it all are alike, in the other one wins.
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
        nodes, slots = tree.paths()
        wished = log_p.flatten() + 1e-9
        for v in range(tree.n_nodes):
            inside = (nodes == v).any(axis=1)
            slot = np.where(nodes == v, slots, 0).sum(axis=1)
            first = wished[torch.as_tensor(inside & (slot == 0))].sum()
            second = wished[torch.as_tensor(inside & (slot == 1))].sum()
            head.bias[v] = torch.log(first / second)
    return head


def test_a_beam_may_be_deceived_and_the_search_without_one_is_not():
    head, hidden = deep_decoy(), torch.zeros(1, 1, dtype=torch.float64)
    assert head.topk(hidden, 1, beam=1).indices.item() in range(4)
    assert head.topk(hidden, 1).indices.item() == 4
    assert head.predict(hidden).item() == 4


def test_the_beam_is_widened_until_nothing_left_out_is_likelier(monkeypatch):
    head = HierarchicalSoftmax(D, ClassTree.balanced(2000)).double()
    hidden, _ = rows(6, k=2000, scale=4.0)
    widths, beam = [], HierarchicalSoftmax._beam

    def noted(self, given, k, width):
        widths.append((len(given), width))
        return beam(self, given, 2, 2 if width == 8 else width)

    monkeypatch.setattr(HierarchicalSoftmax, "_beam", noted)
    found = head.topk(hidden, 2)
    expected = head.log_prob(hidden).topk(2)
    torch.testing.assert_close(found.log_prob, expected.values)
    assert torch.equal(found.indices, expected.indices)
    assert len(widths) > 1


@ANY_TREE
def test_classes_are_drawn_with_their_probabilities(name):
    head, n = made(name), 6000
    hidden, _ = rows(1)
    source = torch.Generator().manual_seed(2)
    drawn = head.sample(hidden.detach().expand(n, D), generator=source)
    counts = torch.bincount(drawn, minlength=head.n_classes)
    expected = n * head.log_prob(hidden)[0].exp()
    often = expected > 5
    chi = ((counts - expected)[often] ** 2 / expected[often]).sum()
    cells = int(often.sum())
    assert chi < cells + 5 * (2 * cells) ** 0.5
    assert counts[expected < 1e-6].sum() <= 1


def test_squared_normalisers_of_all_classes_are_those_of_each_label():
    for name in TREES:
        head = made(name)
        hidden, _ = rows(4)
        shape_of_plain = super(HierarchicalSoftmax, head)._squared_normalisers
        from luce.nn import LogitShape

        torch.testing.assert_close(
            head._squared_normalisers(hidden, LogitShape(softcap=2.0)),
            shape_of_plain(hidden, LogitShape(softcap=2.0)),
        )


def test_a_label_costs_the_nodes_on_its_way(monkeypatch):
    head = HierarchicalSoftmax(D, ClassTree.balanced(900, 30)).double()
    multiplied = []

    def noted(rows, weight, groups, width):
        multiplied.extend(count * size for count, _, size in groups)
        return torch.zeros(len(rows), width, dtype=rows.dtype)

    monkeypatch.setattr("luce.nn.hierarchical_softmax.grouped_linear", noted)
    hidden, y = rows(10, k=900)
    head(hidden, y)
    assert sum(multiplied) == 10 * (30 + 30)


def test_an_impossible_beam_is_refused():
    hidden, _ = rows(2)
    with pytest.raises(ParameterError, match="beam"):
        made("balanced").topk(hidden, 3, beam=0)


def test_the_state_of_another_tree_is_refused():
    one, other = ([5, 4, 3, 2, 1], [1, 2, 3, 4, 5])
    head = HierarchicalSoftmax(4, ClassTree.huffman(one))
    same = HierarchicalSoftmax(4, ClassTree.huffman(one))
    same.load_state_dict(head.state_dict())
    hidden = torch.randn(3, 4)
    assert torch.equal(same.log_prob(hidden), head.log_prob(hidden))
    of_other = nn.Sequential(HierarchicalSoftmax(4, ClassTree.huffman(other)))
    before = of_other[0].weight.clone()
    state = nn.Sequential(head).state_dict()
    with pytest.raises(ParameterError, match=r"the tree .* saved with.*'0\.tree_fingerprint'"):
        of_other.load_state_dict(state)
    assert torch.equal(of_other[0].weight, before)
    del state["0.tree_fingerprint"]
    with pytest.raises(RuntimeError, match="tree_fingerprint"):  # torch's: a key is missing
        of_other.load_state_dict(state)
