import heapq
import itertools

import numpy as np
import pytest

from luce.errors import DataError, ParameterError
from luce.nn import ClassTree

pytestmark = pytest.mark.once

COUNTS = np.random.default_rng(0).zipf(1.4, 60)
TREES = {
    "huffman": ClassTree.huffman(COUNTS),
    "huffman of arity 3": ClassTree.huffman(COUNTS, 3),
    "huffman of arity 8": ClassTree.huffman(COUNTS, 8),
    "balanced": ClassTree.balanced(60),
    "two levels": ClassTree.balanced(60, 8, order=np.arange(60)[::-1]),
    "grouped": ClassTree.grouped(np.arange(60) % 7 - 3),
    "one group": ClassTree.grouped(np.zeros(60, int)),
    "nested": ClassTree.nested([[0, 1], [2, [3, 4, 5]], *range(6, 60)]),
    "a pair": ClassTree.balanced(2),
}
ANY_TREE = pytest.mark.parametrize("tree", TREES.values(), ids=TREES)


@ANY_TREE
def test_every_path_leads_from_the_root_to_its_class(tree):
    nodes, slots = tree.paths()
    for c in range(tree.n_classes):
        at = 0
        length = int((nodes[c] >= 0).sum())
        for node, slot in zip(nodes[c][:length], slots[c][:length], strict=True):
            assert node == at
            at = -tree.children[tree.starts[node] + slot]
        assert -at == c
        assert (nodes[c][length:] == -1).all()


@ANY_TREE
def test_parents_stand_before_their_children_and_are_visited_as_often(tree):
    parent, _ = tree.parents()
    inner = np.arange(1, tree.n_nodes)
    assert parent[0] == -1
    assert (parent[inner] < inner).all()
    assert (tree.visits[parent[inner]] >= tree.visits[inner]).all()
    assert (np.diff(tree.visits) <= 0).all()
    assert (tree.sizes >= 2).all()


def shortest_mean_length(counts):
    """The mean length of a binary Huffman code, by the textbook's heap."""
    heap = [float(count) for count in counts]
    heapq.heapify(heap)
    total = 0.0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        total += merged
        heapq.heappush(heap, merged)
    return total / counts.sum()


@pytest.mark.parametrize("seed", range(5))
def test_huffman_trees_have_the_shortest_ways(seed):
    counts = np.random.default_rng(seed).zipf(1.3, 40)
    tree = ClassTree.huffman(counts)
    lengths = (tree.paths().nodes >= 0).sum(axis=1)
    assert lengths @ counts / counts.sum() == pytest.approx(shortest_mean_length(counts))
    assert tree.visits.sum() == pytest.approx(shortest_mean_length(counts))
    p = counts / counts.sum()
    assert -(p @ np.log2(p)) <= tree.visits.sum() < -(p @ np.log2(p)) + 1


@pytest.mark.parametrize("arity", [3, 4, 7])
def test_wide_huffman_trees_have_one_node_that_is_not_full(arity):
    for k in range(2, 30):
        tree = ClassTree.huffman(np.arange(1, k + 1), arity)
        assert (tree.sizes < arity).sum() <= 1
        assert tree.n_classes == k


def test_wide_huffman_trees_are_the_best_of_all_small_ones():
    counts = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    best = min(
        ClassTree.nested(shape, counts).visits.sum()
        for order in itertools.permutations(range(5))
        for shape in ([order[0], order[1], list(order[2:])], [list(order[:3]), *order[3:]])
    )
    assert ClassTree.huffman(counts, 3).visits.sum() == pytest.approx(best)


@pytest.mark.parametrize(("k", "arity", "depth"), [(64, 2, 6), (65, 2, 7), (60, 8, 2), (5, 9, 1)])
def test_balanced_trees_are_as_deep_as_they_must_be(k, arity, depth):
    lengths = (ClassTree.balanced(k, arity).paths().nodes >= 0).sum(axis=1)
    assert lengths.max() == depth
    assert lengths.min() >= depth - 1


def test_neighbours_of_an_order_share_nodes():
    order = np.random.default_rng(1).permutation(64)
    nodes, _ = ClassTree.balanced(64, 8, order=order).paths()
    groups = nodes[order, 1].reshape(8, 8)
    assert (groups == groups[:, :1]).all()


def test_groups_are_kept_and_lonely_classes_hang_on_the_root():
    tree = ClassTree.grouped([4, 4, 9, 4, 7, 7])
    nodes, _ = tree.paths()
    assert nodes[0, 1] == nodes[1, 1] == nodes[3, 1]
    assert nodes[4, 1] == nodes[5, 1] != nodes[0, 1]
    assert nodes[2].tolist() == [0, -1]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: ClassTree.huffman([1.0, np.nan]), "class 1"),
        (lambda: ClassTree.huffman([3]), "2 or more"),
        (lambda: ClassTree.huffman([1, 2], arity=1), "arity must be"),
        (lambda: ClassTree.balanced(1), "n_classes must be"),
        (lambda: ClassTree.balanced(3, order=[0, 0, 1]), "exactly once"),
        (lambda: ClassTree.balanced(3, counts=[1, 2]), r"\(3,\)"),
        (lambda: ClassTree.nested([[0], 1]), "two members"),
        (lambda: ClassTree.nested([[0, 2], 3]), "exactly once"),
        (lambda: ClassTree.grouped([0.5, 1.0]), "one integer"),
    ],
)
def test_impossible_trees_are_refused(call, told):
    with pytest.raises((ParameterError, DataError), match=told):
        call()
