"""A softmax at each node of a tree: the cost of a label is that of its way from the root."""

from hashlib import sha256
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn import functional as F

from luce._checks import as_count
from luce.errors import ParameterError
from luce.nn.class_tree import ClassTree
from luce.nn.eager import is_transformed, widened
from luce.nn.functional.log_softmax import log_softmax
from luce.nn.grouped_linear import grouped_linear
from luce.nn.head import FactoredHead, TopK, sample_from
from luce.nn.logit_shape import LogitShape

_OFTEN = 1 / 16  # of the rows; a node visited more often is cheaper computed for all of them


class HierarchicalSoftmax(FactoredHead):
    r"""Probability of a class as the product of the choices on its way through a tree.

    .. math::
        \log p(c \mid h) = \sum_{v \text{ on the way to } c}
        \log \operatorname{softmax}(W_v h + b_v)_{\text{slot}(v, c)}

    Equals :meth:`log_prob` at the label, which is computed for all classes as one matrix product
    and a sum along each way; nothing is approximated. The choice at a node of a binary tree takes
    one vector, for the first child; the logit of the second is 0 (a sigmoid, as in word2vec).

    Saves: a label costs the logits on its way instead of all ``k``: about ``log2(k)`` in a binary
    tree, ``2 sqrt(k)`` in one of two levels (`ClassTree.balanced` with an arity of
    ``ceil(sqrt(k))``). 700 rows of width 200 with 30,000 classes take about a thirtieth of the
    time of one softmax over all, for binary Huffman trees as for wide ones: nodes that most rows
    visit are computed by one product for all rows, the others from gathered vectors or, in wide
    trees, by a product for each node. Costs: another model, which depends on the tree (similar
    classes should share nodes, :func:`luce.nn.similarity_order`): Morin & Bengio (2005, AISTATS)
    and Grave et al. (2017, arXiv 1609.04309) report perplexities 13 and 15 % above the full
    softmax's. And two tables of ``k`` ways as long as the deepest, 16 bytes a step.

    Parameters
    ----------
    in_features : int
        The width ``d`` of the hidden rows.
    tree : ClassTree
        The tree; its leaves are the classes.
    bias : bool
        Whether each choice has a bias.
    device : torch.device or str, optional
        Where the parameters are made.
    dtype : torch.dtype, optional
        Their dtype.

    Notes
    -----
    Softcap and temperature apply to the logits of every node, the z-loss to the normalisers of
    the nodes on the label's way. Under ``torch.compile``, ``torch.func`` and export shapes must
    not depend on the labels: binary trees then compute all ways padded to the deepest, others
    all nodes.

    What a row of the weights means depends on the tree. It is not stored, but a `state_dict` holds
    its fingerprint, and loading it into a head with another tree raises ParameterError.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import ClassTree, HierarchicalSoftmax
    >>> head = HierarchicalSoftmax(8, ClassTree.huffman([10, 4, 3, 1]))
    >>> loss = head(torch.randn(5, 8), torch.tensor([0, 1, 2, 3, 0]))
    >>> head.log_prob(torch.randn(2, 8)).exp().sum(-1).round(decimals=4).tolist()
    [1.0, 1.0]
    """

    tree_fingerprint: Tensor
    _path_nodes: Tensor
    _path_slots: Tensor
    _rows: Tensor
    _children: Tensor
    _missing: Tensor
    _up: Tensor
    _edge: Tensor

    def __init__(
        self,
        in_features: int,
        tree: ClassTree,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, tree.n_classes)
        self.tree = tree
        self.arity = tree.arity
        sizes = np.ones(tree.n_nodes, np.int64) if self.arity == 2 else tree.sizes
        starts = np.concatenate([[0], sizes.cumsum()])  # of the weights of each node
        self._spans = list(zip(starts[:-1].tolist(), sizes.tolist(), strict=True))
        self._often = max(1, int((tree.visits >= _OFTEN).sum()))
        self._full = bool((tree.sizes == self.arity).all())
        for name, array in _tables(tree, starts).items():
            self.register_buffer(name, torch.as_tensor(array, device=device), persistent=False)
        self.register_buffer("tree_fingerprint", _fingerprint(tree).to(device))
        self.register_load_state_dict_pre_hook(_refuse_another_tree)
        self._level_sizes = np.bincount(_depths(tree)).tolist()
        rows = int(starts[-1])
        self.weight = Parameter(torch.empty(rows, in_features, device=device, dtype=dtype))
        self.bias = Parameter(torch.empty(rows, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights as `torch.nn.Linear` does; the biases are 0."""
        bound = self.in_features**-0.5
        torch.nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            torch.nn.init.zeros_(self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, tree={self.tree}, bias={self.bias is not None}"

    def predict(self, hidden: Tensor) -> Tensor:
        return self.topk(hidden, 1).indices[..., 0]

    def topk(self, hidden: Tensor, k: int, *, beam: int | None = None) -> TopK:
        """Return the `k` likeliest classes, the likeliest first.

        Parameters
        ----------
        hidden : Tensor, shape (..., in_features)
            Hidden states.
        k : int
            How many classes.
        beam : int, optional
            Only so many nodes of each depth are followed: fast, and not always right. None is
            exact: the beam is widened for those rows where a node that was left out is likelier
            than the ``k``-th best class, since no class is likelier than a node on its way.

        Returns
        -------
        TopK
            Of shape (..., k).
        """
        wanted = as_count(k, self.n_classes, "k")
        if is_transformed():
            return super().topk(hidden, wanted)
        rows = self.rows_of(hidden)
        width = max(wanted, 8) if beam is None else as_count(beam, self.tree.n_nodes, "beam")
        best, classes, left_out = self._beam(rows, wanted, width)
        while beam is None:
            row = (left_out > best[:, -1]).nonzero()[:, 0]
            if not len(row):
                break
            width *= 4
            if 2 * width * self.arity > self.n_classes:
                found = self._log_prob(rows[row], LogitShape()).topk(wanted)
                more = found.values, found.indices, best.new_full((len(row),), -torch.inf)
            else:
                more = self._beam(rows[row], wanted, width)
            best = best.index_copy(0, row, more[0])
            classes = classes.index_copy(0, row, more[1])
            left_out = left_out.index_copy(0, row, more[2])
        leading = (*hidden.shape[:-1], wanted)
        return TopK(best.reshape(leading), classes.reshape(leading))

    def sample(self, hidden: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Return a class for each row, drawn on the way down: O(depth), not O(n_classes)."""
        if is_transformed():
            return super().sample(hidden, generator=generator)
        rows = self.rows_of(hidden)
        drawn = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
        row, node = torch.arange(len(rows), device=rows.device), drawn
        while len(row):
            logits = self._logits(rows, row, node)
            choices, _ = self._softmax_at(logits, node, LogitShape())
            child = self._children[node, sample_from(choices, generator)]
            drawn = drawn.index_copy(0, row, child)
            inner = (child < 0).nonzero()[:, 0]
            row, node = row[inner], -child[inner]
        return drawn.reshape(hidden.shape[:-1])

    def _beam(self, rows: Tensor, k: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
        """Follow the `width` likeliest nodes of each depth from the root.

        Returns the k best classes met (n, k), which they are, and the log-probability of the
        likeliest node that was not followed (n,).
        """
        n, here = len(rows), rows.device
        kind = widened(rows).dtype
        best = torch.full((n, k), -torch.inf, dtype=kind, device=here)
        classes = torch.zeros(n, k, dtype=torch.int64, device=here)
        left_out = torch.full((n,), -torch.inf, dtype=kind, device=here)
        nodes = torch.zeros(n, 1, dtype=torch.int64, device=here)
        reached = torch.zeros(n, 1, dtype=kind, device=here)
        for _ in self._level_sizes:
            row, place = (reached > -torch.inf).nonzero(as_tuple=True)
            node = nodes[row, place]
            choices, _ = self._softmax_at(self._logits(rows, row, node), node, LogitShape())
            children = self._children.new_zeros(*nodes.shape, self.arity)
            log_p = reached.new_full(children.shape, -torch.inf)
            children[row, place] = self._children[node]
            log_p[row, place] = choices.to(kind) + reached[row, place, None]
            children, log_p = children.flatten(1), log_p.flatten(1)
            leaf = children >= 0
            found = torch.cat([best, log_p.masked_fill(~leaf, -torch.inf)], 1)
            best, of = found.topk(k, dim=1)
            classes = torch.cat([classes, children], 1).gather(1, of)
            inner, of = log_p.masked_fill(leaf, -torch.inf).sort(dim=1, descending=True)
            if inner.shape[1] > width:
                left_out = torch.maximum(left_out, inner[:, width])
            # What cannot be among the best any more need not be followed.
            reached = inner[:, :width]
            reached = reached.masked_fill(reached <= best[:, -1:], -torch.inf)
            nodes = -children.gather(1, of[:, :width])
        return best, classes, left_out

    def _log_prob(self, hidden: Tensor, shape: LogitShape) -> Tensor:
        choices, _ = self._choices(hidden, shape)  # (n, nodes, arity)
        flat = choices.flatten(1)
        reached = [torch.zeros_like(flat[:, :1])]  # an exporter must not take the rows for a number
        start = 1
        for size in self._level_sizes[1:]:  # the nodes of one depth after the other
            part = slice(start, start + size)
            above = reached[-1].index_select(1, self._up[part])
            reached.append(above + flat.index_select(1, self._edge[part]))
            start += size
        nodes = torch.cat(reached, 1)  # (n, nodes), by depth
        leaves = slice(start, None)
        return nodes.index_select(1, self._up[leaves]) + flat.index_select(1, self._edge[leaves])

    def _target_log_prob(
        self, hidden: Tensor, labels: Tensor, shape: LogitShape
    ) -> tuple[Tensor, Tensor]:
        nodes, slots = self._path_nodes[labels], self._path_slots[labels]  # (n, depth)
        if is_transformed():
            return self._along_padded_paths(hidden, nodes, slots, shape)
        row, step = (nodes >= 0).nonzero(as_tuple=True)  # (visits,)
        node, slot = nodes[row, step], slots[row, step]
        choices, normaliser = self._softmax_at(self._logits(hidden, row, node), node, shape)
        log_p = choices.gather(1, slot[:, None])[:, 0]
        zeros = log_p.new_zeros(len(hidden))
        squares = zeros.index_add(0, row, normaliser.square())
        return zeros.index_add(0, row, log_p), squares

    def _along_padded_paths(
        self, hidden: Tensor, nodes: Tensor, slots: Tensor, shape: LogitShape
    ) -> tuple[Tensor, Tensor]:
        """Return the same with shapes that the labels do not change."""
        used, node, slot = nodes >= 0, nodes.clamp(min=0), slots.clamp(min=0)  # (n, depth)
        if self.arity == 2:
            row = torch.arange(len(hidden), device=hidden.device)[:, None].expand_as(node)
            z = self._gathered(hidden, row.flatten(), node.flatten())
            choices, normaliser = self._softmax_at(z, node.flatten(), shape)
            log_p = choices.gather(1, slot.view(-1, 1)).view_as(node)
            normaliser = normaliser.view_as(node)
        else:
            every, normalisers = self._choices(hidden, shape)
            log_p = every.flatten(1).gather(1, node * self.arity + slot)
            normaliser = normalisers.gather(1, node)
        return (log_p * used).sum(1), (normaliser.square() * used).sum(1)

    def _squared_normalisers(self, hidden: Tensor, shape: LogitShape) -> Tensor:
        _, normaliser = self._choices(hidden, shape)  # (n, nodes)
        squares = F.pad(normaliser.square(), (0, 1))  # the 0 stands for the end of short ways
        total = squares.new_zeros(len(hidden), self.n_classes)
        for step in self._path_nodes.unbind(1):
            total = total + squares.index_select(1, step % squares.shape[1])
        return total

    def _choices(self, hidden: Tensor, shape: LogitShape) -> tuple[Tensor, Tensor]:
        """Return log-probabilities of all choices (n, nodes, arity), and their normalisers."""
        z = F.linear(hidden, self.weight, self.bias)
        if self.arity == 2:
            logits = torch.stack([z, torch.zeros_like(z)], -1)
        elif self._full:
            logits = z.reshape(-1, *self._rows.shape)
        else:
            padded = F.pad(z, (0, 1))
            logits = padded.index_select(1, self._rows.flatten()).reshape(-1, *self._rows.shape)
        return self._softmax_at(logits, slice(None), shape)

    def _softmax_at(
        self, logits: Tensor, nodes: Tensor | slice, shape: LogitShape
    ) -> tuple[Tensor, Tensor]:
        z = shape(logits)
        if not self._full:
            z = z.masked_fill(self._missing[nodes], -torch.inf)
        log_p = log_softmax(z)
        top = z.argmax(-1, keepdim=True)
        return log_p, (z.gather(-1, top) - log_p.gather(-1, top))[..., 0]

    def _logits(self, hidden: Tensor, row: Tensor, node: Tensor) -> Tensor:
        """Return the logits of the choices (visits, arity) of some rows at some nodes."""
        if self.arity > 2:
            return self._grouped(hidden, row, node)
        often = node < self._often
        for_all = F.linear(hidden, self.weight[: self._often], _part(self.bias, self._often))
        seldom = (~often).nonzero()[:, 0]
        common = for_all[row, node.clamp(max=self._often - 1)]  # (visits,)
        own = self._gathered(hidden, row[seldom], node[seldom])[:, 0]
        z = torch.where(often, common, 0).index_add(0, seldom, own.to(common.dtype))
        return torch.stack([z, torch.zeros_like(z)], -1)

    def _gathered(self, hidden: Tensor, row: Tensor, node: Tensor) -> Tensor:
        """Return the same for a binary tree, from a copy of the weights of each visit."""
        z = (hidden[row] * F.embedding(node, self.weight)).sum(-1)
        if self.bias is not None:
            z = z + self.bias[node]
        return torch.stack([z, torch.zeros_like(z)], -1)

    def _grouped(self, hidden: Tensor, row: Tensor, node: Tensor) -> Tensor:
        """Return the same from one product for each node."""
        sorted_node, order = node.sort(stable=True)
        visited, counts = torch.unique_consecutive(sorted_node, return_counts=True)
        groups = [
            (count, *self._spans[v])
            for v, count in zip(visited.tolist(), counts.tolist(), strict=True)
        ]
        rows = hidden[row[order]]
        weight: Tensor = self.weight
        if torch.is_autocast_enabled(rows.device.type):
            kind = torch.get_autocast_dtype(rows.device.type)
            rows, weight = rows.to(kind), weight.to(kind)
        z = grouped_linear(rows, weight, groups, self.arity)
        z = torch.zeros_like(z).index_copy(0, order, z)
        if self.bias is not None:
            z = z + F.pad(self.bias, (0, 1))[self._rows[node]]
        return z


def _tables(tree: ClassTree, starts: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return what is looked up: all of it follows from the tree, and is not stored."""
    slot = np.arange(tree.arity)
    exists = slot < tree.sizes[:, None]  # (nodes, arity)
    children = np.zeros(exists.shape, np.int64)
    children[exists] = tree.children
    rows = np.where(slot < np.diff(starts)[:, None], starts[:-1, None] + slot, starts[-1])
    parent, place = tree.parents()
    by_depth = np.argsort(_depths(tree), kind="stable")
    position = np.empty_like(by_depth)
    position[by_depth] = np.arange(len(by_depth))
    level_start = np.concatenate([[0], np.bincount(_depths(tree)).cumsum()])
    order = np.concatenate([by_depth, np.arange(tree.n_nodes, tree.n_nodes + tree.n_classes)])
    up = position[parent[order]]
    inner = order < tree.n_nodes  # their parents are looked up among the level above alone
    up[inner] -= level_start[np.maximum(_depths(tree)[order[inner]] - 1, 0)]
    up[0] = 0
    ways = tree.paths()
    return {
        "_path_nodes": ways.nodes,
        "_path_slots": ways.slots,
        "_rows": rows,
        "_children": children,
        "_missing": ~exists,
        "_up": up,
        "_edge": parent[order] * tree.arity + place[order],
    }


def _fingerprint(tree: ClassTree) -> Tensor:
    """Return what tells trees apart, (32,) uint8: the SHA-256 of their nodes and children."""
    given = np.concatenate([tree.starts, tree.children]).astype("<i8")  # (2 nodes + k,)
    return torch.tensor(list(sha256(given.tobytes()).digest()), dtype=torch.uint8)


def _refuse_another_tree(head: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    assert isinstance(head, HierarchicalSoftmax)
    saved = state.get(f"{prefix}tree_fingerprint")  # torch says if it is missing
    if saved is not None and not torch.equal(saved.cpu(), _fingerprint(head.tree)):
        raise ParameterError(
            "the tree must be the one that the state was saved with, got another one"
            f" ('{prefix}tree_fingerprint' differs): its weights belong to other choices."
            " Make the head with a ClassTree from the same counts, order or groups."
        )


def _depths(tree: ClassTree) -> NDArray[np.int64]:
    """Return the depth of every inner node."""
    parent, depth = tree.parents()[0][: tree.n_nodes], np.zeros(tree.n_nodes, np.int64)
    at = parent
    while (at >= 0).any():
        depth += at >= 0
        at = np.where(at >= 0, parent[at], -1)
    return depth


def _part(bias: Tensor | None, stop: int) -> Tensor | None:
    return None if bias is None else bias[:stop]
