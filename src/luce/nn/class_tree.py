"""Trees whose leaves are the classes: Huffman, balanced, by groups, or given."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luce.errors import ParameterError
from luce.nn.class_counts import as_counts

Integers = NDArray[np.int64]


class Paths(NamedTuple):
    """The way from the root to each class, padded at the end with -1."""

    nodes: Integers
    """(k, depth): the inner nodes on the way, the root first."""
    slots: Integers
    """(k, depth): which child the way goes on with at each of them."""


@dataclass(frozen=True, eq=False)
class ClassTree:
    """A tree whose leaves are the classes ``0..k-1``; every inner node has two children or more.

    Inner nodes are numbered by the number of times that they are visited, the root is 0, and a
    parent always stands before its children. Make one with :meth:`huffman`, :meth:`balanced`,
    :meth:`grouped` or :meth:`nested`.

    Parameters
    ----------
    children : ndarray of int64, shape (inner nodes + k - 1,)
        The children of all nodes, one node after the other: class ``c`` as ``c``, node ``v`` as
        ``-v`` (the root is nobody's child).
    starts : ndarray of int64, shape (inner nodes + 1,)
        Where the children of each node begin.
    visits : ndarray of float64, shape (inner nodes,)
        The part of all rows whose way leads through each node, by the counts that were given.

    Examples
    --------
    >>> from luce.nn import ClassTree
    >>> tree = ClassTree.huffman([10, 4, 3, 1])
    >>> tree.paths().nodes.tolist()
    [[0, -1, -1], [0, 1, -1], [0, 1, 2], [0, 1, 2]]
    >>> print(tree)
    binary tree of 4 classes, depth 3, 1.67 nodes a class
    """

    children: Integers
    starts: Integers
    visits: NDArray[np.float64]

    @classmethod
    def huffman(cls, counts: ArrayLike, arity: int = 2) -> "ClassTree":
        """Return the tree with the shortest ways on average (Huffman 1952, Proc. IRE 40(9)).

        Parameters
        ----------
        counts : array_like, shape (k,)
            How often each class occurs; 0 is allowed.
        arity : int
            The number of children of a node; one node may have fewer.

        Returns
        -------
        ClassTree
            Frequent classes stand near the root: a binary way has less than
            ``entropy + 1`` nodes on average.
        """
        number = as_counts(counts, least=2)
        parents, class_parents = _merged(number, _checked_arity(arity))
        return cls._of_parents(parents, class_parents, number)

    @classmethod
    def balanced(
        cls,
        n_classes: int,
        arity: int = 2,
        *,
        order: ArrayLike | None = None,
        counts: ArrayLike | None = None,
    ) -> "ClassTree":
        """Return a tree in which all classes lie at about the same depth.

        Parameters
        ----------
        n_classes : int
            The number ``k`` of classes, at least 2.
        arity : int
            The number of children of a node; ``ceil(sqrt(k))`` gives two levels.
        order : array_like, shape (k,), optional
            The classes from left to right: neighbours share nodes, so similar ones should stand
            together (:func:`luce.nn.similarity_order`). None takes ``0..k-1``.
        counts : array_like, shape (k,), optional
            How often each class occurs, for `visits` alone. None takes all alike.

        Returns
        -------
        ClassTree
            Of depth ``ceil(log(k) / log(arity))``.
        """
        k = _checked_classes(n_classes)
        number = np.ones(k) if counts is None else as_counts(counts, k)
        parents, by_place = _split(k, _checked_arity(arity))
        if order is None:
            return cls._of_parents(parents, by_place, number)
        class_parents = np.empty_like(by_place)
        class_parents[as_permutation(order, k)] = by_place
        return cls._of_parents(parents, class_parents, number)

    @classmethod
    def grouped(cls, groups: ArrayLike, counts: ArrayLike | None = None) -> "ClassTree":
        """Return the tree of two levels in which the root chooses among groups of classes.

        Parameters
        ----------
        groups : array_like, shape (k,)
            The group of each class, any integers.
        counts : array_like, shape (k,), optional
            How often each class occurs, for `visits` alone. None takes all alike.

        Returns
        -------
        ClassTree
            A class alone in its group hangs on the root itself.
        """
        given = np.asarray(groups)
        if given.ndim != 1 or given.dtype.kind not in "iu" or len(given) < 2:
            raise ParameterError(
                f"groups must hold one integer for each class, got {given.dtype} of shape "
                f"{given.shape}. Pass an array of shape (k,)."
            )
        number = np.ones(len(given)) if counts is None else as_counts(counts, len(given))
        _, group, sizes = np.unique(given, return_inverse=True, return_counts=True)
        if len(sizes) == 1:
            return cls._of_parents(np.array([-1]), group.astype(np.int64), number)
        node = np.where(sizes > 1, np.cumsum(sizes > 1), 0)  # of each group; 0 is the root
        parents = np.zeros(int(node.max()) + 1, np.int64)
        parents[0] = -1
        return cls._of_parents(parents, node[group], number)

    @classmethod
    def nested(cls, tree: Sequence[Any], counts: ArrayLike | None = None) -> "ClassTree":
        """Return the tree that nested lists of classes describe.

        Parameters
        ----------
        tree : sequence
            A list of the root's children, each a class or again a list: ``[[0, 1], [2, [3, 4]]]``.
        counts : array_like, shape (k,), optional
            How often each class occurs, for `visits` alone. None takes all alike.

        Returns
        -------
        ClassTree
            The same tree.
        """
        parents, leaves, leaf_parents = [-1], list[int](), list[int]()
        open_lists: list[tuple[int, Sequence[Any]]] = [(0, tree)]
        while open_lists:
            node, members = open_lists.pop()
            if len(members) < 2:
                raise ParameterError(
                    f"each list of the tree must have two members or more, got {members!r:.80}."
                    " Write a single class without a list of its own."
                )
            for member in members:
                if isinstance(member, (int, np.integer)):
                    leaves.append(int(member))
                    leaf_parents.append(node)
                else:
                    open_lists.append((len(parents), member))
                    parents.append(node)
        k = len(leaves)
        number = np.ones(k) if counts is None else as_counts(counts, k)
        class_parents = np.empty(k, np.int64)
        class_parents[as_permutation(leaves, k)] = leaf_parents
        return cls._of_parents(np.array(parents), class_parents, number)

    @classmethod
    def _of_parents(
        cls, parents: Integers, class_parents: Integers, counts: NDArray[np.float64]
    ) -> "ClassTree":
        """Number the nodes; `parents` is -1 for the root alone."""
        mass, depth = np.zeros(len(parents)), np.zeros(len(parents), np.int64)
        at = class_parents
        while (at >= 0).any():  # one step up at a time
            mass += np.bincount(at[at >= 0], counts[at >= 0], len(parents))
            at = np.where(at >= 0, parents[at], -1)
        at = parents
        while (at >= 0).any():
            depth += at >= 0
            at = np.where(at >= 0, parents[at], -1)
        old = np.lexsort((depth, -mass))  # a child is visited no more often than its parent
        new = np.empty_like(old)
        new[old] = np.arange(len(old))
        inner, leaves = np.arange(1, len(old)), np.arange(len(class_parents))
        children = np.concatenate([-inner, leaves])
        owner = new[np.concatenate([parents[old[1:]], class_parents])]
        place = np.argsort(owner, kind="stable")
        sizes = np.bincount(owner, minlength=len(old))
        starts = np.concatenate([[0], sizes.cumsum()])
        total = counts.sum()
        return cls(children[place], starts, mass[old] / (total if total > 0 else 1.0))

    @property
    def n_classes(self) -> int:
        """The number of leaves."""
        return len(self.children) - self.n_nodes + 1

    @property
    def n_nodes(self) -> int:
        """The number of inner nodes."""
        return len(self.starts) - 1

    @property
    def sizes(self) -> Integers:
        """The number of children of each inner node."""
        return np.diff(self.starts)

    @property
    def arity(self) -> int:
        """The largest number of children."""
        return int(self.sizes.max())

    def parents(self) -> tuple[Integers, Integers]:
        """Return the parent and the slot of every child, first all inner nodes, then all classes.

        The root has the parent -1.
        """
        owner = np.repeat(np.arange(self.n_nodes), self.sizes)
        slot = np.arange(len(self.children)) - self.starts[owner]
        place = np.where(self.children < 0, -self.children, self.children + self.n_nodes)
        parent = np.full(self.n_nodes + self.n_classes, -1)
        slots = np.full(self.n_nodes + self.n_classes, -1)
        parent[place], slots[place] = owner, slot
        return parent, slots

    def paths(self) -> Paths:
        """Return the way from the root to each class."""
        parent, slot = self.parents()
        at = np.arange(self.n_nodes, self.n_nodes + self.n_classes)
        nodes, slots = [], []
        while (at > 0).any():  # the root is 0; who has arrived there stays
            on_way = at > 0
            nodes.append(np.where(on_way, parent[at], -1))
            slots.append(np.where(on_way, slot[at], -1))
            at = np.where(on_way, parent[at], 0)
        upward = np.stack(nodes, axis=1), np.stack(slots, axis=1)  # (k, depth), the root last
        length = (upward[0] >= 0).sum(axis=1, keepdims=True)
        step = np.arange(upward[0].shape[1])[None, :]
        turned = np.where(step < length, length - 1 - step, step)
        return Paths(*(np.take_along_axis(way, turned, axis=1) for way in upward))

    def __str__(self) -> str:
        kind = "binary tree" if self.arity == 2 else f"tree of arity {self.arity}"
        depth = self.paths().nodes.shape[1]
        return (
            f"{kind} of {self.n_classes} classes, depth {depth}, "
            f"{self.visits.sum():.2f} nodes a class"
        )


def _merged(counts: NDArray[np.float64], arity: int) -> tuple[Integers, Integers]:
    """Merge the rarest again and again; two queues keep all sorted (van Leeuwen 1976)."""
    k = len(counts)
    leaves = np.argsort(counts, kind="stable").tolist()
    waiting = counts[leaves].tolist()
    masses: list[float] = []
    parent_of: list[int] = []  # of each inner node
    class_parents = np.empty(k, np.int64)
    leaf = inner = 0
    take = 2 + (k - 2) % (arity - 1)  # the first takes fewer, so that all others are full
    while len(masses) - inner + k - leaf > 1:
        mass = 0.0
        for _ in range(take):
            node_next = inner < len(masses)
            if leaf < k and not (node_next and masses[inner] < waiting[leaf]):
                mass += waiting[leaf]
                class_parents[leaves[leaf]] = len(masses)
                leaf += 1
            else:
                mass += masses[inner]
                parent_of[inner] = len(masses)
                inner += 1
        masses.append(mass)
        parent_of.append(-1)
        take = arity
    return np.array(parent_of), class_parents


def _split(k: int, arity: int) -> tuple[Integers, Integers]:
    """Cut ``0..k-1`` into `arity` parts of nearly equal sizes, and these again."""
    parents, leaf_parents = [-1], np.empty(k, np.int64)
    open_ranges = [(0, 0, k)]
    while open_ranges:
        node, start, stop = open_ranges.pop()
        parts = min(arity, stop - start)
        edges = (start + np.arange(parts + 1) * (stop - start) // parts).tolist()
        for left, right in pairwise(edges):
            if right - left == 1:
                leaf_parents[left] = node
            else:
                open_ranges.append((len(parents), left, right))
                parents.append(node)
    return np.array(parents), leaf_parents


def as_permutation(order: ArrayLike, k: int) -> Integers:
    """Return an order of all classes, checked."""
    given = np.asarray(order)
    if given.shape != (k,) or not np.array_equal(np.sort(given), np.arange(k)):
        raise ParameterError(
            f"each class 0..{k - 1} must occur exactly once, got {given!r:.80}. List every class."
        )
    return given.astype(np.int64)


def _checked_arity(arity: int) -> int:
    if isinstance(arity, bool) or not isinstance(arity, (int, np.integer)) or arity < 2:
        raise ParameterError(f"arity must be an integer of at least 2, got {arity!r}. Pass 2.")
    return int(arity)


def _checked_classes(n_classes: int) -> int:
    whole = isinstance(n_classes, (int, np.integer)) and not isinstance(n_classes, bool)
    if not whole or n_classes < 2:
        raise ParameterError(
            f"n_classes must be an integer of at least 2, got {n_classes!r}. A tree needs a choice."
        )
    return int(n_classes)
